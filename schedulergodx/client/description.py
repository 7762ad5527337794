"""A job as a dict of plain values, for who would rather print than ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.core.json_data import read_arguments

if TYPE_CHECKING:
    from schedulergodx.core.view import AttemptView, JobView


def describe(view: JobView, result: object = None) -> dict[str, Any]:
    """All that is known of a job, with its value, where it has one.

    `params` are its keywords, None where they did not travel as JSON. A job that depends on others
    is "blocked" while it waits for them.
    """
    id = view.label or ulid(view.uid)
    return {
        "exists": True,
        "id": id,
        "name": view.name or view.task,
        "function": view.task,
        "description": view.description,
        "status": view.status.value,
        "queue": view.queue,
        "priority": view.priority,
        "params": _params(view.arguments),
        "dependencies": [ulid(parent.uid) for parent in view.parents],
        "created_at": _text(view.created),
        "updated_at": _text(max(view.created, view.started or 0, view.finished or 0)),
        "due_at": _text(view.due),
        "started_at": _text(view.started),
        "completed_at": _text(view.finished),
        "attempts": view.attempt,
        "max_attempts": view.max_attempts,
        "timeout": view.lifetime,
        "worker_id": view.runner or _worker(view.worker),
        "result": result,
        "error": view.text or None,
        "traceback": view.traceback or None,
        "note": view.note or None,
        "executions": _executions(view, id, result),
    }


def statistics(counts: Mapping[tuple[str, Status], int]) -> dict[str, Any]:
    """How many by status, in `total`, and in `queues` the same for each queue."""
    totals = dict.fromkeys(map(str, Status), 0)
    queues: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(map(str, Status), 0))
    for (queue, status), number in counts.items():
        totals[status] += number
        queues[queue][status] += number
    return {**totals, "total": sum(totals.values()), "queues": dict(queues)}


def _executions(view: JobView, id: str, result: object) -> list[dict[str, Any]]:
    """Its attempts; a history is kept from the first failure on, so one may be made up here."""
    executions = [_execution(id, attempt) for attempt in view.attempts]
    seen = view.attempts[-1].number if view.attempts else 0
    if view.started is not None and view.attempt > seen:
        executions.append(
            {
                "id": f"{id}-{view.attempt}",
                "job_id": id,
                "worker_id": view.runner or _worker(view.worker),
                "status": view.status.value,
                "started_at": _text(view.started),
                "completed_at": _text(view.finished),
                "error": view.text or None,
                "traceback": view.traceback or None,
            }
        )
    for execution in executions:
        execution["result"] = result if execution["status"] == Status.COMPLETED else None
    return executions


def _execution(id: str, attempt: AttemptView) -> dict[str, Any]:
    return {
        "id": f"{id}-{attempt.number}",
        "job_id": id,
        "worker_id": attempt.runner or _worker(attempt.worker),
        "status": attempt.status,
        "started_at": _text(attempt.started),
        "completed_at": _text(attempt.finished),
        "error": attempt.text or None,
        "traceback": attempt.traceback or None,
    }


def _params(arguments: bytes) -> dict[str, Any] | None:
    if not arguments.startswith(b"["):
        return None
    try:
        return read_arguments(arguments)[1]
    except UNREADABLE:
        return None


def _text(instant: float | None) -> str | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC).isoformat()


def _worker(number: int | None) -> str | None:
    return None if number is None else f"worker-{number}"
