"""What a client asks of services about jobs, and how it reads what they answer."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from schedulergodx.client.options import Options, Unset
from schedulergodx.client.reading import read_moment
from schedulergodx.core.batch import (
    LONGEST_NAME,
    AskBatch,
    AskCancelBatch,
    AskCloseBatch,
    AskJobsOfBatch,
    AskRequeueBatch,
)
from schedulergodx.core.job import Status
from schedulergodx.core.limit import is_name
from schedulergodx.core.request import (
    LONGEST_NOTE,
    AskAnnotate,
    AskCancel,
    AskChange,
    AskOutcomes,
)
from schedulergodx.core.view import (
    BatchFilter,
    BatchView,
    CancelAnswer,
    Change,
    JobFilter,
    JobView,
)
from schedulergodx.errors import (
    ConfigError,
    LaunchError,
    NoAnswer,
    UnknownBatch,
    UnknownJob,
    UnknownQueue,
    UnknownSchedule,
    Unroutable,
)

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.question import Notice, Question
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.why import Why

ANSWER_TIMEOUT = 10.0  # seconds
SOON = 1.0  # seconds, for what is worth knowing only where a service is there
PAGE = 1000  # jobs, or uids, that are asked for at once
_NO_LIMIT = -1.0
_ABOUT_BATCHES = AskBatch | AskJobsOfBatch | AskCloseBatch | AskCancelBatch | AskRequeueBatch
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds

V = TypeVar("V", JobView, BatchView)


class Cancellation(Enum):
    """What `cancel()` could do; true for the first two."""

    CANCELLED = "cancelled"  # it will not run
    ASKED = "asked"  # it runs, and was asked to stop
    TOO_LATE = "too late"  # it had ended

    def __bool__(self) -> bool:
        return self is not Cancellation.TOO_LATE

    def __str__(self) -> str:
        return self.value


def cancel_request(
    job: BaseJob[Any], force: bool, *, own: bool, waiting: bool = False
) -> AskCancel:
    """Call a job off; an own one even before its service has seen it."""
    return AskCancel(job.uid.hex(), force, job.uid if own else None, waiting)


def cancellation(answer: CancelAnswer) -> Cancellation:
    """What a store did, as a caller is told."""
    return Cancellation(answer.value)


def change_request(job: BaseJob[Any], said: dict[str, Any]) -> AskChange:
    """Change a job that has not started. `said` holds UNSET where nothing is to change."""
    said = {name: value for name, value in said.items() if not isinstance(value, Unset)}
    if not said:
        raise ConfigError("change() was given nothing to change")
    options = Options().changed(said)
    lifetime = options.lifetime
    change = Change(
        due=_due(options) if {"delay", "run_at"} & said.keys() else None,
        priority=options.priority if "priority" in said else None,
        queue=options.queue if "queue" in said else None,
        lifetime=None
        if isinstance(lifetime, Unset)
        else _NO_LIMIT
        if lifetime is None
        else lifetime,
    )
    return AskChange(job.uid.hex(), change)


def annotation(job: BaseJob[Any], note: str) -> AskAnnotate:
    """Note beside a job how it stands. Raises: ConfigError"""
    if not isinstance(note, str) or len(note) > LONGEST_NOTE:
        raise ConfigError(f"a note is a text of at most {LONGEST_NOTE} characters")
    return AskAnnotate(job.uid.hex(), note)


def read_answer(question: Question) -> Any:
    """What the services said, in the type that the `answer` of its request names.

    Raises: NoAnswer, UnknownJob, UnknownQueue, ConfigError (refused by the service)
    """
    best = question.best
    if best is None:
        raise _silence(question) from question.error
    if not best.known:
        raise _unknown(question.request)
    return msgspec.msgpack.decode(best.value, type=_answer_type(question))


def is_known(question: Question) -> bool:
    """Whether a service knows the job that is asked about. Raises: what `read_answer` raises"""
    try:
        read_answer(question)
    except UnknownJob:
        return False
    return True


def read_answers(question: Question) -> list[Any]:
    """The same of every store that has answered."""
    if not question.answers:
        raise _silence(question) from question.error
    kind = _answer_type(question)
    return [msgspec.msgpack.decode(answer.value, type=kind) for answer in question.answers]


def unanswered(error: NoAnswer | UnknownQueue, queue: str) -> Why:
    """Why a job does not run of whose service nothing is heard."""
    from schedulergodx.core.why import away, not_served  # late: few programs ask why

    return not_served(queue, str(error)) if isinstance(error, UnknownQueue) else away(str(error))


def check_sent(notice: Notice, timeout: float) -> None:
    """Raise LaunchError unless the broker has it."""
    if not notice.is_open:
        raise LaunchError(f"the broker did not confirm the message within {timeout:g} s")
    if notice.error is not None:
        raise LaunchError(f"the message did not arrive: {notice.error}") from notice.error


def pauses(timeout: float | None) -> Iterator[float]:
    """How long to wait before the outcome of a job of another process is asked for again."""
    end = math.inf if timeout is None else time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while (left := end - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 1.6, _LONGEST_PAUSE)


def outcome_requests(uids: Sequence[bytes]) -> Iterator[AskOutcomes]:
    """Questions for the outcomes of jobs, with so many each as an answer may have."""
    for start in range(0, len(uids), PAGE):
        yield AskOutcomes(list(uids[start : start + PAGE]))


def batch_name(name: object) -> str:
    """The name of a batch. Raises: ConfigError"""
    if isinstance(name, str) and is_name(name, LONGEST_NAME):
        return name
    said = f"a text of {len(name)}" if isinstance(name, str) else f"a {type(name).__name__}"
    raise ConfigError(
        f"the name of a batch is a text of 1 to {LONGEST_NAME} printable characters, not {said}"
    )


def batch_filter(which: BatchFilter | None, fields: dict[str, Any]) -> BatchFilter:
    """Which batches to list. Raises: ConfigError if there is no such field"""
    _check_fields("batches", fields, BatchFilter.__struct_fields__)
    return replace(which or BatchFilter(), **fields)


def job_filter(which: JobFilter | None, fields: dict[str, Any]) -> JobFilter:
    """Which jobs to list. Raises: ConfigError if there is no such field, status or moment"""
    _check_fields("jobs", fields, JobFilter.__struct_fields__)
    status = fields.get("status")
    if status is not None and status not in list(Status):
        raise ConfigError(f"{status!r} is no status of a job: there are {', '.join(Status)}")
    if status is not None:
        fields = {**fields, "status": Status(status)}
    if "since" in fields:
        fields = {**fields, "since": read_moment("since", fields["since"])}
    return replace(which or JobFilter(), **fields)


def newest(pages: Iterable[list[V]], limit: int) -> list[V]:
    """The lists of several stores as one."""
    views = [view for page in pages for view in page]
    return sorted(views, key=lambda view: view.uid, reverse=True)[:limit]


def total(counts: Iterable[list[tuple[str, Status, int]]]) -> dict[tuple[str, Status], int]:
    """The counts of several stores as one."""
    result: Counter[tuple[str, Status]] = Counter()
    for count in counts:
        for queue, status, number in count:
            result[queue, status] += number
    return dict(result)


def ids_of(ids: str | Iterable[str]) -> list[str]:
    """Several ids, of one or several."""
    return [ids] if isinstance(ids, str) else list(ids)


def check_outside(outside: bool) -> None:
    """Raise ConfigError inside of a job, which has no way to the broker itself."""
    if not outside:
        raise ConfigError("a job has no way to the broker: ask for dead letters outside of jobs")


def _answer_type(question: Question) -> Any:
    assert question.request is not None
    return question.request.answer


def _unknown(request: Request | None) -> Exception:
    from schedulergodx.core.schedule import AskAboutSchedule  # late: few programs have any

    id = getattr(request, "id", "")
    if isinstance(request, _ABOUT_BATCHES):
        return UnknownBatch(
            f"no service that answered knows batch {id!r}: "
            "nothing was launched into it, or it ended and was removed"
        )
    if isinstance(request, AskAboutSchedule):
        return UnknownSchedule(
            f"no service that answered has a schedule {id!r}: it was never made, or was deleted"
        )
    return UnknownJob(
        f"no service that answered knows job {id!r}: "
        "it was never launched, or it ended and was removed"
    )


def _silence(question: Question) -> Exception:
    error, seconds = question.error, question.timeout or 0
    if isinstance(error, ConfigError):
        return error
    if isinstance(error, Unroutable):
        if question.address is not None:
            return UnknownQueue(
                f"no service serves queue {question.address!r} of the broker: start one that does, "
                "with `sgx service run --queue NAME`, or correct the name"
            )
        return NoAnswer("no service ever read from this broker: start one (`sgx service run`)")
    if error is not None:
        return NoAnswer(f"the question could not be sent: {error}")
    if not question.sent:
        return NoAnswer(
            f"the broker did not take the question within {seconds:g} s: it is away, or busy. What "
            "was asked is sent when it is back"
        )
    return NoAnswer(
        f"no service answered within {seconds:g} s. If none runs, start one (`sgx service run`): "
        "what was asked waits with the broker",
        sent=True,
    )


def _check_fields(what: str, fields: Iterable[str], known: Iterable[str]) -> None:
    for name in fields:
        if name not in known:
            raise ConfigError(f"{what} can't be listed by {name!r}: there are {', '.join(known)}")


def _due(options: Options) -> float:
    if options.run_at is not None:
        return options.run_at
    return time.time() + options.delay if options.delay else 0.0
