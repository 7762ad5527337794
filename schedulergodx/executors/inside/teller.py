"""Has running jobs tell, some times a second, what they have said of themselves since.

A thread does it that is there only while a job of this worker has said something, so that a loop
which tells its progress a million times sends little, and what it said last is sent all the same.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.executors.inside.voice import JobVoice

INTERVAL = 0.2  # seconds


class Teller:
    """One for a worker. Safe to use from any thread."""

    def __init__(self) -> None:
        self._voices: set[JobVoice] = set()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._runs = False
        self._process = os.getpid()
        # The child of a job that forks may print, and finds no lock taken that this thread uses.
        os.register_at_fork(
            before=self._telling.acquire,
            after_in_parent=self._telling.release,
            after_in_child=self._telling.release,
        )

    def add(self, voice: JobVoice) -> None:
        """Have it tell until `remove`."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._voices.add(voice)
            if self._runs:
                return
            self._runs = True
        thread = threading.Thread(target=self._tell_on, name="schedulergodx teller", daemon=True)
        with suppress(RuntimeError):  # no room for another thread: then it tells at its end
            thread.start()

    def remove(self, voice: JobVoice) -> None:
        """Its attempt is over; it does not tell any more when this returns."""
        with self._lock:
            self._voices.discard(voice)
        with self._telling:
            pass

    def _tell_on(self) -> None:
        while True:
            time.sleep(INTERVAL)
            with self._lock:
                voices = list(self._voices)
                self._runs = bool(voices)
            if not voices:
                return
            with self._telling, suppress(OSError):  # the service is gone, and so are we in a moment
                for voice in voices:
                    voice.tell()
