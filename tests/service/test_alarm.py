"""The alarm of a loop, with timers of the kernel and without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from schedulergodx.service import alarm as alarms
from schedulergodx.service.alarm import Alarm

PATIENCE = 10.0


class Bell:
    """Remembers when it rang."""

    def __init__(self) -> None:
        self.rings: list[float] = []
        self._rang = asyncio.Event()

    def ring(self) -> None:
        self.rings.append(time.monotonic())
        self._rang.set()

    async def wait(self) -> float:
        """The instant of the next ring."""
        async with asyncio.timeout(PATIENCE):
            await self._rang.wait()
        self._rang.clear()
        return self.rings[-1]


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture(params=["of the kernel", "of the loop"])
async def alarm(
    request: pytest.FixtureRequest, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Alarm]:
    if request.param == "of the loop":
        monkeypatch.setattr(alarms.ctypes, "CDLL", lambda _: object())
    alarm = Alarm(bell.ring)
    yield alarm
    alarm.close()


async def test_it_rings_once_and_never_before_its_time(alarm: Alarm, bell: Bell) -> None:
    for delay in (0.0, 0.0001, 0.0105, 1.001):
        due = time.monotonic() + delay
        alarm.set(delay)
        assert await bell.wait() >= due
    assert len(bell.rings) == 4


async def test_the_last_time_that_was_set_counts(alarm: Alarm, bell: Bell) -> None:
    alarm.set(60.0)
    due = time.monotonic() + 0.05
    alarm.set(0.001)
    alarm.set(0.05)
    assert await bell.wait() >= due
    assert len(bell.rings) == 1


async def test_it_is_silent_when_it_is_cancelled_or_closed(alarm: Alarm, bell: Bell) -> None:
    alarm.set(0.01)
    alarm.cancel()
    await asyncio.sleep(0.05)
    alarm.set(0.01)
    alarm.close()
    await asyncio.sleep(0.05)
    assert not bell.rings
