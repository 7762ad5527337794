"""What a service does with jobs that name a function, and with messages in JSON."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schedulergodx.core.job import ErrorCode, Outcome, Spec, Status
from schedulergodx.core.json_data import write_arguments
from schedulergodx.core.message import DeadLetter, JobItem, TaskBody
from schedulergodx.core.names import Queue, QueueKind
from schedulergodx.core.properties import Properties
from schedulergodx.core.request import AskView
from schedulergodx.core.signing import SIGNATURE_HEADER, Signer
from schedulergodx.core.view import JobFilter, JobView
from tests.service.stage import RETURNED, SIGNER, START, Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from schedulergodx.brokers.base import Delivery
    from schedulergodx.core.job import Failure

ANSWERS = Queue("answers-of-a-program", QueueKind.RESPONSES)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, imports=["shop.tasks"], queues=["default", "mail"]) as stage:
        stage.hand.registered = {"add", "mail.send"}
        yield stage


def named(name: str, **fields: Any) -> Spec:
    return Spec(name, b"", "", "json", named=True, **fields)


async def launch(stage: Stage, name: str, queue: str = "default", **item: Any) -> bytes:
    job = stage.item(arguments=write_arguments((1,), {}), **item)
    await stage.send(TaskBody(named(name), {}, [job], queue), queue=queue)
    return job.uid


async def failure(stage: Stage, uid: bytes) -> Failure:
    outcome = await stage.outcome(uid)
    assert outcome.failure is not None
    return outcome.failure


# -- by name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "mail.send", "shop.tasks.whatever"])
async def test_a_job_by_a_known_name_needs_no_code_and_no_python(stage: Stage, name: str) -> None:
    uid = await launch(stage, name)
    work = await stage.begun()
    assert (work.spec.name, work.spec.named, work.units) == (name, True, ())
    done = Outcome(Status.COMPLETED, b"3", json=True)
    stage.hand.end(work, done)
    assert await stage.outcome(uid) == done


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("os.system", ErrorCode.NOT_ALLOWED),
        ("shop.other.f", ErrorCode.NOT_ALLOWED),
        ("ad", ErrorCode.UNKNOWN_FUNCTION),
        ("n" * 5_000_000, ErrorCode.UNKNOWN_FUNCTION),
    ],
)
async def test_another_name_is_refused_at_once_however_late_its_job_is(
    stage: Stage, name: str, code: ErrorCode
) -> None:
    uid = await launch(stage, name, due=START + 3600)
    assert (await failure(stage, uid)).code == code
    assert not stage.hand.begun


async def test_jobs_that_were_stored_wait_through_a_restart(stage: Stage) -> None:
    uid = await launch(stage, "add", due=START + 60)
    assert await stage.status(uid) == "scheduled"
    await stage.end()
    await stage.begin()
    stage.move(61)
    stage.hand.end(await stage.begun(), RETURNED)
    assert await stage.outcome(uid) == RETURNED


# -- without code ----------------------------------------------------------------------------------


async def test_a_service_that_accepts_no_code_refuses_all_that_is_pickled(tmp_path: Path) -> None:
    async with Stage(tmp_path, accept_code=False) as stage:
        stage.hand.registered = {"add"}
        [uid] = await stage.launch()
        refusal = await failure(stage, uid)
        assert refusal.code == ErrorCode.NOT_ALLOWED
        assert "accept_code is off" in refusal.text
        assert not stage.hand.begun
        uid = await launch(stage, "add")
        stage.hand.end(await stage.begun(), RETURNED)
        assert await stage.outcome(uid) == RETURNED


# -- for every store -------------------------------------------------------------------------------


async def test_a_job_for_every_store_goes_to_the_first_queue_of_each(stage: Stage) -> None:
    job = JobItem(stage.uid(), write_arguments((), {}))
    envelope_of = TaskBody(named("add"), {}, [job], "")
    await stage.send(envelope_of)
    work = await stage.begun()
    stage.hand.end(work, RETURNED)
    await stage.outcome(job.uid)
    assert (await view(stage, job.uid)).queue == "default"


async def view(stage: Stage, uid: bytes) -> JobView:
    answer = await stage.ask(AskView(uid.hex()))
    return msgspec.msgpack.decode(answer.value, type=JobView)


# -- expiration ------------------------------------------------------------------------------------


async def test_a_service_can_expire_what_says_nothing_of_that(tmp_path: Path) -> None:
    """T7: `task_expiration` is the default `expires` of a service, and it is used."""
    async with Stage(tmp_path, task_expiration=100) as stage:
        stage.hand.places_for = dict.fromkeys(stage.hand.places_for, 0)
        [plain] = await stage.launch()
        [later] = await stage.launch(stage.item(due=START + 1000))
        [own] = await stage.launch(stage.item(deadline=START + 500))
        assert await stage.status(own) == "pending"
        stage.move(101)
        assert (await failure(stage, plain)).code == ErrorCode.EXPIRED
        assert await stage.status(plain) == "expired"
        assert await stage.status(own) == "pending"
        stage.move(400)
        assert (await failure(stage, own)).code == ErrorCode.EXPIRED
        assert await stage.status(later) == "scheduled"
        stage.move(600)
        assert (await failure(stage, later)).code == ErrorCode.EXPIRED


# -- JSON ------------------------------------------------------------------------------------------


class Program:
    """One that speaks JSON: it sends, and reads its answers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.answers: list[Delivery] = []

    async def open(self) -> None:
        await self.stage.client.declare(ANSWERS)
        await self.stage.client.consume(ANSWERS, self.answers.append)

    async def send(
        self, body: bytes, *, queue: str = "default", signer: Signer = SIGNER, **outside: Any
    ) -> None:
        outside = {"reply_to": ANSWERS.name, **outside}
        headers = {SIGNATURE_HEADER: signer.sign(body).hex()}
        properties = Properties(headers=headers, **outside)
        await self.stage.client.publish(self.stage.names.requests(queue).name, body, properties)

    async def launch(self, **said: Any) -> None:
        await self.send(json.dumps({"id": "one", "name": "add", **said}).encode())

    async def answer(self) -> dict[str, Any]:
        """The next one, whose signature is right."""
        await self.stage.until(lambda: self.answers)
        delivery = self.answers.pop(0)
        assert delivery.properties is not None
        SIGNER.verify(delivery.body, bytes.fromhex(delivery.properties.headers[SIGNATURE_HEADER]))
        answer: dict[str, Any] = json.loads(delivery.body)
        assert answer["correlation_id"] == delivery.properties.correlation_id
        self.stage.client.settle([delivery])
        return answer


