"""Plain data: written by the quick way as by the other, and nothing else is taken for plain."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from enum import IntEnum
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as some

from schedulergodx.core.code.plain import dump_plain
from schedulergodx.core.code.territory import Territory
from schedulergodx.core.code.value_pickler import ValuePickler

ATOMS = (
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.binary()
)
PLAIN = some.recursive(
    ATOMS,
    lambda items: (
        some.lists(items) | some.dictionaries(some.text(), items) | some.tuples(items, items)
    ),
    max_leaves=20,
)


class Colour(IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


def no_class(cls: type) -> str:
    raise AssertionError(cls)


@given(PLAIN)
def test_it_is_written_as_by_the_way_for_all(value: object) -> None:
    plain = dump_plain(value)
    if plain is not None:
        file = BytesIO()
        ValuePickler(file, Territory(), no_class).dump(value)
        assert plain == file.getvalue()


@pytest.mark.parametrize("value", [((5,), {"name": "a", "of": [1, 2.0, None]}), b"x", {"a": (1,)}])
def test_what_is_plain_takes_the_quick_way(value: object) -> None:
    plain = dump_plain(value)
    assert plain is not None
    assert pickle.loads(plain) == value


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        [Colour.RED],
        {"key": Text("a")},
        {Colour.RED: 1},
        OrderedDict(a=1),
        ({1, 2},),
        len,
        [[[[[1]]]]],
        list(range(100)),
    ],
)
def test_what_is_not_or_is_large_takes_the_other(value: object) -> None:
    assert dump_plain(value) is None
