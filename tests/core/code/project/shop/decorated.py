"""Decorators of several kinds."""

import contextlib
import functools

from installed_parts import counted


def shouted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs) + "!"

    return wrapper


class Remember:
    """A decorator that is a class."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args), self.calls


def repeated(*, times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(x):
            for _ in range(times):
                x = function(x)
            return x

        return wrapper

    return decorate


@shouted
def greet(name):
    """Says it loudly."""
    return f"hello {name}"


@Remember
def plus_one(x):
    return x + 1


@repeated(times=3)
@repeated(times=2)
def doubled(x):
    return 2 * x


@counted
def by_installed(x):
    return x


@functools.lru_cache(maxsize=16)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@contextlib.contextmanager
def managed(x):
    yield x + 1


@functools.singledispatch
def described(x):
    return "something"


@described.register
def _(x: int):
    return "an int"


@described.register(list)
def _(x):
    return f"a list of {described(x[0])}"
