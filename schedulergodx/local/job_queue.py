"""`JobQueue`: jobs on a file, for programs that submit them and look at them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from schedulergodx.client import Client
from schedulergodx.client.description import describe
from schedulergodx.client.requests import Cancellation
from schedulergodx.config import load_settings
from schedulergodx.core.job import Status
from schedulergodx.errors import UnknownJob
from schedulergodx.local.attendance import Attendance
from schedulergodx.local.client import LocalClient
from schedulergodx.local.file import JobFile
from schedulergodx.utils.abstractions import Closing

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from schedulergodx.client import Job
    from schedulergodx.client.workflow import Workflow


class JobQueue(Closing):
    """Jobs of a file, which is a store with the embedded broker beside it: no server is needed.

    Any number of processes may submit to one file, look at it and work on it, at the same time.
    `Worker` runs the jobs. Every method that takes an id takes a job as well.

    db_path: of the file; SCHEDULERGODX_DB, if left out. Or a `Client`: then these are the jobs of
        its services, on any broker and in any store
    initialize: make the file if it is not there; else that is an error

    Raises: ConfigError for what names no file; StoreError for a file that is not there, is no
        database of jobs, or can't be written
    """

    def __init__(
        self, db_path: str | os.PathLike[str] | Client | None = None, initialize: bool = True
    ) -> None:
        self._opening = threading.Lock()
        self._client: Client | None = None
        self.file: JobFile | None = None
        if isinstance(db_path, Client):
            self._client = db_path
            return
        self.file = JobFile.of(load_settings().db if db_path is None else db_path)
        if not initialize:
            self.file.check_there()
        elif not self.file.path.exists():
            with Attendance(self.file):
                pass  # who serves it has made it

    @property
    def client(self) -> Client:
        """The client that asks; it can do all else: launch tasks, change jobs, watch queues."""
        with self._opening:
            if self._client is None:
                assert self.file is not None
                self._client = LocalClient(self.file)
            return self._client

    def close(self) -> None:
        """Let go of the connection; the end of the program does it too."""
        if self.file is not None:
            with self._opening:
                client, self._client = self._client, None
            if client is not None:
                client.close()

    # -- verbs ------------------------------------------------------------------------------------

    def submit(self, job: Job[Any]) -> str:
        """Ask for a job, which is on disk when this returns; its id.

        Raises: UnknownJob for a dependency that is not there, ShipError, TooLarge, ConfigError
        """
        return self.client.submit(job)

    def cancel(self, job_id: Job[Any] | str) -> bool:
        """Call off a job that waits. False for one that runs, has ended or is not known."""
        try:
            return self.client.job(job_id).cancel(waiting=True) is Cancellation.CANCELLED
        except UnknownJob:
            return False

    def get_status(self, job_id: Job[Any] | str) -> dict[str, Any]:
        """All that is known of a job, with each of its attempts; `{"exists": False}` for none.

        Times are texts in ISO 8601.
        """
        return self.client.get_status(job_id)

    def list_jobs(
        self,
        status: Status | str | None = None,
        limit: int = 100,
        *,
        queue: str | None = None,
        before: int | None = None,
    ) -> list[dict[str, Any]]:
        """Jobs as dicts, newest first, without params, result, texts of errors and executions.

        before: `position` of the last job of the page before

        Raises: ConfigError for a status that is none, which names those that are
        """
        views = self.client.list_jobs(status=status, limit=limit, queue=queue, before=before)
        return [{**describe(view), "position": view.seq} for view in views]

    def clear_completed(self, before_timestamp: datetime | float | str | None = None) -> int:
        """Forget jobs that completed or were cancelled, with their attempts; how many those were.

        before_timestamp: only those that had ended by then: a `datetime`, seconds since the epoch,
            or a text in ISO 8601; all if left out

        Raises: ConfigError for what is no moment
        """
        return self.client.clear_completed(before_timestamp)

    def requeue_job(self, job_id: Job[Any] | str) -> bool:
        """Run a job again that failed, timed out or was cancelled, with all its attempts.

        What was cancelled because of it waits for it again. False for any other job.
        """
        return self.client.requeue_job(job_id)

    def stats(self) -> dict[str, Any]:
        """How many jobs there are by status, in `total`, and in `queues` the same of each queue."""
        return self.client.stats()

    def get_result(self, job_id: Job[Any] | str) -> Any:
        """What a job returned; None while it has not ended.

        Raises: the exception that the job raised, JobTimeout, JobCancelled and what else ended it;
            UnknownJob
        """
        return self.client.get_result(job_id)

    def _submit_workflow(self, workflow: Workflow) -> list[str]:
        """What `workflow.submit_all(queue)` does."""
        return self.client._submit_workflow(workflow)
