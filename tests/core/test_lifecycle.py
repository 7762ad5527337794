"""The rules that choose a job's next move."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedulergodx.core.job import ErrorCode, Outcome, RetryRule, Status
from schedulergodx.core.lifecycle import (
    MOVES,
    another_attempt,
    first_status,
    retry_due,
    start_deadline,
)

FAILED = Outcome(Status.FAILED)
LIFECYCLE = Path(__file__).parents[2] / "docs" / "lifecycle.md"


@pytest.mark.parametrize(
    ("due", "status"),
    [
        (None, Status.PENDING),
        (99.0, Status.PENDING),
        (100.0, Status.PENDING),
        (100.1, Status.SCHEDULED),
    ],
)
def test_a_job_begins_pending_unless_its_time_is_to_come(due: float | None, status: Status) -> None:
    assert first_status(due, 100.0) is status


def test_a_job_without_a_delay_is_never_overdue() -> None:
    assert start_deadline(None, None, enable_overdue=False, grace=5).at is None


def test_the_earlier_of_expiry_and_overdue_counts_and_gives_the_code() -> None:
    both = start_deadline(100.0, 200.0, enable_overdue=False, grace=60)
    assert (both.at, both.code) == (160.0, ErrorCode.OVERDUE)
    expiry = start_deadline(100.0, 110.0, enable_overdue=False, grace=60)
    assert (expiry.at, expiry.code) == (110.0, ErrorCode.EXPIRED)
    wanted = start_deadline(100.0, 200.0, enable_overdue=True, grace=60)
    assert (wanted.at, wanted.code) == (200.0, ErrorCode.EXPIRED)


def test_waits_grow_up_to_their_bound() -> None:
    rule = RetryRule(attempts=9, delay=2, backoff=3, max_delay=50)
    assert [retry_due(rule, n, 1000.0, 0.5) - 1000 for n in (1, 2, 3, 4, 500)] == [2, 6, 18, 50, 50]


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 2000))
def test_jitter_stays_within_its_share(jitter: float, chance: float, attempt: int) -> None:
    rule = RetryRule(attempts=2, delay=10, backoff=2, jitter=jitter, max_delay=100)
    wait = retry_due(rule, attempt, 0.0, chance)
    middle = min(10 * 2.0 ** min(attempt - 1, 50), 100)
    assert middle * (1 - jitter) - 1e-9 <= wait <= middle * (1 + jitter) + 1e-9


@pytest.mark.parametrize("status", list(Status))
def test_only_a_failure_or_a_timeout_is_tried_again(status: Status) -> None:
    again = another_attempt(Outcome(status), RetryRule(attempts=2), 1, final=False)
    assert again is (status in (Status.FAILED, Status.TIMEOUT))


def test_attempts_end() -> None:
    rule = RetryRule(attempts=3)
    assert [another_attempt(FAILED, rule, n, final=False) for n in (1, 2, 3)] == [True, True, False]
    assert not another_attempt(FAILED, rule, 1, final=True)


def test_no_move_leaves_a_completed_job_and_every_status_can_be_reached() -> None:
    assert not [move for move in MOVES if move[0] is Status.COMPLETED]
    assert {to for _, to in MOVES} == set(Status)


def test_the_page_names_every_status_and_every_error_code() -> None:
    page = LIFECYCLE.read_text()
    assert [status for status in Status if f"`{status}`" not in page] == []
    assert [code for code in ErrorCode if f"| {code.value} | {code.name} |" not in page] == []
