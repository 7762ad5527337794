"""Stands for an installed package: both ends can import it."""

import functools


class Reference:
    """Travels as a name, as a client or a task does."""

    def __init__(self, name, function=None):
        self.name = name
        self.function = function

    def __reduce__(self):
        return find_reference, (self.name, self.function)


def find_reference(name, function=None):
    """What a reference becomes."""
    return Reference(f"found {name}", function)


def counted(function):
    """A decorator of an installed package: its closure has state of the package."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        CALLS.append(function.__name__)
        return function(*args, **kwargs), len(CALLS)

    return wrapper


class Base:
    """A class to inherit from."""

    def __init_subclass__(cls, *, label, **options):
        super().__init_subclass__(**options)
        cls.label = label


class Error(Exception):
    """One that is built of other things than it shows."""

    def __init__(self, status, detail):
        super().__init__(f"{status}: {detail}")
        self.status = status


CALLS = []
