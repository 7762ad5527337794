"""Functions that run where their code is not."""

import functools
import operator
import sys
from typing import TYPE_CHECKING

import installed_parts
import numpy
from claim import claim
from shop import decorated, late, money
from shop.models import Caller, Child, Plain

if TYPE_CHECKING:
    from nowhere import Nowhere

LETTERS = {"b", "a", "c"}


@claim
def the_other_end_does_not_have_the_code(run):
    assert run(lambda: [name for name in sys.modules if name.startswith("shop")]) == []


@claim
def a_helper_of_the_same_module(run):
    assert run(money.quadruple, 3) == 12


@claim
def a_helper_of_another_module_of_the_package(run):
    assert run(lambda x: money.double(x) + money.FACTOR, 1) == 102


@claim
def a_relative_import_at_the_top(run):
    assert run(money.label, 5) == "5 EUR"


@claim
def a_module_of_the_user_through_its_packages(run):
    assert str(run(money.taxed, 10)) == "4.0"


@claim
def submodules_of_installed_packages_that_are_used_as_attributes(run):
    assert run(money.common, ["/a/b", "/a/c"]) == "/a"
    assert run(money.threaded, 4) == 8
    assert run(money.parsed, "<hello/>") == "hello"


@claim
def an_installed_submodule_behind_a_module_of_the_user(run):
    assert run(lambda: money.xml.dom.minidom.parseString("<a/>").documentElement.tagName) == "a"


@claim
def imports_inside_of_a_function(run):
    assert run(late.relative) == 42
    assert run(late.of_a_module) == 4
    assert run(late.dotted) == 2
    assert run(late.renamed) == 2
    assert run(late.installed) == ([1], True)
    assert run(late.missing) in ("shop", "shop.not_there")


@claim
def hints_that_only_a_type_checker_can_follow(run):
    assert run(money.hinted, 1) == 1


@claim
def a_counter_that_is_a_global_is_shared_by_the_functions_of_a_unit(run):
    assert run(money.counted) == (11, 11)
    assert run(money.counted) == (22, 22)
    assert money.COUNT == 0


@claim
def a_mutable_global_is_a_copy_that_the_worker_keeps(run):
    assert run(money.noted, "a") == ["a"]
    assert run(money.noted, "b") == ["a", "b"]
    assert money.NOTES == []


@claim
def recursion(run):
    assert run(money.factorial, 5) == 120


@claim
def mutual_recursion(run):
    assert run(money.even, 7) is False


@claim
def a_function_that_calls_itself_by_a_variable_of_another(run):
    def down(n):
        return 0 if n == 0 else down(n - 1)

    assert run(down, 3) == 0


@claim
def a_very_long_chain_of_helpers(run):
    space = {"__name__": "generated"}
    exec("def f0(x): return x\n", space)
    for n in range(1, 400):
        exec(f"def f{n}(x): return f{n - 1}(x) + 1\n", space)
    assert run(space["f399"], 0) == 399


@claim
def a_lambda(run):
    assert run(lambda x: x + 1, 1) == 2


@claim
def a_lambda_among_the_arguments_and_as_the_result(run):
    offset = 5
    assert run(lambda f, x: f(x), lambda x: money.double(x) + offset, 2) == 9
    assert run(lambda: lambda x: money.double(x))(4) == 8


@claim
def a_function_that_comes_back_is_the_very_same(run):
    assert run(lambda f: {"f": f}, money.double)["f"] is money.double


@claim
def a_closure_over_something_mutable(run):
    seen = []

    def append(x):
        seen.append(x)
        return len(seen)

    assert run(append, 1) == 1
    assert run(append, 1) == 2
    assert seen == []


@claim
def two_functions_that_share_a_variable(run):
    total = 0

    def add(x):
        nonlocal total
        total += x

    def read():
        return total

    def both():
        add(3)
        add(4)
        return read()

    assert run(both) == 7


@claim
def a_variable_that_is_not_bound_yet(run):
    def function():
        try:
            return later
        except NameError:
            return "unbound"

    packed = run(function)
    later = 1
    assert packed == "unbound"
    assert run(function) == later


@claim
def default_arguments_and_keyword_only_ones(run):
    def function(a, b=money.FACTOR, /, c=3, *rest, d=4, **more):
        return a, b, c, rest, d, more

    assert run(function, 1) == (1, 100, 3, (), 4, {})
    assert run(function, 1, 2, 3, 4, d=5, e=6) == (1, 2, 3, (4,), 5, {"e": 6})


@claim
def a_decorated_function(run):
    assert run(decorated.greet, "you") == "hello you!"
    assert run(lambda: (decorated.greet.__name__, decorated.greet.__doc__)) == (
        "greet",
        "Says it loudly.",
    )
    assert run(decorated.doubled, 1) == 64


