"""Telling who watches over the service that it is ready, alive, and stopping.

Two watchers: systemd (sd_notify(3), the socket that NOTIFY_SOCKET names), and a file that
`sgx service health` reads.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.utils.process import began, place

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

_START_SECONDS = 60  # a start may take so much longer with each pulse: the broker may be away


class Watch:
    """Speaks to the watchers.

    file: where to write; None for nowhere
    facts: what stands in the file beside pid, when and where that began, at and ready
    """

    def __init__(
        self, file: Path | None, clock: Callable[[], float], facts: Callable[[], dict[str, object]]
    ) -> None:
        self._file = file
        self._clock = clock
        self._facts = facts
        self._ready = False
        self._complained = False  # the file could not be written the last time
        pid = os.getpid()
        self._process = {"pid": pid, "began": began(pid), "place": place()}

    def ready(self) -> None:
        """The service takes jobs."""
        self._ready = True
        notify("READY=1")
        self.pulse()

    def pulse(self, trouble: str = "") -> None:
        """The service is alive. trouble: why it takes nothing all the same; "" if it does"""
        notify("WATCHDOG=1" if self._ready else f"EXTEND_TIMEOUT_USEC={_START_SECONDS * 10**6}")
        if self._file is None:
            return
        own = {"at": self._clock(), "ready": self._ready, "trouble": trouble}
        try:
            _write(self._file, json.dumps({**self._facts(), **self._process, **own}))
        except OSError as error:
            if not self._complained:
                logger.warning("the health file can't be written: %s", error)
            self._complained = True
        else:
            self._complained = False

    def stopping(self) -> None:
        """The service drains."""
        notify("STOPPING=1")

    def gone(self) -> None:
        """The service has ended in order."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def _write(file: Path, text: str) -> None:
    """Whole or not at all; in place where the disk has no room for another file. Raises: OSError"""
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(text)
        part.replace(file)
    except OSError:
        with file.open("r+") as old:
            old.write(text)
            old.truncate()


def notify(state: str) -> None:
    """Tell systemd, where it listens. Source: sd_notify(3)"""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
            end.sendto(state.encode(), path)
    except OSError as error:
        logger.warning("systemd could not be told %s: %s", state, error)
