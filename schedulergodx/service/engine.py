"""The engine: the stations, put together around one loop."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.core.job import ErrorCode
from schedulergodx.core.kinds import allowed_kinds
from schedulergodx.core.limit import Rate
from schedulergodx.executors.base import Ended
from schedulergodx.service.admission import Admission
from schedulergodx.service.batch_desk import BatchDesk
from schedulergodx.service.caretaker import Caretaker
from schedulergodx.service.desk import Desk
from schedulergodx.service.dispatcher import Dispatcher
from schedulergodx.service.drafter import Drafter
from schedulergodx.service.errands import Errands
from schedulergodx.service.explainer import Explainer
from schedulergodx.service.finisher import Finisher
from schedulergodx.service.followers import Followers
from schedulergodx.service.gate import Gate
from schedulergodx.service.inbox import Inbox
from schedulergodx.service.journal import Journal
from schedulergodx.service.loop import Loop
from schedulergodx.service.maker import Maker
from schedulergodx.service.outbox import Outbox
from schedulergodx.service.post import Post
from schedulergodx.service.quarantine import Quarantine
from schedulergodx.service.queues import Queues
from schedulergodx.service.retention import retention_of
from schedulergodx.service.schedule_desk import ScheduleDesk
from schedulergodx.service.scheduler import Scheduler
from schedulergodx.service.stations import Stations
from schedulergodx.service.tick import Tick
from schedulergodx.service.timekeeper import Timekeeper
from schedulergodx.service.watchers import Watchers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from schedulergodx.brokers.base import Broker
    from schedulergodx.config import Settings
    from schedulergodx.core.names import Names
    from schedulergodx.core.signing import Signer
    from schedulergodx.executors.base import Executor, Report
    from schedulergodx.service.watch import Watch
    from schedulergodx.storage.base import Running, Store

logger = logging.getLogger(__name__)

# Of jobs whose function was never called.
_NOT_BEGUN = frozenset(
    {
        ErrorCode.MISSING_MODULE,
        ErrorCode.UNREADABLE_CODE,
        ErrorCode.UNKNOWN_FUNCTION,
        ErrorCode.NOT_ALLOWED,
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is built on.

    dispatcher: what makes the dispatcher
    queues: those whose jobs are taken, where that is more than those that are read
    """

    store: Store
    broker: Broker
    executor: Executor
    signer: Signer
    names: Names
    dispatcher: Callable[..., Dispatcher] = Dispatcher
    queues: Collection[str] = ()


