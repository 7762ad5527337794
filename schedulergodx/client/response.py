"""A response as the document shows it: `.metadata` and `.arguments`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode, Status

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob

OK = 0


class Response:
    """What a client was told of one of its jobs.

    metadata: {"id": ..., "client": ..., "type": 1 for INFO or 2 for ERROR}
    arguments: of an INFO {"responce": 0, "result": the value}; of an ERROR {"error_code": ...,
        "message": ..., "error": the exception}
    """

    def __init__(self, job: BaseJob[Any]) -> None:
        """`job` is one whose outcome is here."""
        self.job = job
        status = job._final_status
        kind = MessageType.INFO if status is Status.COMPLETED else MessageType.ERROR
        self.metadata: dict[str, Any] = {
            "id": job.id,
            "client": job._client.name,
            "type": kind,
        }
        self._arguments: dict[str, Any] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What it says. Values are rebuilt when this is asked for the first time."""
        if self._arguments is None:
            self._arguments = _arguments(self.job)
        return self._arguments

    def __repr__(self) -> str:
        return f"<Response {self.metadata['type'].name} of job {self.job.id}>"


def _arguments(job: BaseJob[Any]) -> dict[str, Any]:
    ended = job._ended or job._open()
    if ended.error is None:
        return {"responce": OK, "response": OK, "result": ended.value}
    assert job._response is not None
    failure = job._response.outcome.failure
    return {
        "error_code": ErrorCode(failure.code) if failure else ErrorCode.ERROR_IN_TASK,
        "message": failure.text if failure else str(ended.error),
        "error": ended.error,
    }
