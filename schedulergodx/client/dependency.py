"""On which jobs another one depends, as its maker says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from schedulergodx.core.job import OnFailure, Parent
from schedulergodx.errors import ConfigError, UnknownJob

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob


@dataclass(frozen=True, slots=True)
class Dependency:
    """That a job is to run after another one.

    job: the other one, or its id
    on_failure: what becomes of this one where the other does not complete: "cancel", it is
        cancelled with the reason; "wait", it waits, since the other one may be requeued; "run", it
        runs
    allow_missing: whether this one may be submitted where no service knows the other, which was
        never there, or ended and was removed: it does not wait for that then

    Raises: ConfigError
    """

    job: BaseJob[Any] | str
    on_failure: OnFailure | Literal["cancel", "wait", "run"] = OnFailure.CANCEL
    allow_missing: bool = False

    def __post_init__(self) -> None:
        """Check, and keep in one form."""
        object.__setattr__(self, "job", id_of(self.job))
        try:
            object.__setattr__(self, "on_failure", OnFailure(self.on_failure))
        except ValueError:
            known = ", ".join(repr(str(one)) for one in OnFailure)
            raise ConfigError(f"on_failure={self.on_failure!r:.100} is none of {known}") from None

    @property
    def id(self) -> str:
        """Of the other job."""
        return str(self.job)


def id_of(job: object) -> str:
    """The id of a job, or the id itself. Raises: ConfigError"""
    from schedulergodx.client.base_job import BaseJob  # late: that one needs this

    if isinstance(job, BaseJob):
        return job.id
    if isinstance(job, str) and job:
        return job
    raise ConfigError(f"a job depends on jobs, or on ids of jobs, and not on {job!r:.100}")


def read_dependencies(given: Iterable[object]) -> list[str | Dependency]:
    """Ids, and dependencies that say more. Raises: ConfigError"""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(f"dependencies are a list of jobs or ids, and not {given!r:.100}")
    return [one if isinstance(one, Dependency) else id_of(one) for one in given]


def may_be_missing(dependency: str | Dependency) -> TypeGuard[Dependency]:
    """Whether a job may be submitted where no service knows the one that it depends on."""
    return isinstance(dependency, Dependency) and dependency.allow_missing


def parents_of(
    dependencies: Iterable[str | Dependency], uid_of: Callable[[str], bytes | None]
) -> dict[bytes, Parent]:
    """The parents that dependencies mean, by their uids; of twins the last holds.

    An id that can't be one is passed by where it may be missing.

    uid_of: finds the uid of an id

    Raises: UnknownJob
    """
    parents: dict[bytes, Parent] = {}
    for one in dependencies:
        id = one.id if isinstance(one, Dependency) else one
        uid = uid_of(id)
        if uid is None and may_be_missing(one):
            continue
        if uid is None:
            raise UnknownJob(
                f"nothing is known of a job {id!r:.100}, which another one is to depend on: give "
                "the job itself, or its id as `job.id` says it"
            )
        on_failure = one.on_failure if isinstance(one, Dependency) else OnFailure.CANCEL
        parents[uid] = Parent(uid, OnFailure(on_failure))
    return parents
