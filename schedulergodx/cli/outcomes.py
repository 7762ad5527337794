"""What became of several jobs, on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from schedulergodx.cli.output import for_json, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.client.job import Job


def print_outcomes(
    jobs: Sequence[tuple[str, Job[Any]]], timeout: float | None, *, as_json: bool
) -> bool:
    """Wait for jobs, and print what became of each under its name; whether all completed.

    timeout: seconds for each of them
    """
    outcomes = []
    for name, job in jobs:
        error = job.exception(timeout)
        outcomes.append(_outcome_of(name, job, error))
        if not as_json:
            _print(name, job, error)
    if as_json:
        print_json(outcomes)
    return all("result" in outcome for outcome in outcomes)


def _outcome_of(name: str, job: Job[Any], error: BaseException | None) -> dict[str, object]:
    said = {"schedule": name, "id": job.id, "status": job.status().value}
    if error is None:
        return {**said, "result": for_json(job.result())}
    return {**said, "error": f"{type(error).__name__}: {error}"}


def _print(name: str, job: Job[Any], error: BaseException | None) -> None:
    if error is None:
        click.echo(f"{name} completed: {job.result()!r}")
        return
    click.echo(f"{name} {job.status().value}: {type(error).__name__}: {error}")
    remote = str(error.__cause__ or "").strip()
    if remote:
        click.echo(remote, err=True)
