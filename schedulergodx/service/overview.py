"""What a service has to do, as numbers and as lists of ids."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import WAITING, Status
from schedulergodx.core.view import JobFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Future

    from schedulergodx.storage.base import Store

_ERRORS = (Status.FAILED, Status.TIMEOUT)
_WORDS = {Status.COMPLETED: "completed", Status.RUNNING: "running"}
_WORDS |= dict.fromkeys(WAITING, "pending") | dict.fromkeys(_ERRORS, "errors")
_WORDS |= {Status.CANCELLED: "cancelled", Status.EXPIRED: "expired"}


def task_lists(store: Store, limit: int) -> dict[str, list[str]]:
    """Ids of jobs that wait, run and went wrong, the newest first, at most `limit` of each."""
    return {
        "pending_tasks": _ids(store, WAITING, limit),
        "running_tasks": _ids(store, [Status.RUNNING], limit),
        "error_tasks": _ids(store, _ERRORS, limit),
    }


def task_counts(counts: Mapping[tuple[str, Status], int]) -> dict[str, Any]:
    """How many jobs there are, in all and by queue; what has expired does not count as pending."""
    totals: Counter[str] = Counter(dict.fromkeys(_WORDS.values(), 0))
    queues: dict[str, Counter[str]] = defaultdict(Counter)
    for (queue, status), number in counts.items():
        word = _WORDS[status]
        totals[word] += number
        queues[queue][word] += number
    return {"totals": dict(totals), "queues": {name: dict(n) for name, n in queues.items()}}


def _ids(store: Store, statuses: Collection[Status], limit: int) -> list[str]:
    views = [
        view for status in statuses for view in store.list_jobs(JobFilter(status, limit=limit))
    ]
    views.sort(key=lambda view: view.seq, reverse=True)
    return [view.label or ulid(view.uid) for view in views[:limit]]


def overview(answer: Future[dict[str, Any]], simple: bool, limit: int, store: Store) -> None:
    """Answer what there is to do; without `simple` also how much."""
    try:
        lists: dict[str, Any] = dict(task_lists(store, limit))
        answer.set_result(lists if simple else lists | task_counts(store.counts()))
    except Exception as error:
        answer.set_exception(error)
