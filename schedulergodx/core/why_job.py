"""Why a job does not run, or ended as it did: one rule, from facts that a service has gathered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schedulergodx.core.job import ErrorCode, Status
from schedulergodx.core.limit import Rate
from schedulergodx.core.view import JobView
from schedulergodx.core.why import Reason, Why, not_served
from schedulergodx.quantity import format_duration, format_rate

_NAMED = 5  # jobs that a sentence names


@dataclass(frozen=True, slots=True)
class Related:
    """Another job, as people know it."""

    id: str
    task: str
    status: Status

    def __str__(self) -> str:
        return f"{self.id} of {self.task} ({self.status.value})"


@dataclass(frozen=True, slots=True)
class Hold:
    """A limit that a job shares.

    what: as in a sentence, "queue 'mail'"
    concurrency: how many may run at once
    rate: how many may start in a while
    running: how many do
    holders: some of those
    opens: instant from which on the next may start by the rate
    """

    what: str
    concurrency: int | None
    rate: Rate | None
    running: int
    holders: Sequence[Related] = ()
    opens: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a job and of what it waits for.

    now: instant
    parents: some of those that are not met
    unmet: how many these are
    joined: the job whose outcome it will have
    for_batch: whether it runs at the end of a batch
    served: the queues of the service
    paused: since when its queue is
    holds: limits that it shares
    places: how many of its kind are free
    running: jobs of its kind that have one
    """

    view: JobView
    now: float
    parents: Sequence[Related] = ()
    unmet: int = 0
    joined: Related | None = None
    for_batch: bool = False
    served: Collection[str] = ()
    paused: float | None = None
    holds: Sequence[Hold] = ()
    places: int = 0
    running: int = 0
    stopping: bool = False


def explain(facts: Facts) -> Why:
    """Why that job does not run, or ended as it did."""
    status = facts.view.status
    if status.final:
        return _ended(facts.view)
    if status is Status.RUNNING:
        return _running(facts)
    if status is Status.SCHEDULED:
        return _scheduled(facts)
    if status is Status.BLOCKED:
        return _blocked(facts)
    return _pending(facts)


def _scheduled(facts: Facts) -> Why:
    view, due = facts.view, facts.view.due or facts.now
    when = at(due, facts.now)
    details: dict[str, Any] = {"due": due}
    if not view.attempt:
        return Why(Reason.NOT_DUE, f"it is not due: it may run from {when}", details)
    last = view.attempts[-1].text if view.attempts else ""
    details |= {"attempt": view.attempt, "max_attempts": view.max_attempts, "error": last}
    sentence = (
        f"attempt {view.attempt} of {view.max_attempts} did not succeed{_because(last)}; "
        f"the next one may run from {when}"
    )
    return Why(Reason.RETRY, sentence, details)


def _blocked(facts: Facts) -> Why:
    if facts.joined is not None:
        sentence = f"another job has its key, and its outcome will be that of {facts.joined}"
        return Why(Reason.JOINED, sentence, {"job": as_dict(facts.joined)})
    if facts.for_batch or not facts.parents:
        return Why(Reason.BATCH, "it runs when all jobs of its batch have ended")
    failed = [parent for parent in facts.parents if parent.status.final]
    jobs = "a job" if facts.unmet == 1 else f"{facts.unmet} jobs"
    sentence = f"it waits for {jobs} to complete: {names(facts.parents, facts.unmet)}"
    if failed:
        sentence += "; what did not complete must be requeued, or this one cancelled"
    details = {"unmet": facts.unmet, "parents": [as_dict(one) for one in facts.parents]}
    return Why(Reason.PARENTS, sentence, details)


def _pending(facts: Facts) -> Why:
    queue = facts.view.queue
    if queue not in facts.served:
        return not_served(
            queue,
            f"its service does not serve queue {queue!r} any more: start it with that queue, or "
            "move the job (`sgx job change ID --queue NAME`)",
        )
    if facts.stopping:
        return Why(Reason.STOPPING, "its service is stopping: it runs when that is back")
    if facts.paused is not None:
        sentence = f"queue {queue!r} is paused since {_instant(facts.paused)}"
        return Why(Reason.PAUSED, sentence, {"queue": queue, "since": facts.paused})
    return _held(facts) or _placeless(facts) or Why(Reason.SOON, "it is about to start")


