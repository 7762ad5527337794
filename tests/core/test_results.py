"""Placeholders for results: as pickles and as JSON, and uids that follow from others."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from schedulergodx.core.identity import derived_uid, new_uid, ulid
from schedulergodx.core.json_data import is_exact, read_json, write_json
from schedulergodx.core.results import (
    ResultOf,
    ResultsOf,
    as_json,
    from_json,
    results_at_hand,
    results_met,
)

ONE, TWO = new_uid(1.0, b"1" * 10), new_uid(1.0, b"2" * 10)


def test_a_placeholder_becomes_the_value_where_it_is_opened() -> None:
    with results_met() as met:
        data = pickle.dumps({"deep": [ResultOf(ONE), (ResultOf(TWO),)]})
    assert {one.uid for one in met} == {ONE, TWO}
    with results_at_hand({ONE: "first", TWO: None}):
        assert pickle.loads(data) == {"deep": ["first", (None,)]}
    assert pickle.loads(data) == {"deep": [ResultOf(ONE), (ResultOf(TWO),)]}


def test_a_result_that_is_not_wanted_is_not_at_hand() -> None:
    with results_met():
        data = pickle.dumps(ResultOf(ONE))
    with results_at_hand({TWO: 2}), pytest.raises(LookupError, match=ONE.hex()):
        pickle.loads(data)


def test_a_placeholder_in_json_becomes_the_value() -> None:
    met: list[object] = []
    written = write_json(as_json([{"a": ResultOf(ONE)}, (1, ResultOf(TWO))], met), "arguments")
    assert met == [ResultOf(ONE), ResultOf(TWO)]
    assert read_json(written)[0] == {"a": {"$result": ulid(ONE)}}
    assert from_json(read_json(written), {ONE: [1], TWO: 2}) == [{"a": [1]}, [1, 2]]


def test_data_that_only_looks_like_a_placeholder_stays() -> None:
    data = [{"$result": "what I said"}, {"$result": ulid(TWO), "more": 1}]
    assert from_json(data, {ONE: 1, TWO: 2}) == data


def test_the_values_of_a_group_are_those_that_follow_from_one_uid_in_order() -> None:
    data = pickle.dumps(ResultsOf(ONE))
    values = {derived_uid(ONE, n): n for n in (2, 0, 1)}
    with results_at_hand({**values, TWO: "another"}):
        assert pickle.loads(data) == [0, 1, 2]
    with results_at_hand({TWO: "another"}):
        assert pickle.loads(data) == []


def test_derived_uids_are_of_the_same_moment_and_always_the_same() -> None:
    uids = [derived_uid(ONE, n) for n in range(1000)]
    assert uids == [derived_uid(ONE, n) for n in range(1000)]
    assert len({*uids, *(derived_uid(TWO, n) for n in range(1000))}) == 2000
    assert {uid[:6] for uid in uids} == {ONE[:6]}


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ({"a": [1, 2.5, "x", None, True, {}]}, True),
        ((1, 2), False),
        ({1: 2}, False),
        (float("nan"), False),
        (2**63, False),
        (b"x", False),
        (type("Text", (str,), {})("x"), False),
    ],
)
def test_only_what_json_brings_back_as_it_is_counts_as_exact(value: Any, exact: bool) -> None:
    assert is_exact(value) is exact


def test_what_contains_itself_is_not_exact() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert not is_exact(endless)
