"""The value of a job that has not run yet, as an argument of another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from schedulergodx.core.results import ResultOf

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ValueOf(ResultOf):
    """Stands for the value of a job, among the arguments of another one.

    job: that one, None where only its uid is known
    optional: whether the other one runs also where it does not complete, with None in its place
    """

    job: BaseJob[Any] | None = None
    optional: bool = False


def values(jobs: Iterable[BaseJob[R]]) -> list[R]:
    """The values of several steps, as one argument of another: `merge.step(values(pages))`."""
    return [cast("R", ValueOf(job.uid, job)) for job in jobs]
