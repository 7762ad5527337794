"""Values for tests of stores: specs, jobs, outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from schedulergodx.core.identity import UidSource
from schedulergodx.core.job import (
    ErrorCode,
    Execution,
    Failure,
    Outcome,
    RetryRule,
    Spec,
    Status,
)
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Again, Claimed, Ending, NewJob, Retention, Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = 1_000_000.0
COMPLETED_NOW = Retention({Status.COMPLETED: 0.0})

new_uid = UidSource(clock=lambda: NOW)

SPEC = Spec(
    "greet", b"f" * 16, "cpython-311", "dill/0.4.1", lifetime=60.0, retry=RetryRule(attempts=3)
)
DONE = Outcome(Status.COMPLETED, value=b"value", units=(b"u" * 16,), output="printed")
FAILED = Outcome(
    Status.FAILED,
    failure=Failure(
        ErrorCode.ERROR_IN_TASK,
        "it went wrong",
        type="builtins.ValueError",
        traceback="Traceback ...",
        exception=b"pickled",
        units=(b"e" * 16,),
    ),
    output="printed before it failed",
)
CANCELLED = Outcome(Status.CANCELLED, failure=Failure(ErrorCode.CANCELLED, "it was stopped"))


def new_job(store: Store, **fields: object) -> NewJob:
    """A pending job of client "ann" unless told otherwise; the store must be in a transaction."""
    job = NewJob(
        uid=new_uid(),
        label=None,
        client=store.client_id("ann"),
        reply="desk",
        spec=store.spec_id(SPEC),
        queue="default",
        execution=Execution.PROCESS,
        priority=0,
        status=Status.PENDING,
        created=NOW,
        arguments=b"arguments",
    )
    return replace(job, **fields)


def add(store: Store, number: int = 1, **fields: object) -> list[bytes]:
    """Store so many jobs in a transaction of their own; the answer is their uids."""
    store.begin()
    jobs = [new_job(store, **fields) for _ in range(number)]
    store.add_jobs(jobs)
    store.commit()
    return [job.uid for job in jobs]


def claim(
    store: Store,
    places: int = 1,
    *,
    execution: Execution = Execution.PROCESS,
    queues: Sequence[str] = ("default",),
    now: float = NOW,
) -> list[Claimed]:
    """Claim in a transaction of its own, for the workers 1, 2, 3 ..."""
    store.begin()
    rooms = dict.fromkeys(queues, 1 << 30)
    claimed = store.claim({execution: range(1, places + 1)}, rooms, now)
    store.commit()
    return claimed


def ending(job: Claimed, outcome: Outcome = DONE, **fields: object) -> Ending:
    """The end of a job that was claimed."""
    return replace(Ending(job.seq, job.attempt, outcome, NOW + 1, NOW + 2), **fields)


def again(job: Claimed, due: float = NOW + 10, outcome: Outcome = FAILED) -> Again:
    """Another attempt for a job that was claimed."""
    return Again(job.seq, job.attempt, due, outcome, NOW + 1, NOW + 2)


def finish(store: Store, *jobs: Claimed, outcome: Outcome = DONE) -> None:
    """End jobs in a transaction of their own."""
    store.begin()
    store.finish([ending(job, outcome) for job in jobs])
    store.commit()


def reopened(store: Store) -> Store:
    """The same file, after a restart."""
    store.close()
    store = make_store(store.path)
    store.open()
    return store


def size_of(path: Path) -> int:
    """Bytes of a file and of its log."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
