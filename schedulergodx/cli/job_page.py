"""A job on paper: as a row, as a page, as JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from schedulergodx.cli.output import iso, local
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode

if TYPE_CHECKING:
    from schedulergodx.core.view import AttemptView, JobView, Progress

_LONGEST_WHY = 60

# What a table of jobs has of each, for spreadsheets.
FACTS = (
    *("id", "name", "task", "client", "queue", "execution", "status", "priority"),
    *("created", "updated", "due", "deadline", "started", "finished"),
    *("attempt", "max_attempts", "lifetime", "worker_id", "error_code"),
)


def job_id(view: JobView) -> str:
    """The id of a job, as its client knows it."""
    return view.label if view.label is not None else ulid(view.uid)


def as_row(view: JobView) -> tuple[str, ...]:
    """What a list shows of it. A list has no texts: codes must do."""
    attempt = f"{view.attempt}/{view.max_attempts}"
    times = (local(view.created), local(updated(view)), local(view.due))
    why = _shortened(view.text) or str(_code(view.code) or "")
    states = (view.queue, view.status.value, str(view.priority), attempt)
    return (job_id(view), view.name or view.task, *states, *times, why)


def updated(view: JobView) -> float:
    """The instant of its last step."""
    return max(view.created, view.started or 0.0, view.finished or 0.0)


def as_dict(view: JobView) -> dict[str, object]:
    """All of it, for JSON: instants in ISO 8601, durations in seconds."""
    return {
        "id": job_id(view),
        "uid": view.uid.hex(),
        "name": view.name or view.task,
        "client": view.client,
        "task": view.task,
        "queue": view.queue,
        "execution": view.execution,
        "status": view.status.value,
        "priority": view.priority,
        "created": iso(view.created),
        "updated": iso(updated(view)),
        "due": iso(view.due),
        "deadline": iso(view.deadline),
        "started": iso(view.started),
        "finished": iso(view.finished),
        "attempt": view.attempt,
        "max_attempts": view.max_attempts,
        "lifetime": view.lifetime,
        "worker": view.worker,
        "worker_id": view.runner,
        "cancel_asked": view.cancel_asked,
        "error_code": _code(view.code),
        "error": view.text,
        "progress": _progress_as_dict(view.progress),
        "note": view.note,
        "output": view.output,
        "traceback": view.traceback,
        "attempts": [_attempt_as_dict(attempt) for attempt in view.attempts],
    }


def print_page(view: JobView) -> None:
    """Everything about a job, a line a fact; what it printed and its traceback at the end."""
    facts = as_dict(view)
    for name in ("created", "due", "deadline", "started", "finished"):
        facts[name] = local(getattr(view, name))
    facts["updated"] = local(updated(view))
    if view.progress is not None:
        facts["progress"] = _progress_as_text(view.progress)
    output, traceback, _ = (facts.pop(name) for name in ("output", "traceback", "attempts"))
    for name, value in facts.items():
        if value not in (None, "", False):
            click.echo(f"{name.replace('_', ' '):13} {value}")
    for attempt in view.attempts:
        when = local(attempt.started)
        click.echo(f"attempt {attempt.number:<5} {attempt.status} {when} {attempt.text}".rstrip())
    for title, text in (("output", output), ("traceback", traceback)):
        if text:
            click.echo(f"\n{title}:\n{text}")


def _progress_as_dict(progress: Progress | None) -> dict[str, object] | None:
    if progress is None:
        return None
    return {"done": progress.done, "total": progress.total, "fraction": progress.fraction}


def _progress_as_text(progress: Progress) -> str:
    share = "" if progress.fraction is None else f" ({progress.fraction:.0%})"
    return f"{progress.done:g}{'' if progress.total is None else f' of {progress.total:g}'}{share}"


def _attempt_as_dict(attempt: AttemptView) -> dict[str, object]:
    return {
        "number": attempt.number,
        "worker": attempt.worker,
        "status": attempt.status,
        "started": iso(attempt.started),
        "finished": iso(attempt.finished),
        "error_code": _code(attempt.code),
        "error": attempt.text,
        "traceback": attempt.traceback,
    }


def _code(number: int | None) -> str | int | None:
    """The name of an error code; its number where it is of a later version."""
    with suppress(ValueError):
        return None if number is None else ErrorCode(number).name
    return number


def _shortened(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= _LONGEST_WHY else f"{line[: _LONGEST_WHY - 1]}…"
