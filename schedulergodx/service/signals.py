"""The signals that ask a service, or a worker, to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


def stop_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM, SIGINT, and that of a terminal that is closed, where it is not ignored (`nohup`)."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signal.SIGTERM, signal.SIGINT
    return signal.SIGTERM, signal.SIGINT, signal.SIGHUP


def take_once(number: int) -> None:
    """Ignore further hangups: one closed terminal is told of by its shell and by the kernel."""
    if number == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def on_stop_signals(loop: asyncio.AbstractEventLoop, ask: Callable[[], None]) -> None:
    """Have the loop call `ask` for each of them. Only in the main thread."""

    def obey(number: int) -> None:
        take_once(number)
        ask()

    for number in stop_signals():
        loop.add_signal_handler(number, obey, number)