class Engine:
    """Runs the rounds of a service.

    clock, identify, chance: time, identity and luck, from outside
    on_stop: a client wants the service to end, as (restart, force)
    on_halt: the service is to stop, since something is wrong that must not be passed over
    """

    def __init__(
        self,
        parts: Parts,
        settings: Settings,
        *,
        name: str,
        clock: Callable[[], float],
        identify: Callable[[], bytes],
        chance: Callable[[], float],
        watch: Watch,
        on_halt: Callable[[], None] = lambda: None,
        on_stop: Callable[[bool, bool], None] = lambda restart, force: None,
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._queues = parts.queues or dict.fromkeys(settings.queues)
        self._on_halt = on_halt
        self._on_stop = on_stop
        names = parts.names
        self._intake = [names.requests(queue) for queue in settings.queues]
        self._intake.append(names.control(parts.store.uid))
        self._post = Post(
            parts.broker,
            parts.executor,
            names,
            parts.signer,
            intake=self._intake,
            identify=identify,
            clock=clock,
        )
        self._quarantine = Quarantine(parts.store)
        self._stations = self._make_stations(name, identify, chance)
        self._loop = Loop(
            parts.store,
            self._stations,
            parts.executor,
            self._post,
            self._quarantine,
            items=settings.tick_items,
            clock=clock,
        )

    # -- its life ---------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Settle what the service before left behind, then begin to offer places."""
        parts = self._parts
        crashed = self._quarantine.begin()
        marks = await parts.executor.recover()
        running = parts.store.running()
        if running:
            parts.store.begin()
            ended, back, lost = self._stations.finisher.recover(running, marks, Tick(self._clock()))
            parts.store.commit()
            logger.warning(
                "of the jobs that ran, %d had ended, %d had not begun, %d were interrupted",
                ended,
                back,
                lost,
            )
        elif crashed:
            logger.warning("the service before ended without a word, and nothing ran")
        silent = self._settings.silence_task_prerun
        report = self._loop.report if silent else self._report_aloud
        await parts.executor.start(report, parts.store.units)

    async def run(self) -> None:
        """Run rounds until `finish`."""
        await self._loop.run()

    def ring(self) -> None:
        """The clock was moved, or something else is to be looked at."""
        self._loop.ring()

    def ask(self, question: Callable[[Store], None]) -> None:
        """Have the store asked something in the next round."""
        self._loop.ask(lambda: question(self._parts.store))

    def next_moment(self) -> float | None:
        """When the clock alone gives this service something to do; None for never."""
        return self._loop.next_moment()

    @property
    def idle(self) -> bool:
        """Whether all that was gathered is written and told, and only time brings more."""
        return self._loop.idle and self._stations.outbox.told

    @property
    def resting(self) -> bool:
        """Whether the store takes nothing now, and the intake is closed."""
        return self._loop.resting

    @property
    def trouble(self) -> str:
        """Why the store takes nothing; "" while it does."""
        return self._loop.trouble

    async def read(self) -> None:
        """Declare the queues of this service and begin to read them."""
        await self._parts.broker.declare(self._parts.names.dead())
        await self._post.read(self._loop.deliver)
        self._watch.ready()
        self.ring()

    async def cease(self) -> None:
        """Take no more, and claim no more."""
        self._watch.stopping()
        self._stations.dispatcher.paused = True
        await self._post.cease()

    async def finish(self, seconds: float) -> None:
        """Give what is to be told a little time, then end the rounds."""
        end = asyncio.get_running_loop().time() + seconds
        while self._post.open and not self._stations.outbox.idle:
            if asyncio.get_running_loop().time() > end:
                logger.info("some outcomes were not told; they will be, when the service is back")
                break
            self._loop.ring()
            await asyncio.sleep(0.01)
        self._loop.stop()

    def close(self) -> None:
        """Note that the service ended in order."""
        self._quarantine.end()
        self._watch.gone()

    # -- its stations -----------------------------------------------------------------------------

    def _make_stations(
        self, name: str, identify: Callable[[], bytes], chance: Callable[[], float]
    ) -> Stations:
        store = self._parts.store
        outbox = Outbox(store, ready=lambda: self._post.open, send=self._post.send, ring=self.ring)
        dispatcher = self._make_dispatcher()
        watchers = Watchers(store)
        errands = Errands(self.ring)

        admission = self._make_admission()
        drafter = self._make_drafter(admission, name, identify)
        gate = Gate(store, name)
        batches = BatchDesk(
            store, watchers, stop=self._call_off, draft=drafter.draft, errands=errands
        )
        followers = Followers(store, send=self._post.send, watch=self._parts.executor.follow)
        timekeeper, schedules = self._make_schedules(drafter, gate)
        explainer = self._make_explainer(dispatcher)
        desk = self._make_desk(batches, schedules, errands, followers, explainer, outbox)
        inbox = Inbox(store, desk, self._parts.signer, admission, drafter, gate, name=name)
        return Stations(
            inbox,
            Scheduler(store),
            dispatcher,
            Finisher(store, dispatcher, chance),
            outbox,
            self._make_caretaker(),
            errands,
            watchers,
            timekeeper,
            followers,
            Journal(store, self._parts.executor, followers),
        )

    def _make_caretaker(self) -> Caretaker:
        return Caretaker(
            self._parts.store,
            retention_of(self._settings),
            lambda: self._watch.pulse(self.trouble),
            schedules=self._settings.retention_schedules,
        )

    def _make_desk(
        self,
        batches: BatchDesk,
        schedules: ScheduleDesk,
        errands: Errands,
        followers: Followers,
        explainer: Explainer,
        outbox: Outbox,
    ) -> Desk:
        return Desk(
            *(self._parts.store, batches, schedules, errands, followers, explainer),
            queues=self._queues,
            book=self._make_book(),
            end=self._on_stop,
            stop=self._call_off,
            tell=outbox.replies,
        )

    def _make_drafter(
        self, admission: Admission, name: str, identify: Callable[[], bytes]
    ) -> Drafter:
        return Drafter(
            self._parts.store,
            admission,
            name=name,
            queues=self._queues,
            grace=self._settings.overdue_grace,
            expiration=self._settings.task_expiration,
            identify=identify,
        )

    def _make_schedules(self, drafter: Drafter, gate: Gate) -> tuple[Timekeeper, ScheduleDesk]:
        """What fires schedules, and what answers questions about them."""
        store, settings = self._parts.store, self._settings
        maker = Maker(store, draft=drafter.draft, keep=gate.keep, stop=self._call_off)
        timekeeper = Timekeeper(
            store, maker, silent=settings.silence_cond_check, env=settings.env, stop=self._halt
        )
        return timekeeper, ScheduleDesk(store, timekeeper, maker, draft=drafter.draft)

    def _make_admission(self) -> Admission:
        return Admission(
            self._parts.signer,
            self._parts.names,
            imports=self._settings.imports,
            registered=self._parts.executor.names,
            accept_code=self._settings.accept_code,
            kinds=allowed_kinds(self._settings),
        )

    def _make_explainer(self, dispatcher: Dispatcher) -> Explainer:
        settings = self._settings
        return Explainer(
            self._parts.store,
            dispatcher,
            queues=self._queues,
            limits=settings.queue_limits,
            rates=_rates(settings),
            places=self._parts.executor.places,
        )

    def _make_book(self) -> Queues:
        settings = self._settings
        return Queues(
            self._parts.store,
            settings.queues,
            limits=settings.queue_limits,
            rates=settings.queue_rates,
        )

    def _make_dispatcher(self) -> Dispatcher:
        return self._parts.dispatcher(
            self._parts.store,
            self._parts.executor,
            queues=self._queues,
            limits=self._settings.queue_limits,
            client_name=self._parts.store.client_name,
            ring=self.ring,
            rates=_rates(self._settings),
        )

    def _halt(self, setting: str = "silence_cond_check") -> None:
        """Something is wrong that is not to be passed over."""
        logger.error("the service stops, since %s is off", setting)
        self._on_halt()

    def _report_aloud(self, report: Report) -> None:
        """A job that can't be begun is not to be passed over."""
        self._loop.report(report)
        if not isinstance(report, Ended) or report.outcome.failure is None:
            return
        if report.outcome.failure.code in _NOT_BEGUN:
            logger.error("job %d can't be begun: %s", report.seq, report.outcome.failure.text)
            self._halt("silence_task_prerun")

    def _call_off(self, job: Running, force: bool) -> None:
        self._parts.executor.cancel(job.seq, job.attempt, force=force)


def _rates(settings: Settings) -> dict[str, Rate]:
    return {queue: Rate(*rate) for queue, rate in settings.queue_rates.items()}
