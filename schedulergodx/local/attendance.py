"""Attendance: somebody serves a file while it is asked something, or while it is worked on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from schedulergodx.errors import StoreLocked
from schedulergodx.local.holder import Holder
from schedulergodx.utils.unix_socket import address_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from schedulergodx.local.file import JobFile

_PAUSE = 0.02  # seconds until a file is tried again that another process holds
_MOMENT = 0.001


class Attendance:
    """A `with` block in which a file is served: by this process, while no other one does.

    Whoever holds the lock of the file serves it. A process that dies gives the lock back, and the
    next try takes it.

    public: whether workers of other processes may lend places to this one
    pause: seconds between tries
    """

    def __init__(self, file: JobFile, *, public: bool = False, pause: float = _PAUSE) -> None:
        self._file = file
        self._public = public
        self._pause = pause
        self._holder: Holder | None = None
        self._over = threading.Event()
        self._again = threading.Event()
        self._settled = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._attend, name=f"schedulergodx {file.path.name}", daemon=True
        )

    def __enter__(self) -> Self:
        """Raises: StoreError if the file can't be opened"""
        self._thread.start()
        self._settled.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(0)
        self.join()

    def end(self, grace: float) -> None:
        """Serve no more; what still runs here has `grace` seconds. May be said again."""
        self._over.set()
        self._again.set()
        while self._thread.is_alive():
            holder = self._holder
            if holder is not None and holder.listens:
                holder.stop(grace)
                return
            self._thread.join(_MOMENT)

    def join(self, timeout: float | None = None) -> bool:
        """Whether it has ended, waiting for that."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def retry(self) -> None:
        """Try at once to take the file: who held it may be gone."""
        self._again.set()

    def connect(self) -> socket.socket | None:
        """A connection to whoever serves the file, to lend it places; None if it takes none.

        Raises: StoreError if this process could not go on serving it
        """
        if self._error is not None:
            raise self._error
        holder = self._holder
        return (holder and holder.connect()) or self._connect_elsewhere()

    def _connect_elsewhere(self) -> socket.socket | None:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address_of(self._file.socket) as address:
                end.connect(address)
        except OSError:
            end.close()
            return None
        return end

    def _attend(self) -> None:
        try:
            while not self._over.is_set():
                self._again.clear()
                self._hold()
                if not self._over.is_set():
                    self._again.wait(self._pause)
        except BaseException as error:
            self._error = error
        finally:
            self._settled.set()

    def _hold(self) -> None:
        """Serve the file until the end, or return at once if another process does."""
        self._holder = holder = Holder(self._file, public=self._public, ready=self._settled.set)
        with suppress(StoreLocked):
            holder.start()
        self._holder = None
        self._settled.set()
