"""A client that calls the function where it is launched: no service, no broker, no delay."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from schedulergodx.client.default import standing_in
from schedulergodx.client.outcomes import Ended
from schedulergodx.core.job import ErrorCode, Failure, Outcome, Status
from schedulergodx.core.message import Response
from schedulergodx.executors.inside.opening import Call
from schedulergodx.testing.client import HarnessClient

if TYPE_CHECKING:
    from schedulergodx.client.job import Job
    from schedulergodx.client.recipe import Recipe
    from schedulergodx.testing.clock import Clock


class EagerClient(HarnessClient):
    """Launches still fail where the function or its arguments can't travel."""

    def __init__(self, clock: Clock, **given: Any) -> None:
        super().__init__(clock, nullcontext, connect=False, **given)

    def _launch(self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job[Any]:
        _, _, job, _ = self._prepare(recipe, args, kwargs)
        with standing_in(self):
            ended = _call(Call(recipe.function, args, kwargs, (), ()))
        job._tell(self._response(job, ended.error))
        job._ended = ended
        return job  # type: ignore[no-any-return] # it is of `_job_kind`

    def _response(self, job: Job[Any], error: BaseException | None) -> Response:
        outcome = Outcome(Status.COMPLETED)
        if error is not None:
            failure = Failure(ErrorCode.ERROR_IN_TASK, str(error), type(error).__qualname__)
            outcome = Outcome(Status.FAILED, failure=failure)
        now = self._clock()
        return Response(job.uid, job._label, 1, now, now, outcome)


def _call(call: Call) -> Ended:
    try:
        return Ended(call.run(), None)
    except Exception as error:
        return Ended(None, error)
