"""What is made of the instants at which a rule fires."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedulergodx.core.policy import (
    Deed,
    Overlap,
    Policy,
    deed,
    fault_of,
    is_missed,
    is_open,
    jitter_of_fire,
    runs_left,
    uid_of_fire,
)

UID = b"s" * 16
instants = st.floats(0, 4e9)


@given(instants, instants)
def test_a_fire_has_one_uid_and_another_fire_another(one: float, other: float) -> None:
    uid = uid_of_fire(UID, one)
    assert len(uid) == 16
    assert uid == uid_of_fire(UID, one)
    if abs(one - other) > 1e-5:
        assert uid != uid_of_fire(UID, other)
    assert uid != uid_of_fire(b"t" * 16, one)


@given(instants, instants)
def test_uids_of_fires_sort_by_their_instants(one: float, other: float) -> None:
    if other - one >= 0.002:
        assert uid_of_fire(UID, one) < uid_of_fire(UID, other)


@given(instants)
def test_a_jitter_is_within_its_bound(instant: float) -> None:
    assert 0 <= jitter_of_fire(UID, instant, Policy(jitter=60.0)) <= 60
    assert jitter_of_fire(UID, instant, Policy()) == 0


def test_what_a_fire_does_depends_on_how_many_runs_have_not_ended() -> None:
    """R50: multilaunch, max_instances."""
    assert deed(0, Policy(), uses_event=False) is Deed.RUN
    assert deed(1, Policy(), uses_event=False) is Deed.PASS_BY
    assert deed(1, Policy(), uses_event=True) is Deed.WAIT
    assert deed(1, Policy(max_instances=2), uses_event=False) is Deed.RUN
    assert deed(99, Policy(max_instances=None), uses_event=False) is Deed.RUN
    queued = Policy(overlap=Overlap.QUEUE, limit=2)
    assert [deed(n, queued, uses_event=False) for n in (1, 2, 3)] == [
        Deed.WAIT,
        Deed.WAIT,
        Deed.PASS_BY,
    ]
    replacing = Policy(overlap=Overlap.CANCEL_PREVIOUS)
    assert deed(1, replacing, uses_event=False) is Deed.REPLACE


def test_bounds_are_what_they_say() -> None:
    policy = Policy(start=10.0, end=20.0, max_runs=3, grace=5.0)
    assert [is_open(at, policy) for at in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert [runs_left(fires, policy) for fires in (0, 3, 4)] == [3, 0, 0]
    assert runs_left(9, Policy()) is None
    assert [is_missed(10.0, now, policy) for now in (10.0, 15.0, 15.1)] == [False, False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"grace": -1.0},
        {"jitter": float("nan")},
        {"limit": -1},
        {"max_instances": 0},
        {"max_runs": 0},
        {"expires": 0.0},
        {"start": float("inf")},
        {"start": 2.0, "end": 1.0},
    ],
)
def test_a_policy_that_makes_no_sense_is_told_apart(wrong: dict[str, float]) -> None:
    assert fault_of(Policy(**wrong))  # type: ignore[arg-type]
    assert fault_of(Policy()) == ""
