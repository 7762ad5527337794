"""One run of a job inside of a worker, and which one a piece of code belongs to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from schedulergodx.core.context import CurrentJob, Voice
from schedulergodx.executors.inside.capture import Capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.frames import Order, Why


class Page(Protocol):
    """Where it is seen that a job is to stop."""

    def asked(self, token: int) -> bool:
        """Whether somebody asked that of the job of a token."""


class OpenVoice(Voice, Protocol):
    """The voice of an attempt, as long as that lasts."""

    def close(self) -> None:
        """It is over: send what is left."""


class Attempt:
    """From the mark of a job to its outcome.

    started: instant of the mark
    why: the reason for which it was told to stop, as a thread or a coroutine is
    make_voice: called when it says something first
    """

    __slots__ = (
        "_capture",
        "_capture_limit",
        "_make_voice",
        "_page",
        "_voice",
        "order",
        "spec",
        "started",
        "why",
    )

    def __init__(
        self,
        order: Order,
        spec: Spec,
        page: Page,
        started: float,
        capture_limit: int,
        make_voice: Callable[[Attempt], OpenVoice],
    ) -> None:
        self.order = order
        self.spec = spec
        self.started = started
        self.why: Why | None = None
        self._page = page
        self._capture: Capture | None = None
        self._capture_limit = capture_limit
        self._voice: OpenVoice | None = None
        self._make_voice = make_voice

    def asked(self) -> bool:
        """Whether somebody asked that it stop."""
        return self.why is not None or self._page.asked(self.order.token)

    def capture(self) -> Capture:
        """Where its output goes; made when it prints first."""
        if self._capture is None:
            self._capture = Capture(self._capture_limit)
            self.voice()
        return self._capture

    def output(self) -> str:
        """What it printed."""
        return "" if self._capture is None else self._capture.text()

    def voice(self) -> OpenVoice:
        """How it says something of itself; made when it does first."""
        if self._voice is None:
            self._voice = self._make_voice(self)
        return self._voice

    def close(self) -> None:
        """It is over: what it has said is sent."""
        if self._voice is not None:
            self._voice.close()

    def current_job(self) -> CurrentJob:
        """What the job may know of itself."""
        lifetime = self.spec.lifetime
        deadline = None if lifetime is None else self.started + lifetime
        order = self.order
        return CurrentJob(order.uid, order.label, order.attempt, deadline, self)


_here: ContextVar[Attempt | None] = ContextVar("schedulergodx_attempt", default=None)
_only: Attempt | None = None


def current() -> Attempt | None:
    """The attempt that this code belongs to, if any."""
    return _here.get() or _only


def set_here(attempt: Attempt) -> None:
    """What runs in this context, and in those copied from it, belongs to `attempt`."""
    _here.set(attempt)


def set_only(attempt: Attempt | None) -> None:
    """Whatever runs in this process, in threads of the job's own as well, belongs to `attempt`."""
    global _only
    _only = attempt
