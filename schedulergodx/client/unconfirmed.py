"""What is raised when launches did not arrive, and what jobs keep to be sent again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from schedulergodx.errors import (
    ConfigError,
    LaunchError,
    LaunchUnconfirmed,
    UnknownQueue,
    Unroutable,
)

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.parcel import Parcel


def parcel_of(job: BaseJob[Any]) -> tuple[Parcel, bool]:
    """What carries a job that was not confirmed, and whether that was sent already.

    Raises: ConfigError for a job that was
    """
    parcel = job._parcel
    if parcel is None:
        raise ConfigError(
            f"job {job.id} is not one whose launch this process could not confirm: "
            "there is nothing to send again"
        )
    if parcel.is_open and not parcel.arrived:
        return parcel.again(), False
    return parcel, True


def keep_parcels(parcels: Iterable[Parcel]) -> None:
    """Have the jobs of parcels that were not confirmed remember them, for `resend`."""
    for parcel in parcels:
        for job in parcel.jobs:
            job._parcel = parcel


def forget_parcel(parcel: Parcel) -> None:
    """It was confirmed."""
    for job in parcel.jobs:
        job._parcel = None


def launch_errors(parcels: Iterable[Parcel], timeout: float) -> list[LaunchError]:
    """One error for each thing that went wrong with these, each with its jobs.

    timeout: how long their confirms were waited for, in seconds
    """
    groups: dict[tuple[str, str], list[Parcel]] = {}
    for parcel in parcels:
        groups.setdefault(_trouble(parcel), []).append(parcel)
    errors: list[LaunchError] = []
    for trouble, group in groups.items():
        jobs = [job for parcel in group for job in parcel.jobs]
        errors.append(_error(trouble, jobs, group[0].error, timeout))
    return errors


def lost_launch(job: BaseJob[Any]) -> LaunchError | None:
    """Why no outcome of a job will come, if its launch is known to have failed."""
    parcel = job._parcel
    if parcel is None or parcel.error is None:
        return None
    return _error(_trouble(parcel), [job], parcel.error, 0.0)


def raise_all(errors: Sequence[LaunchError]) -> None:
    """Raise the only error as it is, several as a group."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("launches did not arrive", errors)


def _trouble(parcel: Parcel) -> tuple[str, str]:
    """(kind, detail): what is the same for all parcels of one error."""
    error = parcel.error
    if error is None:
        return "unconfirmed", ""
    if parcel.may_have_arrived:
        return "unconfirmed", str(error)
    if isinstance(error, Unroutable | UnknownQueue):
        return "unroutable", parcel.template.queue
    return "refused", str(error)


def _error(
    trouble: tuple[str, str],
    jobs: Sequence[BaseJob[Any]],
    cause: Exception | None,
    timeout: float,
) -> LaunchError:
    kind, detail = trouble
    those = f"job {jobs[0].id}" if len(jobs) == 1 else f"{len(jobs)} jobs"
    error: LaunchError
    if kind == "unconfirmed":
        when = f"before it was given up ({detail})" if detail else f"within {timeout:g} s"
        error = LaunchUnconfirmed(
            f"the broker did not confirm {those} {when}, so that nobody knows "
            "whether it has arrived: client.resend(job) sends it again and can't double it",
            jobs,
        )
    elif kind == "unroutable" and not detail:
        error = UnknownQueue(f"there is no service, so {those} went nowhere: start one", jobs)
    elif kind == "unroutable":
        error = UnknownQueue(
            f"no service serves queue {detail!r}, so {those} went nowhere: start one with "
            f"`sgx service run --queues {detail}`, or correct the name",
            jobs,
        )
    else:
        error = LaunchError(f"{those} did not arrive: {detail}", jobs)
    error.__cause__ = cause
    return error
