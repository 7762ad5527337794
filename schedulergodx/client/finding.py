"""What a client knows of jobs without asking, and what it would ask. Nothing is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.base import BaseClient
from schedulergodx.client.base_job import BaseJob
from schedulergodx.client.pipeline import current_pipeline
from schedulergodx.client.question import Notice, Question
from schedulergodx.client.reading import read_timeout
from schedulergodx.client.requests import batch_name
from schedulergodx.client.unconfirmed import lost_launch
from schedulergodx.core.message import BatchRef
from schedulergodx.errors import BrokerClosed, ConfigError, ResultTimeout

if TYPE_CHECKING:
    from schedulergodx.client.line import Line
    from schedulergodx.client.options import Duration
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.view import BatchView, JobView


class Finding(BaseClient):
    """The part of both clients that finds jobs by their ids."""

    def _find(self, id: BaseJob[Any] | str) -> BaseJob[Any] | None:
        """A job of which this process knows."""
        if isinstance(id, BaseJob):
            return id
        uid = self._awaited.uid_of(id)
        if uid is None:
            return None
        held = self._awaited.held(uid)
        if held is not None:
            return held
        dropped = self._awaited.dropped(uid)
        attached: BaseJob[Any] | None = None
        if dropped is not None:
            attached = self._attach(uid, **dropped._asdict())
        elif self._awaited.outcome(uid) is not None:
            attached = self._attach(uid, label=id, queue="", task="")
        return attached

    def _attach(
        self, uid: bytes, *, label: str | None, queue: str, task: str, instance: str = ""
    ) -> Any:
        """A job object for a uid, of the kind of this client."""
        job = self._job_kind._known(
            self, uid, label=label, queue=queue, task=task, instance=instance
        )
        self._awaited.pick_up(
            job
        )  # before the look: what comes meanwhile is told to one that is there
        outcome = self._awaited.outcome(uid)
        if outcome is not None:
            job._tell(outcome)
        return job

    def _job_of(self, view: JobView) -> Any:
        """The job of a view; the one that somebody holds, if there is one."""
        held = self._awaited.held(view.uid)
        if held is not None:
            return held
        return self._attach(view.uid, label=view.label, queue=view.queue, task=view.task)

    def _new_batch(self, name: str) -> Any:
        """A batch of the kind of this client."""
        return self._batch_kind(self, BatchRef(self._identify(), batch_name(name)), is_new=True)

    def _batch_of(self, view: BatchView) -> Any:
        """The batch of a view."""
        ref = BatchRef(view.uid, view.name, view.workflow)
        return self._batch_kind(self, ref, view=view)

    def _is_own(self, job: BaseJob[Any]) -> bool:
        """Whether its outcome is told to this process without being asked for."""
        return job._instance == self.instance

    def _address(self, queue: str) -> str | None:
        """Where questions about jobs of a queue go; None, to every store, if it is not known."""
        return self._names.requests(queue).name if queue else None

    def _flush_pipeline(self) -> None:
        """What is asked about must be on its way."""
        pipeline = current_pipeline()
        if pipeline is not None and pipeline.takes(self):
            pipeline.flush()

    def _question(
        self, line: Line, request: Request, queue: str, timeout: Duration, every: bool
    ) -> Question:
        """A question to the service of a queue, or to every store where queue is ""."""
        address, seconds = self._address(queue), read_timeout(timeout)
        return line.sealer.ask(request, address, queue=queue, timeout=seconds, every=every)

    def _notice(self, line: Line, message: bytes | str, delivery_mode: int) -> Notice:
        """A message of the user's own, signed if it is an envelope without a signature."""
        if delivery_mode not in (1, 2):
            raise ConfigError(f"delivery_mode={delivery_mode!r}: it is 2, or 1")
        data = message.encode() if isinstance(message, str) else message
        return Notice(b"", line.sealer.sign(data), self._names.requests().name)

    def _no_outcome(self, job: BaseJob[Any], timeout: float | None) -> Exception:
        """Why a wait for an outcome ended without one."""
        lost = lost_launch(job)
        if lost is not None:
            return lost
        if job.is_open:
            return BrokerClosed(f"the client was closed before job {job.id} had ended")
        dropped = self._reader.dropped
        hint = f" A message that came was dropped: {dropped}" if dropped else ""
        return ResultTimeout(
            f"job {job.id} of {job.task} has not ended within {timeout or 0:g} s; it goes on, and "
            f"result() can be called again.{hint}"
        )
