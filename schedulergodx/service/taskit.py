"""The engine of the document of Taskit: a service whose queues are called channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schedulergodx.service.service import Service


class TaskEngine(Service):
    """A service of these channels.

    channels: the queues to serve
    max_workers: how many jobs run at once, in processes or in threads
    task_expiration: in how many seconds a job must start that says nothing of that
    given: any setting of a service by its name
    """

    def __init__(
        self,
        channels: Iterable[str],
        max_workers: int = 5,
        task_expiration: float = 3600,
        **given: Any,
    ) -> None:
        super().__init__(
            queues=list(channels),
            max_workers=max_workers,
            threads=max_workers,
            task_expiration=task_expiration,
            **given,
        )