@pytest.fixture
async def program(stage: Stage) -> Program:
    program = Program(stage)
    await program.open()
    return program


async def test_a_job_in_json_runs_and_is_answered_in_json(stage: Stage, program: Program) -> None:
    await program.launch(args=[1, 2], priority=3, correlation_id="c1", timeout=60)
    work = await stage.begun()
    assert (work.spec.name, work.arguments, work.client) == ("add", b"[[1,2],{}]", "json")
    stage.hand.end(work, Outcome(Status.COMPLETED, b"3", json=True))
    answer = await program.answer()
    assert answer["correlation_id"] == "c1"
    assert (answer["id"], answer["status"], answer["result"]) == ("one", "completed", 3)


async def test_its_queue_is_the_one_that_it_was_sent_to(stage: Stage, program: Program) -> None:
    await program.send(b'{"id": "one", "name": "add"}', queue="mail")
    await stage.begun()
    [job] = await stage.of_store(lambda store: store.list_jobs(JobFilter()))
    assert (job.queue, job.label, job.client, job.task) == ("mail", "one", "json", "add")


async def test_one_that_comes_twice_is_one_job(stage: Stage, program: Program) -> None:
    for _ in range(3):
        await program.launch()
    stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"3", json=True))
    assert (await program.answer())["result"] == 3
    assert not stage.hand.begun
    assert len(await stage.of_store(lambda store: store.list_jobs(JobFilter()))) == 1


async def test_who_missed_an_answer_sends_its_job_again(stage: Stage, program: Program) -> None:
    await program.launch(reply_to="gone-since", args=[1])
    stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"3", json=True))
    await stage.until(lambda: not stage.untold() and not stage.hand.running)
    await program.launch(correlation_id="c2", args=[1])
    answer = await program.answer()
    assert (answer["id"], answer["result"], answer["correlation_id"]) == ("one", 3, "c2")
    assert not stage.hand.begun


