"""Membership: which jobs may join a batch. The first envelope that names a batch makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from schedulergodx.core.batch import LONGEST_NAME
from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.job import ErrorCode, Failure
from schedulergodx.core.view import BatchState
from schedulergodx.storage.verdicts import CALLED_OFF

if TYPE_CHECKING:
    from schedulergodx.core.message import BatchRef
    from schedulergodx.storage.base import NewJob, Store
    from schedulergodx.storage.flows import Batch


class Place(Struct, frozen=True):
    """What became of a wish to join a batch.

    number: of the batch in the store
    refusal: why jobs may not join it
    called_off: it was cancelled, and so are they
    """

    number: int | None = None
    refusal: Failure | None = None
    called_off: bool = False

    def call_off(self, jobs: list[NewJob]) -> list[NewJob]:
        """The jobs as they are stored in a batch that was cancelled."""
        return [
            replace(job, status=CALLED_OFF.status, outcome=CALLED_OFF)
            if job.outcome is None
            else job
            for job in jobs
        ]


NO_BATCH = Place()


class Membership:
    """Finds the batches that jobs belong to, and makes new ones."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def join(self, ref: BatchRef, client: int, jobs: int, now: float) -> Place:
        """A place in a batch for so many jobs of a client."""
        fault = _fault(ref)
        if fault is not None:
            return _refused(fault)
        number = self._store.batch_of_uid(ref.uid)
        if number is None:
            return self._make(ref, client, now)
        batch = self._store.batch(number)
        if batch.client != client or batch.name != ref.name:
            return _refused(f"the uid of batch {ref.name!r} is that of another one: make a new one")
        if batch.state is BatchState.CLOSED and batch.jobs + jobs > batch.expected:
            return _refused(f"batch {ref.name!r} is closed, and takes no more jobs: make a new one")
        return Place(number, called_off=batch.state is BatchState.CANCELLED)

    def _make(self, ref: BatchRef, client: int, now: float) -> Place:
        namesake = self._store.batch_of_name(client, ref.name)
        if namesake is not None and _is_under_way(self._store.batch(namesake)):
            return _refused(
                f"its client has another batch {ref.name!r} that is open or has not ended: attach "
                "to that one, close it first, or take another name"
            )
        return Place(self._store.make_batch(ref, client, now).number)


def _is_under_way(batch: Batch) -> bool:
    return batch.state is BatchState.OPEN or not batch.ended


def _fault(ref: BatchRef) -> str | None:
    """What is wrong with how a batch is named; a client of ours sends none of these."""
    if len(ref.uid) != UID_BYTES:
        return f"the uid of a batch has {UID_BYTES} bytes, and this one {len(ref.uid)}"
    if not 0 < len(ref.name) <= LONGEST_NAME:
        return f"the name of a batch has 1 to {LONGEST_NAME} characters, and this {len(ref.name)}"
    return None


def _refused(text: str) -> Place:
    return Place(refusal=Failure(ErrorCode.INVALID_TASK, text))