def _held(facts: Facts) -> Why | None:
    for hold in facts.holds:
        if hold.concurrency is not None and hold.running >= hold.concurrency:
            details = {"limit": hold.what, "concurrency": hold.concurrency, "running": hold.running}
            sentence = (
                f"of {hold.what} {hold.concurrency} may run at once, and as many do: "
                f"{names(hold.holders, hold.running)}"
            )
            holders = {"holders": [as_dict(one) for one in hold.holders]}
            return Why(Reason.LIMIT, sentence, details | holders)
        if hold.rate is not None and hold.opens is not None and hold.opens > facts.now:
            rate = format_rate(hold.rate.starts, hold.rate.seconds)
            sentence = (
                f"of {hold.what} {rate} may start: the next one from {at(hold.opens, facts.now)}"
            )
            return Why(Reason.RATE, sentence, {"limit": hold.what, "rate": rate, "at": hold.opens})
    return None


def _placeless(facts: Facts) -> Why | None:
    if facts.places:
        return None
    kind = facts.view.execution
    details = {"execution": kind, "running": facts.running}
    if facts.running:
        sentence = (
            f"all places for {kind!r} jobs are taken, by {facts.running} of them: it starts when "
            "one ends and none of a higher priority or age waits"
        )
        return Why(Reason.BUSY, sentence, details)
    sentence = (
        f"there is no worker for {kind!r} jobs now: it is about to be started, or can't be, and "
        "then the log of the service says why"
    )
    return Why(Reason.NO_WORKER, sentence, details)


def _running(facts: Facts) -> Why:
    view = facts.view
    since = view.started or facts.now
    details = {"attempt": view.attempt, "since": since, "worker": view.worker}
    sentence = f"it runs since {_instant(since)}, attempt {view.attempt} of {view.max_attempts}"
    if not view.cancel_asked:
        return Why(Reason.RUNNING, sentence, details)
    sentence += (
        "; somebody asked that it stop, and it has not minded that yet: "
        "`sgx job cancel --force ID` ends its process"
    )
    return Why(Reason.CANCEL_ASKED, sentence, details)


def _ended(view: JobView) -> Why:
    details: dict[str, Any] = {"attempts": view.attempt, "finished": view.finished}
    if view.status is Status.COMPLETED:
        tries = "" if view.attempt <= 1 else f" at attempt {view.attempt}"
        return Why(Reason.COMPLETED, f"it completed{tries}", details)
    name = _error_name(view.code)
    details |= {"error": name, "text": view.text, "max_attempts": view.max_attempts}
    if view.status is Status.FAILED:
        return Why(Reason.FAILED, f"it failed with {name}{_tries(view)}: {view.text}", details)
    if view.status is Status.TIMEOUT:
        details["lifetime"] = view.lifetime
        return Why(Reason.TIMEOUT, f"it timed out{_tries(view)}: {view.text}", details)
    if view.status is Status.EXPIRED:
        details["deadline"] = view.deadline
        by = "" if view.deadline is None else f" by {_instant(view.deadline)}"
        return Why(Reason.EXPIRED, f"it should have started{by}: {view.text}", details)
    by_parent = view.code == ErrorCode.PARENT_FAILED
    reason = Reason.PARENT_FAILED if by_parent else Reason.CANCELLED
    return Why(reason, f"it was cancelled: {view.text}", details)


def _tries(view: JobView) -> str:
    if view.attempt <= 1 and view.max_attempts <= 1:
        return ""
    return f" at attempt {view.attempt} of {view.max_attempts}"


def _error_name(code: int | None) -> str:
    with suppress(ValueError):
        return "no code" if code is None else ErrorCode(code).name
    return f"code {code}"


def _because(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return f" ({line})" if line else ""


def names(jobs: Sequence[Related], number: int) -> str:
    """Some of them, and how many more there are."""
    named = ", ".join(map(str, jobs[:_NAMED]))
    more = number - min(len(jobs), _NAMED)
    return f"{named} and {more} more" if more > 0 else named


def as_dict(job: Related) -> dict[str, str]:
    """A job, for programs."""
    return {"id": job.id, "task": job.task, "status": job.status.value}


def _instant(instant: float) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M:%S} UTC"


def at(instant: float, now: float) -> str:
    """From when on, and how soon that is."""
    return f"{_instant(instant)} on, in {_roughly(max(0.0, instant - now))}"


def _roughly(seconds: float) -> str:
    """A duration with two or three digits."""
    for unit in (86400.0, 3600.0, 60.0):
        if seconds >= 3 * unit:
            return format_duration(round(seconds / unit) * unit)
    return format_duration(round(seconds, 1) if seconds < 10 else round(seconds))