@claim
def a_decorator_that_is_a_class(run):
    assert run(decorated.plus_one, 1) == (2, 1)
    assert run(lambda: decorated.plus_one(5)) == (6, 1)


@claim
def a_decorator_of_an_installed_package_uses_the_state_of_that_package(run):
    assert run(decorated.by_installed, 7) == (7, 1)
    assert run(lambda: installed_parts.CALLS) == ["by_installed"]
    assert installed_parts.CALLS == []


@claim
def functools_of_all_kinds(run):
    assert run(functools.partial(money.double, 4)) == 8
    assert run(functools.partial(Plain.make, 4)).x == 4
    assert run(decorated.fibonacci, 30) == 832040
    assert run(lambda x: [decorated.described(x), decorated.described([x])], 1) == [
        "an int",
        "a list of an int",
    ]


@claim
def a_context_manager_made_of_a_generator(run):
    def function(x):
        with decorated.managed(x) as more:
            return more

    assert run(function, 1) == 2


@claim
def a_bound_method(run):
    assert run(Plain(3).area) == 30
    assert run(Child(3, 4).area) == 34


@claim
def a_class_method_and_a_static_method(run):
    assert run(Plain.make, 3).x == 3
    assert type(run(Child.make.__func__, Plain, 1)) is Plain
    assert run(Plain.twice, 3) == 6


@claim
def an_instance_that_can_be_called(run):
    assert run(Caller(), 3) == 30


@claim
def an_async_function(run):
    async def wait(x):
        import asyncio

        await asyncio.sleep(0)
        return await deeper(x)

    async def deeper(x):
        return money.double(x)

    assert run(wait, 2) == 4


@claim
def a_generator_function(run):
    def count(n):
        yield from range(n)

    assert run(lambda n: list(count(n)), 3) == [0, 1, 2]


@claim
def a_class_body_inside_of_a_function_sees_globals(run):
    def function():
        class Inner:
            factor = LETTERS

        return Inner.factor

    assert run(function) == {"a", "b", "c"}


@claim
def a_builtin_and_an_installed_function_by_reference(run):
    assert run(len, [1, 2]) == 2
    assert run(operator.add, 1, 2) == 3
    assert run(numpy.mean, [1, 2, 3]) == 2.0
    assert run(numpy.linalg.norm, [3, 4]) == 5.0


@claim
def numpy_arrays_and_functions(run):
    array = numpy.arange(6).reshape(2, 3)
    assert (run(lambda a: numpy.linalg.norm(a) * a, array) > 10).sum() == 4
    assert run(numpy.add, array, 1).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert run(lambda a: a.dtype, array) == array.dtype


@claim
def numpy_objects_in_code(run):
    ufunc, dtype, scalar, array = numpy.add, numpy.dtype("int16"), numpy.float32(2), numpy.ones(2)
    assert run(lambda: (ufunc(1, 2), dtype.itemsize, scalar * array[0])) == (3, 2, 2.0)


@claim
def a_standard_stream(run):
    def function():
        print("not for the pipe", file=STREAM)
        return STREAM is sys.stdout

    global STREAM
    STREAM = sys.stdout
    assert run(function)


@claim
def an_object_with_a_reduction_of_its_own_travels_by_it(run):
    task = installed_parts.Reference("task", money.double)

    def launch(x):
        return task.name, task.function(x)

    task.function = launch  # as a task that launches itself
    assert run(lambda: (task.name, task.function.__name__)) == ("found task", "launch")
    assert run(lambda t: t.name, installed_parts.Reference("argument")) == "found argument"
    assert run(lambda: installed_parts.Reference("result")).name == "found result"


@claim
def code_that_asks_for_its_module_name(run):
    namespace = {"__name__": "shop.generated"}
    exec("def name(): return __name__", namespace)
    assert run(namespace["name"]) == "shop.generated"
    assert run(lambda: money.double.__module__) == "shop.money"


@claim
def two_namespaces_of_one_name_stay_two(run):
    one, two = ({"__name__": "twin", "VALUE": value} for value in (1, 2))
    for space in (one, two):
        exec("def read(): return VALUE", space)
    assert run(lambda: (one["read"](), two["read"]())) == (1, 2)


@claim
def locks_in_code_are_new_and_free(run):
    import threading

    lock, reentrant = threading.Lock(), threading.RLock()
    local = threading.local()
    lock.acquire()

    def function():
        local.x = 1
        with lock, reentrant:
            return local.x

    assert run(function) == 1


@claim
def things_that_are_built_of_locks(run):
    import queue
    import threading

    event, condition, waiting = threading.Event(), threading.Condition(), queue.Queue()
    event.set()
    waiting.put(1)

    def function():
        with condition:
            return event.is_set(), waiting.get(timeout=1)

    assert run(function) == (True, 1)


