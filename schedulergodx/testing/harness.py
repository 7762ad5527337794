"""A client and a service in one process, on a clock that the test moves."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from schedulergodx.brokers.memory import cut_off
from schedulergodx.client.args import set_client_here
from schedulergodx.config import load_settings
from schedulergodx.errors import ConfigError
from schedulergodx.testing.backstage import Backstage
from schedulergodx.testing.client import HarnessClient
from schedulergodx.testing.clock import Clock
from schedulergodx.testing.eager import EagerClient
from schedulergodx.utils.abstractions import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schedulergodx.client.client import Client
    from schedulergodx.testing.launches import Launch, Named

_numbers = itertools.count(1)
_living: WeakValueDictionary[int, Harness] = WeakValueDictionary()
_PREFIX = "schedulergodx-harness-"
_SHARED_MEMORY = "/dev/shm"
_START = datetime(2027, 1, 1, tzinfo=UTC)
_PATIENCE = 0.5  # seconds of real time for a confirm of the broker, which comes at once or not


class Harness(Closing):
    """Jobs are packed, stored, claimed and told as in earnest, and run in this process.

    Time stands still until `advance`. Functions run as the test has them, so that what it put in
    the place of others is called; arguments and values are copies, as they are after a journey.

    start: the instant at which the clock stands at the begin, with a time zone
    eager: launches call the function at once; there is no service, and no time
    copies: run the code as it was shipped, and not the functions themselves
    settings: of the service

    Raises: ConfigError
    """

    client: Client

    def __init__(
        self,
        *,
        start: datetime = _START,
        eager: bool = False,
        copies: bool = False,
        **settings: Any,
    ) -> None:
        self.clock = Clock(start)
        self._number = next(_numbers)
        _living[self._number] = self
        self._broker = f"memory:harness-{self._number}"
        self._copies = copies
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_in_memory())
        said = {"broker": self._broker, "db": f"sqlite:///{self._folder.name}/jobs.db"}
        self._settings = load_settings(environ={}, **{**said, **settings})
        self._backstage: Backstage | None = None
        if not eager:
            self._backstage = Backstage(
                self._settings, self.clock, self._original, self._begin_thread
            )
            self._backstage.begin()
        self.client = self._client = self._make_client()

    def close(self) -> None:
        """End the service and its client, and remove all that was kept."""
        self._client.close()
        if self._backstage is not None:
            self._backstage.end()
        self._folder.cleanup()

    def __reduce__(self) -> tuple[Callable[[int], Harness], tuple[int]]:
        """A function of the test that names it is shipped with what leads back to it."""
        return _find, (self._number,)

    # -- time -------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """What the clock says, in UTC."""
        return self.clock.now

    def advance(self, seconds: float = 0.0, **length: float) -> None:
        """Let time pass, and all that comes due in it happen, each at its instant.

        length: as of a `timedelta`: days, hours, minutes, weeks

        Raises: ConfigError for a length below zero; ServiceError if something does not end
        """
        instant = self.clock.instant + seconds + timedelta(**length).total_seconds()
        if instant < self.clock.instant:
            raise ConfigError("time can't go back here: use `set_clock` for a clock that is set")
        self._real().advance(instant)
        self._listen()

    def move_to(self, moment: datetime) -> None:
        """Let time pass until a moment, which has a time zone. Raises: as `advance`"""
        self.advance(Clock(moment).instant - self.clock.instant)

    def set_clock(self, moment: datetime) -> None:
        """Set the clock, forwards or back, as an operator does. What is due by it happens."""
        self.clock.instant = Clock(moment).instant
        self.drain()

    def drain(self) -> None:
        """Let all happen that is due now. Raises: ServiceError if it does not end"""
        self._real().advance(self.clock.instant)
        self._listen()

    # -- launches ---------------------------------------------------------------------------------

    def launches(self, task: Named | None = None) -> list[Launch]:
        """What was launched, in its order; of one task, or of all."""
        return self._client.launches.of(task)

    def assert_launched(
        self,
        task: Named,
        *,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        times: int | None = None,
    ) -> None:
        """Raise AssertionError, which lists all launches, unless a task was launched like that.

        args, kwargs: None for any
        times: None for at least once
        """
        self._client.launches.check(task, args, kwargs, times)

    # -- faults -----------------------------------------------------------------------------------

    def kill_workers(self, times: int = 1) -> None:
        """Let so many of the next attempts end with their worker, before the function is called."""
        self._real().kill_workers(times)

    @contextmanager
    def broker_away(self) -> Iterator[None]:
        """Inside, the broker confirms nothing and brings nothing."""
        with cut_off(self._broker):
            yield

    @contextmanager
    def service_away(self) -> Iterator[None]:
        """Inside, there is no service: it dies as by SIGKILL, and another one begins after."""
        backstage = self._real()
        backstage.crash()
        try:
            yield
        finally:
            backstage.begin()
            self.drain()

    def restart(self) -> None:
        """Kill the service, and start another one on its database."""
        with self.service_away():
            pass

    # -- its parts --------------------------------------------------------------------------------

    def _make_client(self) -> HarnessClient:
        given = {"name": "harness", "broker": self._broker, "confirm_timeout": _PATIENCE}
        if self._backstage is None:
            return EagerClient(self.clock, **given)
        return HarnessClient(self.clock, lambda: self._real().hands.waiting(), **given)

    def _original(self, hash: bytes) -> Callable[..., Any] | None:
        return None if self._copies else self._client.original(hash)

    def _begin_thread(self) -> None:
        """What is asked inside a job is asked by the client of the test."""
        set_client_here(self._client)

    def _real(self) -> Backstage:
        if self._backstage is None:
            raise ConfigError("an eager harness has no service: make one without eager=True")
        return self._backstage

    def _listen(self) -> None:
        """Let the client read what has been told to it."""
        self._client.catch_up()


def _in_memory() -> str | None:
    """A folder without a disk, where there is one: nothing here outlives the test anyway."""
    return _SHARED_MEMORY if Path(_SHARED_MEMORY).is_dir() else None


def _find(number: int) -> Harness:
    return _living[number]
