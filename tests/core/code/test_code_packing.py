"""What a packer and an unpacker say and do at their edges; both are in this process here."""

from __future__ import annotations

import gc
import json
import queue
import socket
import sqlite3
import sys
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import dill
import msgspec
import numpy
import pytest

from schedulergodx.core.code import (
    MissingModule,
    Packer,
    Unpacker,
    UnreadableCode,
    interpreter_tag,
    serializer_tag,
)
from schedulergodx.core.code.territory import Territory
from schedulergodx.core.code.unit import hash_of, unwrap, wrap
from schedulergodx.core.code.use import Import, use_of
from schedulergodx.errors import SchedulerGodXError, ShipError, TooLarge

RATES = {"a": 1.5}
TABLE = "x" * 300_000
LOCK = threading.Lock()
COUNT = 0
DATABASE = sqlite3.connect(":memory:")


class Config:
    pass


class Repository:
    def rows(self) -> object:
        return DATABASE


class Struct(msgspec.Struct):
    x: int


class Column:
    """As an ORM makes them of annotations: it knows itself by its class and its name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.place = owner, name

    def __get__(self, instance: object, owner: type) -> Column:
        return self

    def __reduce__(self) -> object:
        return getattr, self.place


class Table:
    id = Column()


class Singleton:
    def __reduce__(self) -> str:
        return "SINGLETON"


SINGLETON = Singleton()


def double(x: int) -> int:
    return 2 * x


def quadruple(x: int) -> int:
    return double(double(x))


def connected() -> object:
    return Repository().rows()


def surprising(name: str) -> object:
    global COUNT
    COUNT += 1
    with LOCK:
        return RATES, TABLE, json, numpy.mean, eval(name), __file__, not_yet  # noqa: F821


@pytest.fixture
def packer() -> Packer:
    return Packer()


@pytest.fixture
def open_socket() -> Iterator[socket.socket]:
    with socket.socket() as opened:
        yield opened


# -- what can't travel ----------------------------------------------------------------------------


def refusal(pack: Callable[..., object], *args: Any) -> str:
    """The text of the ShipError that `pack` raises."""
    with pytest.raises(ShipError) as raised:
        pack(*args)
    return str(raised.value)


def test_an_argument_that_can_not_travel_is_named_with_the_way_to_it(
    packer: Packer, open_socket: socket.socket
) -> None:
    holder = Config()
    holder.config = Config()  # type: ignore[attr-defined]
    holder.config.connection = {"x": open_socket, "y": 1}  # type: ignore[attr-defined]
    text = refusal(packer.pack_arguments, (holder,), {})
    assert text.startswith(
        "argument 1: .config.connection['x'] is of type socket.socket, which can't travel"
    )
    assert "argument 'a': [0] " in refusal(packer.pack_arguments, (), {"a": [open_socket]})
    assert refusal(packer.pack_arguments, (1, open_socket), {}).startswith("argument 2 is of type")


def test_the_way_leads_past_what_only_refers_back(
    packer: Packer, open_socket: socket.socket
) -> None:
    parent, child = Config(), Config()
    parent.child, child.parent = child, parent  # type: ignore[attr-defined]
    parent.socket = open_socket  # type: ignore[attr-defined]
    assert "argument 1: .socket is " in refusal(packer.pack_arguments, (parent,), {})


@pytest.mark.parametrize(
    "make",
    [
        threading.Lock,
        threading.Thread,
        threading.local,
        queue.SimpleQueue,
        lambda: (n for n in range(3)),
        Path(__file__).open,
        lambda: SINGLETON,
        lambda: Struct(1),
    ],
)
def test_what_belongs_to_a_process_is_refused_as_an_argument(
    packer: Packer, make: Callable[[], Any]
) -> None:
    thing = make()
    try:
        assert "can't travel" in refusal(packer.pack_arguments, (thing,), {})
        assert "can't travel" in refusal(packer.pack_value, thing)
    finally:
        getattr(thing, "close", lambda: None)()


def test_a_function_that_can_not_travel_is_named_with_the_way_to_what_it_uses(
    packer: Packer, open_socket: socket.socket
) -> None:
    text = refusal(packer.pack_function, connected)
    assert "connected: global 'Repository'.rows, global 'DATABASE' is of type sqlite3." in text
    assert "variable 'open_socket' is " in refusal(packer.pack_function, lambda: open_socket)
    text = refusal(packer.pack_arguments, ([lambda: open_socket],), {})
    assert "argument 1: [0], variable 'open_socket' is " in text


def test_a_class_that_only_compiled_code_can_make_says_what_to_do(packer: Packer) -> None:
    text = refusal(packer.pack_arguments, (Struct(1),), {})
    assert "Struct" in text
    assert "by_reference" in text


def test_a_class_of_which_a_framework_keeps_account_says_what_to_do(packer: Packer) -> None:
    text = refusal(packer.pack_arguments, (Table(),), {})
    assert "Table" in text
    assert "by_reference" in text


def test_what_is_nested_without_end_is_refused(packer: Packer) -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert "argument 1 is nested too deeply" in refusal(packer.pack_arguments, (nested,), {})


def test_code_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLarge, match="64 MiB is the most"):
        wrap(bytes((64 << 20) + 1))


# -- units ----------------------------------------------------------------------------------------


def test_a_unit_is_found_by_the_hash_of_what_is_in_it(packer: Packer) -> None:
    packed = packer.pack_function(double)
    body = packed.units[packed.hash]
    assert packer.unit(packed.hash) == body
    assert hash_of(unwrap(packed.hash, body)) == packed.hash
    assert len(packed.hash) == 16


def test_a_large_unit_is_deflated_and_a_small_one_is_not() -> None:
    large, small = bytes(100_000), b"small"
    assert len(wrap(large)) < 1000
    assert unwrap(hash_of(large), wrap(large)) == large
    assert wrap(small) == b"\0small"
    assert unwrap(hash_of(small), wrap(small)) == small


@pytest.mark.parametrize(
    "damaged", [b"", b"\0other", b"\1no deflate", b"\1" + zlib.compress(b"other")]
)
def test_a_unit_that_is_not_what_its_hash_says_is_refused(damaged: bytes) -> None:
    unpacker, hash = Unpacker(), hash_of(b"small")
    with pytest.raises(UnreadableCode):
        unpacker.add_unit(hash, damaged)
    assert not unpacker.has(hash)


def test_a_unit_that_would_fill_the_memory_is_refused() -> None:
    bomb = b"\1" + zlib.compress(bytes(65 << 20))
    with pytest.raises(UnreadableCode, match="64 MiB"):
        unwrap(bytes(16), bomb)


def test_a_function_is_opened_once_and_forgotten_when_asked(packer: Packer) -> None:
    unpacker = Unpacker(in_worker=True)
    packed = packer.pack_function(quadruple, retry_on=(OSError,), give_up_on=(ValueError,))
    unpacker.add_unit(packed.hash, packed.units[packed.hash])
    loaded = unpacker.load_function(packed.hash)
    assert loaded.function(2) == 8
    assert (loaded.retry_on, loaded.give_up_on) == ((OSError,), (ValueError,))
    assert unpacker.load_function(packed.hash) is loaded
    assert unpacker.has(packed.hash)
    unpacker.forget()
    assert not unpacker.has(packed.hash)
    with pytest.raises(UnreadableCode, match="did not arrive"):
        unpacker.load_function(packed.hash)


def test_what_can_not_be_opened_raises_one_kind_of_error(packer: Packer) -> None:
    unpacker = Unpacker(in_worker=True)
    packed = packer.pack_arguments((Config(),), {})
    for body, units in ((b"no pickle", ()), (packed.body, ()), (packed.body, packed.units)):
        with pytest.raises(UnreadableCode):
            unpacker.load_value(body, units)
    gone = packer.pack_value(numpy.zeros(1)).body.replace(b"numpy", b"nympu")
    with pytest.raises(MissingModule, match="nympu") as raised:
        unpacker.load_value(gone)
    assert raised.value.name.startswith("nympu")
    assert isinstance(raised.value, ImportError)
    assert isinstance(raised.value, SchedulerGodXError)


def test_a_value_that_failed_to_open_does_not_spoil_the_next(packer: Packer) -> None:
    class Fragile:
        tool = numpy.linalg.norm

        def __init__(self) -> None:
            self.x = 1

    unpacker = Unpacker(in_worker=True)
    packed = packer.pack_arguments((Fragile(),), {})
    (hash,) = packed.units
    unpacker.add_unit(hash, packer.unit(hash))
    found = sys.modules.pop("numpy.linalg")
    sys.modules["numpy.linalg"] = None  # type: ignore[assignment]  # so an import of it fails
    try:
        for _ in range(2):
            with pytest.raises(MissingModule):
                unpacker.load_value(packed.body, packed.units)
    finally:
        sys.modules["numpy.linalg"] = found
    ((opened,), _) = unpacker.load_value(packed.body, packed.units)
    assert vars(type(opened))["tool"] is numpy.linalg.norm


# -- packing once, and again ----------------------------------------------------------------------


def test_a_function_is_pickled_once(packer: Packer) -> None:
    packed = packer.pack_function(quadruple)
    assert packer.pack_function(quadruple) is packed
    assert packer.pack_function(quadruple, retry_on=(OSError,)) is not packed


def test_a_helper_of_a_helper_that_is_bound_anew_is_noticed(
    packer: Packer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outer(x: int) -> int:
        return quadruple(x)

    packed = packer.pack_function(outer)
    monkeypatch.setattr(sys.modules[__name__], "double", lambda x: x)
    assert packer.pack_function(outer).hash != packed.hash
    monkeypatch.undo()
    assert packer.pack_function(outer).hash == packed.hash


def test_a_function_that_is_gone_is_not_kept(packer: Packer) -> None:
    def make() -> Callable[[int], list[Config]]:
        content = [Config()]

        def recursive(n: int) -> list[Config]:
            return recursive(n - 1) if n else content

        return recursive

    function = make()
    content = weakref.ref(function(1)[0])
    packer.pack_function(function)
    assert packer.pack_function(function) is packer.pack_function(function)
    del function
    gc.collect()
    assert content() is None


def test_many_threads_get_the_same(packer: Packer) -> None:
    def pack(n: int) -> tuple[bytes, bytes]:
        arguments = packer.pack_arguments((Config(), n % 7, double), {})
        assert all(packer.unit(hash) for hash in arguments.units)
        return packer.pack_function(quadruple).hash, arguments.units[0]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(pack, range(200)))) == 1


# -- explaining -----------------------------------------------------------------------------------


def test_an_explanation_lists_what_travels_and_how(packer: Packer) -> None:
    told = packer.explain(quadruple)
    by_value = {(item.kind, item.name.rpartition(".")[2]) for item in told.by_value()}
    assert by_value == {("function", "quadruple"), ("function", "double")}
    assert all(item.size > 0 for item in told.by_value())
    assert told.wire_size < told.size
    assert told.error is None
    assert not told.warnings
    assert not told.packages
    assert "quadruple: " in str(told)
    assert "on the wire" in str(told)
    assert "by reference: nothing" in str(told)
    assert repr(told) == str(told)


def test_an_explanation_warns_of_what_surprises(packer: Packer) -> None:
    told = packer.explain(surprising)
    assert told.packages == ("numpy",)
    warned = "\n".join(told.warnings)
    for words in (
        "assigns the global 'COUNT'",
        "RATES (dict) is copied",
        "TABLE has 300006 bytes",
        "a new lock is made where it runs",
        "uses __file__",
        "calls eval()",
        "uses 'not_yet', which is not defined now",
    ):
        assert words in warned
    assert all(words in str(told) for words in ("worth knowing", "must be installed", "numpy"))


def test_an_explanation_says_why_something_can_not_travel(packer: Packer) -> None:
    told = packer.explain(connected)
    assert told.error is not None
    assert "global 'DATABASE'" in told.error
    assert "can't travel" in str(told)


# -- whose code it is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "module", ["json", "os.path", "builtins", "numpy", "numpy.linalg", "pytest", "schedulergodx"]
)
def test_installed_code_is_not_the_users_own(module: str) -> None:
    assert not Territory().owns(module)


@pytest.mark.parametrize("module", [__name__, "__main__", "never_heard_of"])
def test_everything_else_is(module: str) -> None:
    assert Territory().owns(module)


def test_a_module_that_was_made_at_run_time_is_the_users_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "made_now", ModuleType("made_now"))
    assert Territory().owns("made_now")


def test_the_longest_name_of_a_rule_wins() -> None:
    territory = Territory(by_value=["numpy.linalg", json], by_reference=["numpy"])
    assert territory.owns("numpy.linalg.inner")
    assert territory.owns("json.decoder")
    assert not territory.owns("numpy.fft")
    assert not territory.owns("numpy.linalgebra")


def test_a_worker_owns_nothing_but_what_came() -> None:
    assert not Territory(in_worker=True).owns("never_heard_of_either")


# -- reading bytecode -----------------------------------------------------------------------------


def test_what_code_uses_is_read_from_it() -> None:
    def function(x: Any) -> Any:
        global COUNT
        import os.path
        from json import dumps, loads

        COUNT = 1
        getattr(x, "word")  # noqa: B009
        return numpy.linalg.norm(x), os, dumps, loads, [RATES for _ in x]

    use = use_of(function.__code__)
    assert use.globals == ("COUNT", "getattr", "numpy", "RATES")
    assert use.assigned == {"COUNT"}
    assert use.chains["numpy"] == {("linalg", "norm")}
    assert use.chains["RATES"] == {()}
    assert {"word", "linalg", "norm"} <= set(use.attributes)
    assert use.imports == (Import("os.path", 0, ()), Import("json", 0, ("dumps", "loads")))


def test_the_tags_name_interpreter_and_serializer() -> None:
    assert interpreter_tag() == f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    assert serializer_tag() == f"dill/{dill.__version__}"
