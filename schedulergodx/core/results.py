"""Results of other jobs among the arguments of a job.

A `ResultOf` travels like any argument. Where it arrives, its place is taken by the value that it
stands for, wherever it stands: in a list, a dict, a dataclass, any object that can be pickled.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schedulergodx.core.job import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ParentResult(Struct, frozen=True, array_like=True):
    """What became of a job that another one depends on, as the worker of that one is told.

    id: as people call it
    value: the packed value; None if it did not complete
    units: hashes of the units that the value needs
    named: whether it is of a named job, and so JSON
    """

    uid: bytes
    id: str
    status: Status
    value: bytes | None = None
    units: tuple[bytes, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class ResultOf:
    """Stands for the value of the job `uid`, a parent whose `result` is wanted.

    It becomes None where the other job did not complete and this one runs all the same.
    """

    uid: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return result_of, (self.uid,)


_at_hand: ContextVar[Mapping[bytes, object] | None] = ContextVar("schedulergodx_results")


def result_of(uid: bytes) -> object:
    """The value of that job where results are at hand; else a `ResultOf`. Pickles call it.

    Raises: LookupError if results are at hand and this one is not
    """
    values = _at_hand.get(None)
    if values is None:
        return ResultOf(uid)
    try:
        return values[uid]
    except KeyError:
        raise LookupError(
            f"the result of job {uid.hex()} is among the arguments, and the job does not depend on "
            "that one, or does not want its result"
        ) from None


@contextmanager
def results_at_hand(values: Mapping[bytes, object]) -> Iterator[None]:
    """Within it, what is unpickled gets these values, by the uids of their jobs."""
    token = _at_hand.set(values)
    try:
        yield
    finally:
        _at_hand.reset(token)