async def test_a_failure_is_told_with_its_code(stage: Stage, program: Program) -> None:
    await program.launch(name="os.system", args=["true"])
    answer = await program.answer()
    assert (answer["id"], answer["status"]) == ("one", "failed")
    assert answer["error"]["name"] == "NOT_ALLOWED"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"name": "add"}', "no `id`"),
        (b'{"name": "add", "id": "1", "agrs": []}', "agrs"),
        (b'{"name": "add', "the JSON is no job"),
        (b"\x93nonsense", "the JSON is no job"),
        (b"", "the JSON is no job"),
        (b"[" * 100_000, "the JSON is no job"),
    ],
)
async def test_what_is_no_job_is_refused_with_the_reason_and_harms_no_other(
    stage: Stage, program: Program, body: bytes, words: str
) -> None:
    await program.send(body, correlation_id="c1")
    answer = await program.answer()
    assert (answer["status"], answer["error"]["name"]) == ("refused", "INVALID_TASK")
    assert words in answer["error"]["text"]
    letter = await dead_letter(stage)
    assert letter.body == body
    assert letter.properties is not None
    assert letter.properties.reply_to == ANSWERS.name
    await program.launch()
    await stage.begun()


async def dead_letter(stage: Stage) -> DeadLetter:
    await stage.until(lambda: stage.dead)
    return msgspec.msgpack.decode(stage.dead.pop(0).body, type=DeadLetter)


async def test_only_what_is_signed_runs(stage: Stage, program: Program) -> None:
    body = b'{"id": "one", "name": "add"}'
    for signer in (Signer(), Signer(b"another secret, as long")):
        await program.send(body, signer=signer)
        answer = await program.answer()
        assert (answer["status"], answer["error"]["name"]) == ("refused", "BAD_SIGNATURE")
        await dead_letter(stage)
    nonsense = Properties(reply_to=ANSWERS.name, headers={SIGNATURE_HEADER: "no hex"})
    await stage.client.publish("client-service", body, nonsense)
    assert (await program.answer())["error"]["name"] == "BAD_SIGNATURE"
    assert not stage.hand.begun


async def test_an_envelope_is_no_json_and_json_is_no_envelope(stage: Stage) -> None:
    await stage.client.publish("client-service", b'{"id": "one", "name": "add"}')
    assert "not an envelope" in (await dead_letter(stage)).reason


@pytest.mark.parametrize(
    "name",
    ["client-service", "client-service.mail", "client-service.dead", "client-service.x.owner"],
)
async def test_an_answer_never_goes_to_a_queue_of_services(
    stage: Stage, program: Program, name: str
) -> None:
    await program.send(b'{"id": "one", "name": "add"}', reply_to=name)
    assert "a queue of services" in (await dead_letter(stage)).reason
    await program.launch(id="two")
    stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"3", json=True))
    assert (await program.answer())["id"] == "two"
    assert not stage.dead


async def test_who_is_gone_is_not_waited_for(stage: Stage, program: Program) -> None:
    await program.send(b'{"id": "one", "name": "add"}', reply_to="nobody-reads-here")
    stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"3", json=True))
    await stage.until(lambda: not stage.untold())
    await program.launch(id="two")
    stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"4", json=True))
    assert (await program.answer())["result"] == 4


async def test_an_answer_survives_a_crash_of_the_service(stage: Stage, program: Program) -> None:
    await program.launch()
    work = await stage.begun()
    await stage.crash()
    await stage.begin()
    again = await stage.begun()
    assert again.uid == work.uid
    stage.hand.end(again, Outcome(Status.COMPLETED, b"3", json=True))
    assert (await program.answer())["result"] == 3


async def test_many_jobs_of_one_program_are_answered_one_by_one(
    stage: Stage, program: Program
) -> None:
    await asyncio.gather(*[program.launch(id=f"{n}", correlation_id="all") for n in range(20)])
    for _ in range(20):
        stage.hand.end(await stage.begun(), Outcome(Status.COMPLETED, b"1", json=True))
    answers = [await program.answer() for _ in range(20)]
    assert sorted(answer["id"] for answer in answers) == sorted(str(n) for n in range(20))
