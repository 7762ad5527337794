"""What is bad harms nobody else, and nothing is lost when the ground gives way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.context import worker_instance
from schedulergodx.core.envelope import MessageType, seal
from schedulergodx.core.job import ErrorCode, Execution, RetryRule, Status
from schedulergodx.core.message import DeadLetter, Initialization, JobItem, TaskBody
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BrokerError
from schedulergodx.executors.base import Sent
from tests.service.stage import CODE, CODE_HASH, RETURNED, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from schedulergodx.brokers.base import Delivery
    from schedulergodx.core.names import Queue
    from schedulergodx.storage.base import NewJob, Store


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


async def a_neighbour_is_served(stage: Stage) -> None:
    [uid] = await stage.launch()
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(uid) == RETURNED


async def refused(stage: Stage, envelope: bytes) -> ErrorCode:
    error = await stage.until(lambda: stage.errors.get(envelope))
    await stage.until(lambda: stage.dead)
    return ErrorCode(error.failure.code)


@pytest.mark.parametrize(
    "noise", [b"", b"{}", b"[1, 2]", b"\xc1", b"\x93\xc4\x01a\xc4\x01b\xc4\x01c"]
)
async def test_noise_goes_to_the_dead_letters_with_its_reason(stage: Stage, noise: bytes) -> None:
    await stage.client.publish("client-service", noise)
    await stage.until(lambda: stage.dead)
    letter = msgspec.msgpack.decode(stage.dead[0].body, type=DeadLetter)
    assert (letter.body, letter.queue) == (noise, "client-service")
    assert letter.reason
    await a_neighbour_is_served(stage)


async def test_a_dead_letter_whose_queue_was_removed_is_kept_all_the_same(stage: Stage) -> None:
    await stage.client.delete(stage.names.dead())
    await stage.client.publish("client-service", b"noise")
    kept = stage.client._hub.queues  # type: ignore[attr-defined]
    await stage.until(lambda: kept.get(stage.names.dead().name))
    await a_neighbour_is_served(stage)


async def test_a_message_whose_dead_letter_can_not_be_kept_goes_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stage.broker.publish
    tried: list[bytes] = []

    def refuse(address: str, body: bytes, *more: object) -> asyncio.Future[None]:
        if address != stage.names.dead().name or len(tried) == 3:
            return real(address, body, *more)  # type: ignore[arg-type]
        tried.append(body)
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        refused.set_exception(BrokerError("it is too large"))
        return refused

    monkeypatch.setattr(stage.broker, "publish", refuse)
    monkeypatch.setattr("schedulergodx.service.dead_letter_box._REST", 0.01)
    await stage.client.publish("client-service", b"noise")
    await stage.until(lambda: stage.dead)
    letter = msgspec.msgpack.decode(stage.dead[0].body, type=DeadLetter)
    assert (letter.body, letter.queue, len(tried)) == (b"noise", "client-service", 3)
    await a_neighbour_is_served(stage)


async def test_an_unknown_type_is_answered(stage: Stage) -> None:
    envelope = await stage.send(Initialization(), type=99)
    assert await refused(stage, envelope) is ErrorCode.INCORRECT_TYPE
    await a_neighbour_is_served(stage)


async def test_an_unsigned_envelope_is_answered_and_runs_nothing(stage: Stage) -> None:
    body = TaskBody(stage.spec(), {CODE_HASH: CODE}, [stage.item()])
    envelope = await stage.send(body, signer=Signer())
    assert await refused(stage, envelope) is ErrorCode.BAD_SIGNATURE
    await a_neighbour_is_served(stage)


async def test_an_initialization_that_says_nothing_is_answered(stage: Stage) -> None:
    envelope = await stage.send({"enable_overdue": "perhaps"}, type=MessageType.INITIALIZATION)
    assert await refused(stage, envelope) is ErrorCode.BAD_INITIALIZATION


async def test_a_bad_spec_refuses_its_envelope(stage: Stage) -> None:
    envelope = await stage.send({"spec": 1, "units": {}, "jobs": []})
    assert await refused(stage, envelope) is ErrorCode.INVALID_TASK
    await a_neighbour_is_served(stage)


async def failure_code(stage: Stage, uid: bytes) -> ErrorCode:
    outcome = await stage.outcome(uid)
    assert outcome.status is Status.FAILED
    assert outcome.failure is not None
    return ErrorCode(outcome.failure.code)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"python": "cpython-299"}, ErrorCode.INCOMPATIBLE_PYTHON),
        ({"lifetime": 0.0}, ErrorCode.INVALID_TASK),
        ({"lifetime": -1.0}, ErrorCode.INVALID_TASK),
        ({"lifetime": float("nan")}, ErrorCode.INVALID_TASK),
        ({"retry": RetryRule(attempts=0)}, ErrorCode.INVALID_TASK),
        ({"retry": RetryRule(delay=-1)}, ErrorCode.INVALID_TASK),
        ({"execution": Execution.MAIN}, ErrorCode.INVALID_TASK),
    ],
)
async def test_a_job_that_can_not_run_has_an_outcome_that_says_why(
    stage: Stage, fields: dict[str, object], code: ErrorCode
) -> None:
    [uid] = await stage.launch(spec=stage.spec(**fields))
    assert await failure_code(stage, uid) is code
    await a_neighbour_is_served(stage)


@pytest.mark.parametrize("field", ["due", "deadline"])
@pytest.mark.parametrize("moment", [float("nan"), float("inf"), float("-inf")])
async def test_a_moment_that_is_none_is_refused(stage: Stage, field: str, moment: float) -> None:
    [uid] = await stage.launch(stage.item(**{field: moment}))
    assert await failure_code(stage, uid) is ErrorCode.INVALID_TASK


async def test_code_that_did_not_come_along_is_missed_by_name(stage: Stage) -> None:
    item = stage.item()
    await stage.send(TaskBody(stage.spec(function=b"f" * 16), {}, [item]))
    assert await failure_code(stage, item.uid) is ErrorCode.INVALID_TASK


async def test_code_under_a_false_hash_is_refused(stage: Stage) -> None:
    item = stage.item()
    await stage.send(TaskBody(stage.spec(function=b"f" * 16), {b"f" * 16: CODE}, [item]))
    assert await failure_code(stage, item.uid) is ErrorCode.INVALID_TASK
    await a_neighbour_is_served(stage)


async def test_one_bad_job_in_a_bulk_fails_alone(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 10
    good = [stage.item() for _ in range(5)]
    bad = [stage.uid(), 7, None, None, None]
    body = {
        "spec": stage.spec(),
        "units": {CODE_HASH: CODE},
        "jobs": [*good[:3], bad, *good[3:]],
    }
    await stage.send(body)
    assert await failure_code(stage, bad[0]) is ErrorCode.INVALID_TASK  # type: ignore[arg-type]
    for _ in good:
        stage.hand.end(await stage.begun(), RETURNED)
    for item in good:
        assert await stage.outcome(item.uid) == RETURNED


async def test_a_duplicate_is_one_job(stage: Stage) -> None:
    item = stage.item()
    await stage.launch(item)
    await stage.launch(item)
    await stage.launch(item, item)
    work = await stage.begun()
    stage.hand.end(work, RETURNED)
    await a_neighbour_is_served(stage)
    assert not stage.hand.begun
    assert len(stage.told) == 2


async def test_labels_may_repeat(stage: Stage) -> None:
    stage.hand.places_for[Execution.PROCESS] = 10
    uids = await stage.launch(*(stage.item(id="1") for _ in range(3)))
    for _ in uids:
        stage.hand.end(await stage.begun(), RETURNED)
    for uid in uids:
        assert (await stage.outcome(uid)) == RETURNED
        assert stage.told[uid].id == "1"


async def test_an_envelope_that_makes_each_transaction_fail_is_put_aside_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = stage.item(id="poison")
    real = stage.store.add_jobs

    def fail(jobs: list[object]) -> set[bytes]:
        if any(job.uid == poison.uid for job in jobs):  # type: ignore[attr-defined]
            raise OverflowError("a number that SQLite can't hold")
        return real(jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.store, "add_jobs", fail)
    neighbours = [stage.item() for _ in range(2)]
    before = stage.launch(neighbours[0])
    between = stage.launch(poison)
    after = stage.launch(neighbours[1])
    for launch in (before, between, after):
        await launch
    for _ in neighbours:
        stage.hand.end(await stage.begun(), RETURNED)
    for item in neighbours:
        assert await stage.outcome(item.uid) == RETURNED
    await stage.until(lambda: stage.dead)
    letter = msgspec.msgpack.decode(stage.dead[0].body, type=DeadLetter)
    assert "a number that SQLite can't hold" in letter.reason


async def test_a_full_disk_loses_nothing_and_intake_comes_back(stage: Stage) -> None:
    [running] = await stage.launch()
    work = await stage.begun()
    stage.fill_disk()
    stage.hand.end(work, RETURNED)
    [arriving] = await stage.launch()
    await stage.until(lambda: stage.engine.resting)
    stage.free_disk()
    assert await stage.outcome(running) == RETURNED
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(arriving) == RETURNED


async def test_a_store_that_fails_is_told_once_and_when_it_takes_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("schedulergodx.service.loop._REST", 0.01)
    monkeypatch.setattr("schedulergodx.service.loop._CALM", 0.2)
    caplog.set_level("INFO", "schedulergodx.service.loop")
    failed = stage.fill_disk()
    for _ in range(3):
        async with asyncio.timeout(10):
            await failed.wait()
        failed.clear()
        stage.engine.ring()
    assert "no room" in stage.engine.trouble
    stage.free_disk()
    while stage.engine.trouble:
        stage.engine.ring()
        await asyncio.sleep(0.01)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"], caplog.text


async def test_a_disk_that_fills_again_while_the_intake_opens_leaves_no_queue_unread(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedulergodx.service.loop._REST", 0.05)
    consume = stage.broker.consume
    queues = [stage.names.requests(), stage.names.control(stage.store.uid)]
    half_open, go_on = asyncio.Event(), asyncio.Event()

    async def consume_slowly(queue: Queue, on_delivery: Callable[[Delivery], None]) -> None:
        if queue == queues[1]:
            half_open.set()
            await go_on.wait()
        await consume(queue, on_delivery)

    async def read_by(readers: int) -> None:
        async with asyncio.timeout(10):
            while [await stage.client.consumers(queue) for queue in queues] != [readers] * 2:
                stage.engine.ring()
                await asyncio.sleep(0.01)

    monkeypatch.setattr(stage.broker, "consume", consume_slowly)
    stage.fill_disk()
    await read_by(0)
    stage.free_disk()
    await half_open.wait()
    stage.fill_disk()
    await stage.until(lambda: stage.engine.resting)
    go_on.set()
    await read_by(0)
    stage.free_disk()
    await read_by(1)
    await a_neighbour_is_served(stage)


async def test_an_intake_that_can_not_be_opened_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedulergodx.service.loop._REST", 0.05)
    stage.fill_disk()
    await stage.until(lambda: stage.engine.resting)
    await stage.client.delete(stage.names.requests())
    stage.free_disk()
    async with asyncio.timeout(10):
        while not await stage.client.consumers(stage.names.requests()):
            stage.engine.ring()
            await asyncio.sleep(0.01)
    await a_neighbour_is_served(stage)


async def test_a_service_stops_while_its_intake_waits_for_the_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schedulergodx.service.loop._REST", 0.05)
    async with Stage(tmp_path) as stage:
        waits = asyncio.Event()

        async def wait(*_: object) -> None:
            waits.set()
            await asyncio.Event().wait()

        stage.fill_disk()
        await stage.until(lambda: stage.engine.resting)
        monkeypatch.setattr(stage.broker, "declare", wait)
        stage.free_disk()
        async with asyncio.timeout(10):
            await waits.wait()
            await stage.end()
        await stage.begin()


class Death(BaseException):
    """Stands for the end of the process."""


async def test_an_envelope_that_kills_the_service_is_known_when_it_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.crash()
    killer, neighbour = stage.item(), stage.item()
    for item in (killer, neighbour):
        await stage.launch(item)
    real = type(stage.store).add_jobs

    def die(store: Store, jobs: Sequence[NewJob]) -> set[bytes]:
        if any(job.uid == killer.uid for job in jobs):
            raise Death
        return real(store, jobs)

    monkeypatch.setattr(type(stage.store), "add_jobs", die)
    for _ in range(4):  # when it is first read nothing is known of it; then it is redelivered
        await stage.begin()
        await asyncio.wait([stage.rounds])
        assert isinstance(stage.rounds.exception(), Death)
        await stage.crash()
    await stage.begin()
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(neighbour.uid) == RETURNED
    await stage.until(lambda: stage.dead)
    letter = msgspec.msgpack.decode(stage.dead[0].body, type=DeadLetter)
    assert "the service died" in letter.reason


async def test_a_job_of_a_job_is_taken_from_a_worker(stage: Stage) -> None:
    item = JobItem(stage.uid(), b"a")
    body = TaskBody(stage.spec(), {CODE_HASH: CODE}, [item])
    envelope = seal(
        MessageType.TASK,
        body,
        uid=stage.uid(),
        client="tester",
        instance=worker_instance(7),
        created=stage.now,
        signer=Signer(),
    )
    sent = Sent(7, 1, "client-service", envelope)
    stage.hand.report(sent)
    stage.hand.end(await stage.begun(), RETURNED)
    await stage.until(lambda: stage.hand.delivered)
    assert stage.hand.accepted == [(sent, None)]
