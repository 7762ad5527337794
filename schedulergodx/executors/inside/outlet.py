"""The way out for a client inside of a job: over the worker's socket."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from schedulergodx.core.context import worker_instance
from schedulergodx.errors import LaunchError
from schedulergodx.executors.frames import Say, Send
from schedulergodx.executors.inside import attempt
from schedulergodx.executors.inside.channel import ChannelClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.executors.frames import Accepted
    from schedulergodx.executors.inside.channel import Channel


class WorkerOutlet:
    """`core.context.Outlet` of a worker process."""

    def __init__(self, worker: int, channel: Channel) -> None:
        self.instance = worker_instance(worker)
        self._channel = channel
        self._process = os.getpid()
        self._subscribed = False

    @property
    def client(self) -> str:
        """The client whose job runs here; "" outside of jobs."""
        here = attempt.current()
        return here.order.client if here is not None else ""

    def send(self, address: str, body: bytes) -> None:
        """Hand over an envelope; returns when it is on disk. Raises: LaunchError"""
        self._require_own_process()
        number = self._channel.next_number()
        try:
            self._channel.send(Say.SEND, Send(number, address, body))
            refused = cast("Accepted", self._channel.answer(number)).error
        except (OSError, ChannelClosed) as error:
            raise LaunchError("the service of this job is gone: nothing can be launched") from error
        if refused is not None:
            raise LaunchError(refused)

    def subscribe(self, on_response: Callable[[bytes], None]) -> None:
        """Have envelopes that come back handed to `on_response`, on a thread of the worker."""
        self._require_own_process()
        self._channel.on_response = on_response
        if not self._subscribed:
            self._subscribed = True
            self._channel.read_always()

    def waiting(self, begins: bool) -> None:
        """Say that the job waits for another one, or goes on."""
        self._require_own_process()
        self._channel.send(Say.WAITING, begins)

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            raise LaunchError(
                "a process that a job forked has no way to its service: "
                "launch in the job itself, and hand results to it"
            )
