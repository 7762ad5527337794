"""What JSON can hold travels unchanged; what it can't is refused where it is given."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedulergodx.core.json_data import read_arguments, read_json, write_arguments, write_json
from schedulergodx.errors import ShipError

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@dataclass
class Point:
    x: int


class Colour(enum.Enum):
    RED = "red"


@given(VALUES)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    assert read_json(write_json(value, "it")) == value


@given(st.lists(VALUES, max_size=3), st.dictionaries(st.text(), VALUES, max_size=3))
def test_arguments_read_back_equal(args: list[Any], kwargs: dict[str, Any]) -> None:
    assert read_arguments(write_arguments(tuple(args), kwargs)) == (args, kwargs)


def test_a_tuple_becomes_a_list() -> None:
    assert read_json(write_json({"a": (1, (2,))}, "it")) == {"a": [1, [2]]}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({1, 2}, "it is of type set"),
        ([1, {"a": b"x"}], r"it\[1\]\['a'\] is of type bytes"),
        ({"when": datetime.now(UTC)}, r"it\['when'\] is of type datetime\.datetime"),
        (date.today(), "datetime.date"),
        (uuid4(), "uuid.UUID"),
        (Decimal("1.5"), "decimal.Decimal"),
        (Point(1), "Point"),
        (Colour.RED, "Colour"),
        (math.nan, "it is nan"),
        ([[math.inf]], r"it\[0\]\[0\] is inf"),
        ({"a": {1: 2}}, r"it\['a'\] has the key 1"),
        ({True: 1}, "the key True"),
        ({None: 1}, "the key None"),
        ("\ud800", "surrogate"),
        (print, "builtin_function_or_method"),
        (object, "type"),
        (1j, "complex"),
    ],
)
def test_what_json_can_not_hold_is_named_with_its_path(value: Any, path: str) -> None:
    with pytest.raises(ShipError, match=path):
        write_json(value, "it")


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ShipError, match="contains itself"):
        write_json(loop, "it")


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [
        ((1, {2}), {}, "argument 2 is of type set"),
        ((), {"a": {"b": [0, object()]}}, r"argument 'a'\['b'\]\[1\] is of type object"),
    ],
)
def test_an_argument_is_named(args: tuple[Any, ...], kwargs: dict[str, Any], path: str) -> None:
    with pytest.raises(ShipError, match=path):
        write_arguments(args, kwargs)


def test_an_object_that_claims_to_be_equal_to_everything_is_refused() -> None:
    class Liar(set[int]):
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("do not compare me")

        __hash__ = None  # type: ignore[assignment]

    with pytest.raises(ShipError, match="Liar"):
        write_json([Liar()], "it")