@claim
def weak_references_in_code(run):
    from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

    by_key, by_value, members = WeakKeyDictionary(), WeakValueDictionary(), WeakSet()
    by_key[Plain.area] = 1
    by_value["a"] = Plain.area
    members.add(Plain.area)
    assert run(lambda: (len(by_key), len(by_value), len(members), Plain)) == (1, 1, 1, Plain)


@claim
def hints_of_many_kinds(run):
    import typing
    from collections.abc import Callable

    def function(
        a: list[Plain], b: int | Plain, c: typing.Annotated[int, Plain(1)], d: "Nowhere" = None
    ) -> Callable[[int], typing.Literal["x"] | None]:
        return function.__annotations__

    hints = run(function, 1, 2, 3)
    assert hints["a"] == list[Plain]
    assert hints["b"] == int | Plain
    assert hints["c"] == typing.Annotated[int, Plain(1)]
    assert hints["d"] == "Nowhere"
    assert hints["return"] == Callable[[int], typing.Literal["x"] | None]


@claim
def a_proxy_that_can_not_say_what_it_stands_for(run):
    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("nothing is bound")

        def __reduce_ex__(self, protocol):
            return str, ("proxy",)

    proxy = Proxy()
    assert run(lambda: proxy) == "proxy"


@claim
def a_launch_inside_of_a_job_gets_back_classes_of_that_job(run):
    def outer(p):
        from schedulergodx.core.code import Packer, Unpacker

        def there(packed, arguments, units):
            """What another worker does."""
            unpacker, packer = Unpacker(in_worker=True), Packer(in_worker=True)
            for hash, body in {**packed.units, **units}.items():
                unpacker.add_unit(hash, body)
            function = unpacker.load_function(packed.hash).function
            args, kwargs = unpacker.load_arguments(
                arguments.body, arguments.units, function=packed.hash
            )
            result = function(*args, **kwargs)
            assert type(args[0]) is type(result)
            assert type(result) is not type(p)
            value = packer.pack_value(result)
            return value, {hash: packer.unit(hash) for hash in value.units}

        packer, unpacker = Packer(), Unpacker()
        packed = packer.pack_function(inner)
        arguments = packer.pack_arguments((p,), {})
        units = {hash: packer.unit(hash) for hash in arguments.units}
        value, units = there(packed, arguments, units)
        back = unpacker.load_value(value.body, value.units)
        return type(back) is type(p) is Plain, back.x

    def inner(p):
        return Plain(p.x + 1)

    assert run(outer, Plain(1)) == (True, 2)


@claim
def generics_of_the_new_syntax(run):
    if sys.version_info < (3, 12):
        return
    import types

    source = """
class Stack[T]:
    def __init__(self, *items: T):
        self.items = items
def first[S](stack: Stack[S]) -> S:
    return stack.items[0]
type Numbers = list[int]
def alias():
    return Numbers.__value__
"""
    module = sys.modules["newer"] = types.ModuleType("newer")
    exec(source, vars(module))
    assert run(module.first, module.Stack(4, 5)) == 4
    assert type(run(lambda: module.Stack(1))) is module.Stack
    assert run(module.alias) == list[int]
    assert run(lambda: len(module.first.__type_params__)) == 1


@claim
def context_variables_in_code(run):
    from contextvars import ContextVar

    plain, with_default = ContextVar("plain"), ContextVar("with_default", default=3)
    plain.set(1)
    assert run(lambda: (plain.get(None), with_default.get())) == (None, 3)


@claim
def what_is_bound_anew_is_packed_again(run):
    before = run.packer.pack_function(money.quadruple)
    assert run.packer.pack_function(money.quadruple) is before
    double = money.double
    money.double = lambda x: 3 * x
    try:
        assert run(money.quadruple, 1) == 9
    finally:
        money.double = double
    assert run(money.quadruple, 1) == 4
    assert run.packer.pack_function(money.quadruple).hash == before.hash


@claim
def a_changed_cell_default_or_body_is_packed_again(run):
    value = 1

    def function(x=1):
        return value + x

    assert run(function) == 2
    value = 10
    assert run(function) == 11
    function.__defaults__ = (5,)
    assert run(function) == 15
    function.__code__ = (lambda x: value * x).__code__
    assert run(function) == 50


@claim
def a_change_inside_of_an_object_is_seen_after_refresh(run):
    values = [1]

    def function():
        return values

    assert run(function) == [1]
    values.append(2)
    assert run(function) == [1]
    run.packer.refresh(function)
    assert run(function) == [1, 2]


@claim
def a_name_that_is_defined_later_is_packed_then(run):
    space = {"__name__": "growing"}
    exec("def function(): return later()", space)
    try:
        run(space["function"])
    except NameError as error:
        assert "later" in str(error)
    space["later"] = lambda: "there"
    assert run(space["function"]) == "there"
