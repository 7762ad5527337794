from __future__ import annotations

from schedulergodx.executors.pace import AHEAD, MOST, Pace

QUICK, SLOW = b"quick", b"slow"


def test_nothing_is_sent_ahead_before_anything_is_known() -> None:
    assert Pace().ahead(0.0) == 0


def test_quick_jobs_are_sent_ahead_up_to_a_bound() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(QUICK, 1e-6)
    assert pace.ahead(0.0) == MOST / 4


def test_what_a_worker_holds_counts() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(QUICK, 0.001)
    assert 3 <= pace.ahead(0.0) <= 5
    assert pace.ahead(AHEAD) == 0


def test_large_jobs_are_not_sent_ahead_however_quick() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(QUICK, 1e-6, 1 << 20)
    assert pace.ahead(0.0) == 0
    assert pace.expect(QUICK) < 0.001
    assert pace.expect(QUICK, 4 << 20) > 2 * AHEAD


def test_a_task_is_known_by_its_own_jobs() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(SLOW, 1.0)
        pace.learn(QUICK, 1e-6)
    assert pace.expect(QUICK) < 0.001
    assert pace.expect(SLOW) > 0.9


def test_an_unknown_task_is_expected_to_be_like_the_others() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(SLOW, 1.0)
    assert pace.expect(QUICK) > 0.9


def test_where_a_claim_is_long_on_its_way_more_is_sent_ahead() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(QUICK, 1e-6)
    quick = pace.ahead(0.0)
    for now in range(30):
        pace.offer(now)
        pace.take(now + 0.01)
    assert quick < pace.ahead(0.0) == MOST
    assert pace.ahead(pace.horizon) == 0
    for now in range(100, 130):
        pace.offer(now)
        pace.take(now + 0.0001)
    assert pace.ahead(0.0) == quick


def test_of_jobs_of_some_milliseconds_a_worker_has_the_next_one() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(SLOW, 0.02)
    assert pace.ahead(0.0) == 0, "beside the first"
    assert pace.ahead(pace.expect(SLOW)) == 1
    assert pace.wants_next(pace.expect(SLOW))
    assert pace.ahead(2 * pace.expect(SLOW)) == 0
    assert not pace.wants_next(2 * pace.expect(SLOW))


def test_behind_a_job_that_is_long_for_its_kind_none_is_sent() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn(SLOW, 0.02)
    pace.learn(QUICK, 1.0)
    for _ in range(100):
        pace.learn(SLOW, 0.02)
    assert pace.ahead(pace.expect(QUICK)) == 0
