"""An engine on a memory broker and a real database, with workers that do what a test says.

Time stands still unless the test moves it, so a year takes a moment.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import msgspec

from schedulergodx.brokers import make_broker
from schedulergodx.config import load_settings
from schedulergodx.core.code import interpreter_tag
from schedulergodx.core.code.unit import hash_of, wrap
from schedulergodx.core.envelope import MessageType, seal, unseal
from schedulergodx.core.follow import FollowBody, JobNews
from schedulergodx.core.identity import new_uid
from schedulergodx.core.job import Execution, Failure, Outcome, RetryRule, Spec, Status
from schedulergodx.core.message import (
    Error,
    Info,
    JobItem,
    Response,
    ResponsesBody,
    TaskBody,
    read_body,
)
from schedulergodx.core.names import Names, Queue
from schedulergodx.core.request import Answer, AskStatus
from schedulergodx.core.signing import Signer
from schedulergodx.errors import StoreFull
from schedulergodx.executors.base import Ended, Returned
from schedulergodx.service.engine import Engine, Parts
from schedulergodx.service.watch import Watch
from schedulergodx.storage import make_store
from schedulergodx.storage.states import STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from schedulergodx.brokers.base import Delivery
    from schedulergodx.core.any_request import Request
    from schedulergodx.executors.base import Kept, Marks, Recalled, Report, Sent, Work
    from schedulergodx.storage.base import Store

T = TypeVar("T")

PICKLED = b"no code, nobody opens it here"
CODE = wrap(PICKLED)
CODE_HASH = hash_of(PICKLED)
SIGNER = Signer(b"s" * 32)
START = 1_800_000_000.0


class Begun:
    """Marks that say of the listed attempts that they had begun."""

    def __init__(self, *begun: tuple[int, int]) -> None:
        self.begun = set(begun)
        self.over: list[Ended] = []
        self.worker = 1

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        return (seq, attempt) in self.begun

    def ended(self, worker: int) -> list[Ended]:
        return self.over if worker == self.worker else []


@dataclass
class Hand:
    """An executor whose workers are the test itself."""

    places_for: dict[Execution, int] = field(default_factory=lambda: dict.fromkeys(Execution, 2))
    marks: Marks = field(default_factory=Begun)
    begun: deque[Work] = field(default_factory=deque)
    running: dict[int, Work] = field(default_factory=dict)
    called_off: list[tuple[int, bool]] = field(default_factory=list)
    accepted: list[tuple[Sent | Kept, str | None]] = field(default_factory=list)
    reminded: list[tuple[int, bytes | None, tuple[bytes, ...], dict[bytes, bytes]]] = field(
        default_factory=list
    )
    followed: list[tuple[int, int, bool]] = field(default_factory=list)
    delivered: list[bytes] = field(default_factory=list)
    registered: set[str] = field(default_factory=set)
    prompt_places: int = 1 << 30
    _report: Callable[[Report], None] | None = None

    async def recover(self) -> Marks:
        return self.marks

    async def start(
        self,
        report: Callable[[Report], None],
        units: Callable[[Collection[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        self._report = report
        self._units = units

    async def stop(self, grace: float) -> None:
        for work in list(self.running.values()):
            self.give_back(work)

    def names(self) -> Collection[str]:
        return self.registered

    def places(self, execution: Execution) -> Sequence[int]:
        used = sum(work.spec.execution is execution for work in self.running.values())
        return range(1, 1 + self.places_for[execution] - used)

    def prompt(self, execution: Execution) -> int:
        return self.prompt_places

    def run(self, jobs: Sequence[Work]) -> None:
        for work in jobs:
            assert work.spec.named or self._units([work.spec.function])
            self.running[work.seq] = work
            self.begun.append(work)

    def cancel(self, seq: int, attempt: int, *, force: bool) -> None:
        self.called_off.append((seq, force))

    def accept(self, sent: Sent | Kept, error: str | None) -> None:
        self.accepted.append((sent, error))

    def remind(
        self,
        recalled: Recalled,
        value: bytes | None,
        units: tuple[bytes, ...],
        bodies: Mapping[bytes, bytes],
    ) -> None:
        self.reminded.append((recalled.seq, value, units, dict(bodies)))

    def follow(self, seq: int, attempt: int, wanted: bool) -> None:
        self.followed.append((seq, attempt, wanted))

    def deliver(self, worker: int, body: bytes) -> bool:
        self.delivered.append(body)
        return True

    def report(self, report: Report) -> None:
        assert self._report is not None
        self._report(report)

    def end(self, work: Work, outcome: Outcome, *, final: bool = False) -> None:
        """The attempt ended like this."""
        self.running.pop(work.seq, None)
        self.report(Ended(work.seq, work.attempt, outcome, final, START, START))

    def give_back(self, work: Work) -> None:
        self.running.pop(work.seq, None)
        self.report(Returned(work.seq, work.attempt))


class Stage:
    """One service and one client of it, in one loop."""

    def __init__(self, path: Path, **settings: object) -> None:
        self.path = path
        self.now = START
        self.hand = Hand()
        self.broker_url = f"memory:{path}"
        self.names = Names()
        self.settings = load_settings(environ={}, db=f"sqlite:///{path}/jobs.db", **settings)
        self.told: dict[bytes, Response] = {}
        self.answers: dict[bytes, Answer] = {}
        self.errors: dict[bytes, Error] = {}
        self.joined: dict[bytes, str] = {}
        self.news: list[JobNews] = []
        self.dead: list[Delivery] = []
        self.crashed = False  # since then, what was told may be told again
        self._numbers = itertools.count(1)
        self._heard = asyncio.Event()

    def uid(self) -> bytes:
        """A new one, in the order of being asked for."""
        return new_uid(START, next(self._numbers).to_bytes(10, "big"))

    async def __aenter__(self) -> Stage:
        self.client = make_broker(self.broker_url)
        await self.client.open(5)
        replies = self.names.responses("tester", "one")
        await self.client.declare(replies)
        await self.client.consume(replies, self._hear)
        await self.client.declare(self.names.dead())
        await self.client.consume(self.names.dead(), self._hear_dead)
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        await self.client.close()

    async def begin(self) -> None:
        """Start the service."""
        await self.prepare()
        self.rounds = asyncio.create_task(self.engine.run())
        await self.engine.read()

    async def prepare(self) -> None:
        """Make a service, which settles what the one before has left."""
        self.store = make_store(self.settings.db)
        self.store.open()
        self.broker = make_broker(self.broker_url)
        await self.broker.open(5)
        self.engine = Engine(
            Parts(self.store, self.broker, self.hand, SIGNER, self.names),
            self.settings,
            name="stage",
            clock=lambda: self.now,
            identify=self.uid,
            chance=lambda: 0.5,
            watch=Watch(None, lambda: self.now, dict),
        )
        await self.engine.recover()

    async def end(self) -> None:
        """Stop it in order."""
        await self.engine.cease()
        await self.hand.stop(0)
        await self.engine.finish(5)
        await self.rounds
        self.engine.close()
        await self.broker.close()
        self.store.close()

    async def crash(self) -> None:
        """End it without a word: nothing that it only holds in memory is written."""
        self.crashed = True
        self.rounds.cancel()
        await asyncio.gather(self.rounds, return_exceptions=True)
        await self.broker.close()
        self.store.close()
        self.hand.running.clear()
        self.hand.begun.clear()

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.engine.ring()

    def fill_disk(self) -> asyncio.Event:
        """From now on no commit finds room; set whenever one did not."""
        failed = asyncio.Event()

        def commit() -> None:
            self.store.rollback()
            failed.set()
            raise StoreFull("the disk has no room")

        self.store.commit = commit  # type: ignore[method-assign]
        self.engine.ring()
        return failed

    def free_disk(self) -> None:
        """There is room again."""
        del self.store.commit

    # -- what a client does -----------------------------------------------------------------------

    def item(self, **fields: object) -> JobItem:
        return JobItem(**{"uid": self.uid(), "arguments": b"a", **fields})  # type: ignore[arg-type]

    async def launch(
        self, *items: JobItem, spec: Spec | None = None, queue: str = "default", priority: int = 0
    ) -> list[bytes]:
        """Send jobs in one envelope; the answer is their uids."""
        items = items or (self.item(),)
        spec = spec or self.spec()
        body = TaskBody(spec, {spec.function: CODE}, list(items), queue, priority)
        await self.send(body, queue=queue)
        return [item.uid for item in items]

    async def send(
        self,
        body: object,
        *,
        type: int = MessageType.TASK,
        queue: str = "default",
        signer: Signer = SIGNER,
    ) -> bytes:
        """Send an envelope; the answer is its uid."""
        uid = self.uid()
        envelope = seal(
            type, body, uid=uid, client="tester", instance="one", created=self.now, signer=signer
        )
        await self.client.publish(self.names.requests(queue).name, envelope)
        return uid

    async def ask(self, request: Request) -> Answer:
        """Send a request and wait for its answer."""
        uid = await self.send(request, type=MessageType.REQUEST)
        return await self.until(lambda: self.answers.get(uid))

    async def status(self, uid: bytes) -> str | None:
        """Where a job is."""
        answer = await self.ask(AskStatus(uid.hex()))
        return msgspec.msgpack.decode(answer.value, type=str | None)

    def messages(self, queue: Queue) -> int:
        """How many messages wait in a queue that nobody reads."""
        return len(self.client._hub.queues[queue.name])

    async def of_store(self, question: Callable[[Store], T]) -> T:
        """What the store says inside of a round: between two it may be busy in a thread."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.engine.ask(lambda store: answer.set_result(question(store)))
        return await answer

    def stored(self, uid: bytes) -> Status | None:
        """The same, read beside the service: its own connection may be busy in a thread."""
        with closing(sqlite3.connect(f"file:{self.path}/jobs.db?mode=ro", uri=True)) as reader:
            row = reader.execute("SELECT status FROM job WHERE uid = ?", (uid,)).fetchone()
        return row and STATUSES[row[0]]

    def untold(self) -> int:
        """How many outcomes the store takes for not told, read like that."""
        with closing(sqlite3.connect(f"file:{self.path}/jobs.db?mode=ro", uri=True)) as reader:
            return int(reader.execute("SELECT count(*) FROM outbox").fetchone()[0])

    async def outcome(self, uid: bytes) -> Outcome:
        """Wait for what is told of a job."""
        return (await self.until(lambda: self.told.get(uid))).outcome

    async def begun(self) -> Work:
        """Wait until a worker is given a job."""
        await self.until(lambda: self.hand.begun)
        return self.hand.begun.popleft()

    async def until(self, condition: Callable[[], T], timeout: float = 10) -> T:
        """Wait for what a test looks for."""
        async with asyncio.timeout(timeout):
            while not (value := condition()):
                await asyncio.sleep(0.001)
        return value

    @staticmethod
    def spec(**fields: object) -> Spec:
        whole = {
            "name": "task",
            "function": CODE_HASH,
            "python": interpreter_tag(),
            "serializer": "dill/0",
            **fields,
        }
        return Spec(**whole)  # type: ignore[arg-type]

    def _hear(self, delivery: Delivery) -> None:
        envelope = unseal(delivery.body, SIGNER)
        body = envelope.body
        if envelope.header.type == MessageType.RESPONSES:
            for response in read_body(body, ResponsesBody).responses:
                twice = response.uid in self.told
                assert self.crashed or not twice, "an outcome was told twice"
                self.told[response.uid] = response
        elif envelope.header.type == MessageType.ANSWER:
            answer = read_body(body, Answer)
            self.answers[answer.request] = answer
        elif envelope.header.type == MessageType.ERROR:
            error = read_body(body, Error)
            self.errors[error.request] = error
        elif envelope.header.type == MessageType.INFO:
            self.joined |= read_body(body, Info).joined
        elif envelope.header.type == MessageType.FOLLOW:
            self.news += read_body(body, FollowBody).jobs
        self.client.settle([delivery])

    def _hear_dead(self, delivery: Delivery) -> None:
        self.dead.append(delivery)
        self.client.settle([delivery])


RETURNED = Outcome(Status.COMPLETED, value=b"v")
RAISED = Outcome(Status.FAILED, failure=Failure(4, "it raised"))
TWICE = RetryRule(attempts=2, delay=10)
