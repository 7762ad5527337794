"""The part of the seam that is about jobs that depend on others, and about batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schedulergodx.core.job import Parent
    from schedulergodx.core.message import BatchRef
    from schedulergodx.core.view import BatchFilter, BatchState, BatchView, JobView
    from schedulergodx.storage.base import NewJob, Running, Told


class Added(Struct, frozen=True):
    """What became of jobs that were to be stored.

    known: uids that were there before, and were left alone
    ended: uids of those that ended where they began, because of what they depend on
    """

    known: set[bytes]
    ended: list[bytes]


class Batch(Struct, frozen=True):
    """A batch, as a store has it.

    number: in the store
    client: `Store.client_id` of its client
    expected: how many jobs it will have at the least
    callback: uid of a job that waits for the end of all others
    jobs, unfinished: how many it has, and how many of these have not ended
    """

    number: int
    uid: bytes
    client: int
    name: str
    state: BatchState
    expected: int
    callback: bytes | None
    jobs: int
    unfinished: int

    @property
    def ended(self) -> bool:
        """Whether all have ended that are there or were announced."""
        return self.unfinished == 0 and self.jobs >= self.expected


class BatchCancelled(Struct, frozen=True):
    """What a cancel of a batch did: `told` of what it ended, `running` what has to be stopped."""

    told: Sequence[Told]
    running: Sequence[Running]


class FlowStore(Protocol):
    """A part of `base.Store`."""

    # -- jobs that depend on others --------------------------------------------------------------

    def add_children(self, jobs: Sequence[NewJob]) -> Added:
        """Store jobs that depend on others, which are there or come before them in the sequence.

        One begins as its `status` says if all of its parents are met, else it is blocked. It is
        cancelled (PARENT_FAILED) if one did not complete and that is fatal to it, and fails
        (UNKNOWN_PARENT) if one is not there or is another client's.
        """

    def add_parents(self, child: bytes, parents: Sequence[Parent]) -> bool:
        """Have a job that waits for others wait for further ones, which are there.

        Those that it has already are left as they are. False if it waits for none.
        """

    def clients_of(self, uids: Collection[bytes]) -> dict[bytes, int]:
        """The numbers of the clients of jobs, of those that are there."""

    # -- batches ---------------------------------------------------------------------------------

    def make_batch(self, ref: BatchRef, client: int, now: float) -> Batch:
        """A new batch, which is open and empty."""

    def batch(self, number: int) -> Batch:
        """The batch of that number. Raises: KeyError"""

    def batch_of_uid(self, uid: bytes) -> int | None:
        """The number of that batch."""

    def batch_of_name(self, client: int, name: str) -> int | None:
        """The number of the newest batch that a client has under that name."""

    def find_batch(self, client: str | None, id: str) -> int | None:
        """The number of the newest batch of that name and client, or of that ULID or hex uid.

        client: None for anybody's
        """

    def close_batch(self, number: int, expected: int, callback: bytes | None, now: float) -> None:
        """Close a batch, and release its callback if it is at its end.

        callback: uid of a job that is blocked and has no parents; None leaves the one it has
        """

    def cancel_batch(self, number: int, now: float, limit: int) -> BatchCancelled:
        """Call a batch off, and so many of its jobs, the youngest first; then its callback.

        The answer is empty when there are no more. Jobs that run are told once: the wish is noted.
        """

    def requeue_batch(self, number: int, before: int, now: float, limit: int) -> int:
        """Requeue so many of its jobs that did not complete, then its callback.

        before: seq from which on they are of another life. The answer is how many; 0 when there
        are no more
        """

    def view_batch(self, number: int) -> BatchView:
        """A batch, as people look at it. Raises: KeyError"""

    def list_batches(self, which: BatchFilter) -> list[BatchView]:
        """Batches, newest first."""

    def jobs_of_batch(self, number: int, after: int, limit: int) -> list[JobView]:
        """Its jobs by seq, from the one after `after` on, with their parents."""

    def changed_batches(self) -> set[int]:
        """Those whose counts changed since `begin`."""

    def last_seq(self) -> int:
        """The newest seq that was given."""
