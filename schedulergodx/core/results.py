"""Results of other jobs among the arguments of a job.

A `ResultOf` travels like any argument. Where it arrives, its place is taken by the value that it
stands for, wherever it stands: in a list, a dict, a dataclass, any object that can be pickled.
"""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from schedulergodx.core.identity import derived_uid, uid_of, ulid
from schedulergodx.core.job import Status
from schedulergodx.errors import ShipError

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

    @property
    def withheld(self) -> bool:
        """Whether there is a value, and it is too large to be handed over."""
        return self.status is Status.COMPLETED and self.value is None


@dataclass(frozen=True, slots=True)
class ResultOf:
    """Stands for the value of the job `uid`, a parent whose `result` is wanted.

    It becomes None where the other job did not complete and this one runs all the same.
    """

    uid: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        met = _met.get(None)
        if met is None:
            raise ShipError(
                f"the value of job {ulid(self.uid)} is not there yet, and only the arguments of "
                "steps and of jobs by hand wait for such: make one with `task.step(...)`"
            )
        met.append(self)
        return result_of, (self.uid,)


_at_hand: ContextVar[Mapping[bytes, object] | None] = ContextVar("schedulergodx_results")


_met: ContextVar[list[ResultOf] | None] = ContextVar("schedulergodx_results_met")


@contextmanager
def results_met() -> Iterator[list[ResultOf]]:
    """Within it, what is pickled leaves each `ResultOf` that is met in the list."""
    met: list[ResultOf] = []
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)


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


# -- of a group ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResultsOf:
    """Stands for the values of all jobs that follow from `uid`, in their order; see `derived_uid`.

    They are parents whose `result` is wanted.
    """

    uid: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return results_of, (self.uid,)


def results_of(uid: bytes) -> object:
    """The values of those jobs where results are at hand; else a `ResultsOf`. Pickles call it."""
    values = _at_hand.get(None)
    if values is None:
        return ResultsOf(uid)
    group = itertools.takewhile(
        values.__contains__, (derived_uid(uid, n) for n in itertools.count())
    )
    return [values[one] for one in group]


# -- in JSON --------------------------------------------------------------------------------------

_MARK = "$result"  # the only key of what stands for a value in JSON


def as_json(value: Any, met: list[Any]) -> Any:
    """Lists and dicts, with what JSON can hold for each `ResultOf`, which `met` gets."""
    if isinstance(value, ResultOf):
        met.append(value)
        return {_MARK: ulid(value.uid)}
    if isinstance(value, list | tuple):
        return [as_json(part, met) for part in value]
    if isinstance(value, dict):
        return {key: as_json(part, met) for key, part in value.items()}
    return value


def from_json(value: Any, values: Mapping[bytes, object]) -> Any:
    """What JSON held, with the values that are at hand in their places."""
    if isinstance(value, list):
        return [from_json(part, values) for part in value]
    if isinstance(value, dict):
        uid = uid_of(str(value[_MARK])) if value.keys() == {_MARK} else None
        if uid is not None and uid in values:
            return values[uid]
        return {key: from_json(part, values) for key, part in value.items()}
    return value
