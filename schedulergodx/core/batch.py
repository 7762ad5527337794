"""What clients and operators ask of batches, and what they are told of them.

The id of a batch is its uid, in hex digits or written as a ULID, or its name: of the newest batch
that the asking client has under it, else of the newest that anybody has.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from schedulergodx.core.view import BatchFilter, BatchView, JobView


class AskBatch(Struct, frozen=True, tag="batch"):
    """How a batch stands; answered by a BatchView or None.

    wait: from now on the asking instance is sent BATCH messages as well: when the last job has
        ended, and some times a second while the counts change. It ends with the batch, or
        `WAIT_SECONDS` after it was asked for last: who still waits asks again before that
    """

    answer: ClassVar[object] = BatchView | None

    id: str
    wait: bool = False


class AskBatches(Struct, frozen=True, tag="batches"):
    """Batches, newest first; answered by a list of BatchView."""

    answer: ClassVar[object] = list[BatchView]

    which: BatchFilter = BatchFilter()


class AskJobsOfBatch(Struct, frozen=True, tag="batch_jobs"):
    """The jobs of a batch with their parents, oldest first; answered by a list of JobView.

    after: seq of the last job of the page before
    limit: at most 1,000 are told at once
    """

    answer: ClassVar[object] = list[JobView]

    id: str
    after: int = 0
    limit: int = 1000


class AskCloseBatch(Struct, frozen=True, tag="close_batch"):
    """No job joins a batch any more; answered by a BatchView or None.

    expected: how many jobs it was given. Those that are still on their way may join, and it is not
        at its end before they are there; 0 where that is not known
    callback: the body of a TASK with one job that runs when all jobs of the batch have ended,
        however they did. It is not one of them
    """

    answer: ClassVar[object] = BatchView | None

    id: str
    expected: int = 0
    callback: bytes | None = None


class AskCancelBatch(Struct, frozen=True, tag="cancel_batch"):
    """Close a batch and call off all its jobs, with its callback; answered by how many.

    force: end the processes of those that run
    """

    answer: ClassVar[object] = int

    id: str
    force: bool = False


class AskRequeueBatch(Struct, frozen=True, tag="requeue_batch"):
    """Run again what did not complete, each job after those that it depends on.

    Answered by how many jobs that are.
    """

    answer: ClassVar[object] = int

    id: str


class BatchBody(Struct, frozen=True, omit_defaults=True):
    """What an instance that waits for batches is told; who misses it asks again."""

    batches: list[BatchView]


WAIT_SECONDS = 30.0
LONGEST_NAME = 200  # characters
