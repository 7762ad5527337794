"""What became of a job, in JSON, for programs that are not in Python."""

from __future__ import annotations

from typing import Any

import msgspec

from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.job import ErrorCode, Failure, Outcome
from schedulergodx.core.message import Error, Response, ResponsesBody

_INSTANCE = "json:"
_LONGEST = 255  # bytes, of a name and of a correlation id in AMQP


def write_address(reply_to: str, correlation_id: str) -> str:
    """Where a job is answered, as the `instance` of a client; "" for nowhere."""
    if not reply_to:
        return ""
    return _INSTANCE + msgspec.json.encode((reply_to, correlation_id)).decode()


def read_address(instance: str) -> tuple[str, str] | None:
    """(queue, correlation id) of what `write_address` has written; None of any other instance."""
    if not instance.startswith(_INSTANCE):
        return None
    try:
        address = msgspec.json.decode(instance.removeprefix(_INSTANCE), type=tuple[str, str])
    except UNREADABLE:
        return None
    return address if all(map(fits, address)) else None


def fits(text: str) -> bool:
    """Whether a broker can carry that as the name of a queue, or as a correlation id."""
    return len(text.encode()) <= _LONGEST


def write_answers(body: object, correlation_id: str) -> list[bytes]:
    """The messages that say what a service would tell a client."""
    said: dict[str, Any] = {"correlation_id": correlation_id}
    if isinstance(body, ResponsesBody):
        return [_encode(said | _response(response)) for response in body.responses]
    if isinstance(body, Error):
        return [_encode(said | {"status": "refused", "error": _error(body.failure)})]
    return []


_encode = msgspec.json.Encoder().encode


def _response(response: Response) -> dict[str, Any]:
    outcome = response.outcome
    said = {
        "id": response.id,
        "status": outcome.status,
        "attempt": response.attempt,
        "started": response.started,
        "finished": response.finished,
        "output": outcome.output,
    }
    if outcome.failure is not None:
        return said | {"error": _error(outcome.failure)}
    return said | {"result": _result(outcome)}


def _result(outcome: Outcome) -> msgspec.Raw:
    return msgspec.Raw(outcome.value if outcome.json and outcome.value else b"null")


def _error(failure: Failure) -> dict[str, Any]:
    known = failure.code in set(ErrorCode)
    return {
        "code": failure.code,
        "name": ErrorCode(failure.code).name if known else "",
        "text": failure.text,
        "type": failure.type,
        "traceback": failure.traceback,
    }
