"""A stage for schedules: what a client does with them, and what they have made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.core.policy import Policy
from schedulergodx.core.schedule import (
    AskFires,
    AskNextFires,
    AskPutSchedule,
    AskSchedule,
    AskTurnSchedule,
    FireView,
    ScheduleState,
    ScheduleView,
)
from schedulergodx.executors.base import Ended
from tests.service.stage import CODE, CODE_HASH, RETURNED, Stage

if TYPE_CHECKING:
    from schedulergodx.core.any_request import Request
    from schedulergodx.core.job import Outcome
    from schedulergodx.executors.base import Work

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Timetable(Stage):
    """Jobs of schedules end at once, unless a test takes them from `hand.begun` itself."""

    async def want(self, request: Request) -> Any:
        """The value of an answer; an AssertionError with the reason if it was refused."""
        answer = await self.ask(request)
        assert answer.failure is None, answer.failure
        return msgspec.msgpack.decode(answer.value, type=request.answer)

    async def refusal(self, request: Request) -> str:
        """Why it was refused."""
        answer = await self.ask(request)
        assert answer.failure is not None
        return answer.failure.text

    def body(self, task: str = "task", arguments: bytes = b"a", **more: Any) -> bytes:
        spec = self.spec(name=task)
        item = JobItem(bytes(16), arguments)
        return msgspec.msgpack.encode(TaskBody(spec, {CODE_HASH: CODE}, [item], **more))

    async def put(
        self, rule: str, name: str = "it", zone: str = "UTC", task: str = "task", **policy: Any
    ) -> ScheduleView:
        """Make a schedule."""
        body = self.body(task)
        return await self.want(AskPutSchedule(name, rule, zone, body, Policy(**policy)))

    async def view(self, name: str = "it") -> ScheduleView:
        view = await self.want(AskSchedule(name))
        assert view is not None
        return view

    async def launch_of(self, task: str, jobs: int = 1) -> None:
        """Launch jobs, and wait until they are stored."""
        items = [self.item() for _ in range(jobs)]
        uids = await self.launch(*items, spec=self.spec(name=task))
        await self.status(uids[-1])

    async def turn(self, state: ScheduleState, name: str = "it") -> bool:
        return await self.want(AskTurnSchedule(name, state))

    async def fires(self, name: str = "it") -> list[FireView]:
        """The oldest first."""
        return (await self.want(AskFires(name, limit=1000)))[::-1]

    async def instants(self, name: str = "it", *, since: float) -> list[float]:
        """The seconds after `since` of fires that made a job."""
        fires = await self.fires(name)
        return [round(fire.instant - since, 3) for fire in fires if fire.job is not None]

    async def next(self, number: int, name: str = "it") -> list[float]:
        return await self.want(AskNextFires(name, number))

    async def settle(self) -> None:
        """Until the engine sleeps with nothing to do at this instant."""

        def calm() -> bool:
            if not self.engine.idle:  # the store may be busy in a thread
                return False
            moment = self.engine.next_moment()
            return moment is None or moment > self.now

        for _ in range(3):  # what one turn of the loop began, the next ends
            await self.until(calm)
            await asyncio.sleep(0)

    async def end_all(self, outcome: Outcome = RETURNED) -> list[Work]:
        """Let all that runs end, and what starts then."""
        ended: list[Work] = []
        await self.settle()
        while self.hand.begun:
            work = self.hand.begun.popleft()
            self.hand.running.pop(work.seq)
            self.hand.report(Ended(work.seq, work.attempt, outcome, False, self.now, self.now))
            ended.append(work)
            await self.settle()
        return ended

    async def pass_time(self, seconds: float, outcome: Outcome = RETURNED) -> int:
        """Move the clock from one instant to the next; jobs end at once. How many there were."""
        end, jobs = self.now + seconds, 0
        while True:
            jobs += len(await self.end_all(outcome))
            moment = self.engine.next_moment()
            if moment is None or moment > end:
                break
            self.now = max(self.now, moment)
            self.engine.ring()
        self.now = end
        self.engine.ring()
        return jobs + len(await self.end_all(outcome))

    async def turn_to_hour(self, hour: int) -> None:
        """Move the clock to the next time that it is so late in UTC."""
        self.move((hour * HOUR - self.now) % DAY)
        await self.settle()
