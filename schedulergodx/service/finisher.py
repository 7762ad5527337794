"""The finisher: settles how an attempt ended. A job is done, or it is tried again later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.lifecycle import another_attempt, retry_due
from schedulergodx.executors.base import Ended, Returned
from schedulergodx.storage.base import Again, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.executors.base import Marks
    from schedulergodx.service.dispatcher import Dispatcher
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import Running, Store


class Finisher:
    """Writes what became of attempts.

    chance: 0 to 1, for the jitter of retries
    """

    def __init__(self, store: Store, dispatcher: Dispatcher, chance: Callable[[], float]) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._chance = chance

    def settle(self, reports: Sequence[Ended | Returned], tick: Tick) -> None:
        """running -> what follows, for each report."""
        self._give_back([(r.seq, r.attempt) for r in reports if isinstance(r, Returned)], tick)
        ended = [report for report in reports if isinstance(report, Ended)]
        for report in ended:
            if report.units:
                self._store.add_units(report.units)
        self._write([self._next_here(report, tick.now) for report in ended], tick)

    def recover(self, running: Sequence[Running], marks: Marks, tick: Tick) -> tuple[int, int, int]:
        """Settle what a service that is gone left running: (ended, given back, interrupted)."""
        ended = self._settle_ended({(job.seq, job.attempt): job for job in running}, marks, tick)
        running = [job for job in running if (job.seq, job.attempt) not in ended]
        begun = [job for job in running if marks.began(job.worker, job.seq, job.attempt)]
        kept = {job.seq for job in begun}
        back = [(job.seq, job.attempt) for job in running if job.seq not in kept]
        self._give_back(back, tick)
        self._write([self._interrupted(job, tick.now) for job in begun], tick)
        return len(ended), len(back), len(begun)

    def _settle_ended(
        self, running: dict[tuple[int, int], Running], marks: Marks, tick: Tick
    ) -> set[tuple[int, int]]:
        """What had ended when the service died, and was not written by it."""
        moves: dict[tuple[int, int], Ending | Again] = {}
        reports = [(n, r) for n in {job.worker for job in running.values()} for r in marks.ended(n)]
        for worker, report in reports:
            job = running.get((report.seq, report.attempt))
            if job is not None and job.worker == worker:  # a job can write into those marks
                self._store.add_units(report.units)
                moves[job.seq, job.attempt] = self._next(report, job.spec, tick.now)
        self._write(list(moves.values()), tick)
        return set(moves)

    def _give_back(self, jobs: Sequence[tuple[int, int]], tick: Tick) -> None:
        """What had not begun may run later, unless it was called off meanwhile."""
        if not jobs:
            return
        called_off = self._store.cancel_asked([seq for seq, _ in jobs])
        back = [job for job in jobs if job[0] not in called_off]
        if back:
            self._store.give_back(back)
        text = "it was called off before it began"
        outcome = Outcome(Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, text))
        endings = [
            Ending(seq, attempt, outcome, None, tick.now)
            for seq, attempt in jobs
            if seq in called_off
        ]
        if endings:
            tick.told += self._store.finish(endings)

    def _write(self, moves: Sequence[Ending | Again], tick: Tick) -> None:
        agains = [move for move in moves if isinstance(move, Again)]
        called_off = self._store.cancel_asked([a.seq for a in agains]) if agains else set()
        endings = [move for move in moves if isinstance(move, Ending)]
        endings += [_cancelled(again) for again in agains if again.seq in called_off]
        if endings:
            tick.told += self._store.finish(endings)
        agains = [again for again in agains if again.seq not in called_off]
        if agains:
            self._store.retry(agains)

    def _next_here(self, report: Ended, now: float) -> Ending | Again:
        claimed = self._dispatcher.claimed(report.seq)
        if claimed is None:  # it was settled already: the store leaves it alone
            return _ending(report)
        return self._next(report, claimed.spec, now)

    def _next(self, report: Ended, spec: int, now: float) -> Ending | Again:
        if report.outcome.status is Status.COMPLETED:
            return _ending(report)
        rule = self._store.spec(spec).retry
        if not another_attempt(report.outcome, rule, report.attempt, final=report.final):
            return _ending(report)
        due = retry_due(rule, report.attempt, now, self._chance())
        return Again(
            report.seq, report.attempt, due, report.outcome, report.started, report.finished
        )

    def _interrupted(self, job: Running, now: float) -> Ending | Again:
        rule = self._store.spec(job.spec).retry
        text = (
            f"attempt {job.attempt} had begun when its service died; whether it had done its work "
            "is not known. Give the task max_attempts above 1 if it may be run again"
        )
        outcome = Outcome(Status.FAILED, failure=Failure(ErrorCode.INTERRUPTED, text))
        if another_attempt(outcome, rule, job.attempt, final=False):
            due = retry_due(rule, job.attempt, now, self._chance())
            return Again(job.seq, job.attempt, due, outcome, job.started, now)
        return Ending(job.seq, job.attempt, outcome, job.started, now)


def _ending(report: Ended) -> Ending:
    return Ending(report.seq, report.attempt, report.outcome, report.started, report.finished)


def _cancelled(again: Again) -> Ending:
    """It would be tried again, but a cancel was asked for while it ran."""
    text = "it was called off while an attempt ran, and that attempt failed"
    failure = Failure(ErrorCode.CANCELLED, text)
    outcome = Outcome(Status.CANCELLED, failure=failure, output=again.outcome.output)
    return Ending(again.seq, again.attempt, outcome, again.started, again.finished)
