"""One place, for one job after the other: what a worker needs that is told when to run one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from schedulergodx.local.attendance import Attendance
from schedulergodx.local.client import LocalClient
from schedulergodx.local.holder import FOREVER
from schedulergodx.local.lending import LenderEnd, read_farewell
from schedulergodx.utils.abstractions import Closing

if TYPE_CHECKING:
    from schedulergodx.local.file import JobFile
    from schedulergodx.service.lent import Offer

_PAUSE = 0.02  # seconds until a file is tried again whose holder takes no places


class OnePlace(Closing):
    """Lends one place to whoever serves a file, as often as it is told to.

    Raises: StoreError
    """

    def __init__(self, file: JobFile) -> None:
        self._attendance = Attendance(file, public=True).__enter__()
        self._client = LocalClient(file)
        self._end: LenderEnd | None = None

    def run_one(self, offer: Offer) -> bool:
        """Whether there was a job; it has ended, or is to be tried again.

        Raises: ServiceError if no jobs can be run
        """
        self._client.counts(timeout=FOREVER)  # what was sent before this was taken in before it
        while True:
            end = self._end = self._end or self._connect()
            farewell = None
            if end is not None and end.say(offer):
                farewell = read_farewell(end.hear())
            if farewell is not None:
                return farewell.ran
            self._part()
            self._attendance.retry()
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Let go of it. Jobs of others that run below this process end before this returns."""
        self._part()
        self._client.close()
        self._attendance.end(FOREVER)
        self._attendance.join()

    def _connect(self) -> LenderEnd | None:
        connection = self._attendance.connect()
        return None if connection is None else LenderEnd(connection)

    def _part(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end.close()
