"""Bytes of values: equal for equal ones, in every process, and different for all others."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from schedulergodx.core.canonical import canonical
from tests.hash_seeds import answers

Point = namedtuple("Point", "x y")


class Color(Enum):
    RED = 1


class Size(IntEnum):
    SMALL = 1


@dataclass
class Order:
    number: int
    cache: list[int] = field(default_factory=list, compare=False)


class Line(Struct):
    length: int


DIFFERENT = [
    None,
    True,
    False,
    0,
    1,
    1.0,
    1.5,
    float("nan"),
    "1",
    b"1",
    "",
    [],
    (),
    {},
    set(),
    [1],
    (1,),
    {1},
    {1: 1},
    [[1], 1],
    [1, [1]],
    [1, 1],
    ["a", "b"],
    ["ab"],
    {"a": 1, "b": 2},
    {"a": 2, "b": 1},
    date(2026, 1, 1),
    datetime(2026, 1, 1),
    datetime(2026, 1, 1, tzinfo=UTC),
    time(1),
    timedelta(1),
    Decimal(1),
    Fraction(1, 2),
    1j,
    UUID(int=1),
    PurePosixPath("1"),
    Color.RED,
    Size.SMALL,
    Order(1),
    Order(2),
    Point(1, 2),
    Point(2, 1),
    Line(1),
]


def test_different_values_have_different_bytes() -> None:
    assert len({canonical(value) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, frozenset((2, 3, 1))),
        (0.0, -0.0),
        (b"x", bytearray(b"x")),
        (Order(1, cache=[1]), Order(1, cache=[2])),
        (
            datetime(2026, 1, 1, 12, tzinfo=UTC),
            datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1))),
        ),
    ],
)
def test_equal_values_have_the_same_bytes(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def exact(value: object) -> str:
    """A value with its types, for comparing: 1 is not True."""
    if isinstance(value, dict):
        return f"{{{sorted((key, exact(one)) for key, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(exact, value))})"
    return f"{type(value).__name__} {value + 0.0 if isinstance(value, float) else value!r}"


@given(plain, plain)
def test_bytes_are_equal_where_values_are(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == (exact(one) == exact(other))


def test_bytes_are_the_same_in_every_process() -> None:
    program = (
        "from schedulergodx.core.canonical import canonical\n"
        "value = {'names': {'b', 'a', 'c', 'd'}, 'more': frozenset(map(str, range(50)))}\n"
        "print(canonical(value).hex())"
    )
    assert len(answers(program)) == 1


def test_what_has_no_bytes_is_named() -> None:
    with pytest.raises(TypeError, match=r"builtins\.object"):
        canonical([{"a": object()}])
    with pytest.raises(TypeError, match="function"):
        canonical(lambda: None)
    with pytest.raises(TypeError, match="type"):
        canonical(Order)


def test_what_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(TypeError, match="contains itself"):
        canonical(endless)
