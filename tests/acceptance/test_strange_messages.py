"""Messages that are well-formed and signed, and ask for what has no meaning.

No client of ours sends them. Each job has an outcome all the same, and nobody else is harmed.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schedulergodx.core.code import Packer
from schedulergodx.core.envelope import MessageType
from schedulergodx.core.job import ErrorCode, Execution, Limits, RetryRule
from schedulergodx.core.message import Initialization, TaskBody, read_body
from schedulergodx.core.request import Answer, AskCancel, AskChange, AskList, AskOutcomes, AskStatus
from schedulergodx.core.view import Change, JobFilter
from tests.acceptance.processes import Growth
from tests.acceptance.stranger import Stranger, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schedulergodx.core.job import Failure
    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen
MIB = 1 << 20


@pytest.fixture
def stranger(shared: Deployment) -> Iterator[Stranger]:
    """One after whose deeds a neighbour is served."""
    with Stranger(shared) as stranger:
        yield stranger
    neighbour = shared.client("neighbour")
    assert neighbour.task(abs).launch(-42).result(timeout=SOON) == 42
    neighbour.close()


def failure_of(stranger: Stranger, job: Any, message: bytes) -> Failure:
    stranger.send(message)
    failure = stranger.outcomes()[job.uid].outcome.failure
    assert failure is not None
    return failure


# -- who sends -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "x" * 300, "x" * 100_000, "a\0b", "\N{SNOWMAN}" * 90, "a.b.#"]
)
def test_a_sender_that_cannot_be_answered(
    shared: Deployment, stranger: Stranger, name: str
) -> None:
    stranger.name = name
    stranger.send(stranger.seal(MessageType.INITIALIZATION, Initialization()))
    stranger.send(stranger.seal(99, {}))
    stranger.send(stranger.seal(MessageType.REQUEST, AskStatus("x")))
    stranger.send(stranger.task(item(-1)))


# -- jobs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("due", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none(stranger: Stranger, due: float) -> None:
    job = item(-1, due=due)
    failure = failure_of(stranger, job, stranger.task(job))
    assert failure.code == ErrorCode.INVALID_TASK


@pytest.mark.parametrize("deadline", [math.nan, math.inf])
def test_a_deadline_that_is_none(stranger: Stranger, deadline: float) -> None:
    job = item(-1, deadline=deadline)
    failure = failure_of(stranger, job, stranger.task(job))
    assert failure.code == ErrorCode.INVALID_TASK


@pytest.mark.parametrize("uid", [b"", b"short", bytes(17)])
def test_a_uid_of_another_length(stranger: Stranger, uid: bytes) -> None:
    stranger.send(stranger.task([uid, item(-1).arguments], item(-1)))
    outcomes = [told.outcome for told in stranger.outcomes(2).values()]
    codes = [outcome.failure.code for outcome in outcomes if outcome.failure]
    assert codes == [ErrorCode.INVALID_TASK]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(memory=-1),
        Limits(memory=1),
        Limits(cpu_time=-1.0),
        Limits(cpu_time=math.nan),
        Limits(open_files=-1),
        Limits(open_files=0),
        Limits(output=-1),
    ],
    ids=repr,
)
def test_limits_that_nothing_can_run_with(stranger: Stranger, limits: Limits) -> None:
    job = item(-1)
    message = stranger.task(job, limits=limits, execution=Execution.FORK)
    stranger.send(message)
    assert set(stranger.outcomes()) == {job.uid}


@pytest.mark.parametrize(
    "rule",
    [
        RetryRule(attempts=0),
        RetryRule(delay=math.nan),
        RetryRule(delay=math.inf),
        RetryRule(backoff=math.nan),
        RetryRule(max_delay=-1),
        RetryRule(jitter=2.0),
    ],
    ids=repr,
)
def test_a_retry_rule_without_a_meaning(stranger: Stranger, rule: RetryRule) -> None:
    job = item(-1)
    failure = failure_of(stranger, job, stranger.task(job, retry=rule))
    assert failure.code == ErrorCode.INVALID_TASK


def test_code_that_grows_without_bounds_when_it_is_opened(
    shared: Deployment, stranger: Stranger
) -> None:
    bomb = zlib.compress(bytes(200 * MIB), 1)
    packed = Packer().pack_function(abs)
    job = item(-1)
    body = TaskBody(stranger.spec(packed.hash), {**packed.units, b"b" * 16: b"\1" + bomb}, [job])
    service = Growth(shared.services[0].pid)
    failure = failure_of(stranger, job, stranger.seal(MessageType.TASK, body))
    assert failure.code == ErrorCode.INVALID_TASK
    assert service.most < 150 * MIB


# -- requests --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        AskStatus(""),
        AskStatus("x" * 100_000),
        AskStatus("a\0b"),
        AskOutcomes([b"short", b"", bytes(17)]),
        AskOutcomes([bytes(16)] * 50_000),
        AskList(JobFilter(limit=-1)),
        AskList(JobFilter(limit=0)),
        AskList(JobFilter(limit=10**15)),
        AskList(JobFilter(before=-1)),
        AskCancel("", bury=None),
        AskChange("nobody", Change(due=math.nan)),
    ],
    ids=lambda request: repr(request)[:40],
)
def test_a_request_without_a_meaning_is_answered(stranger: Stranger, request_: object) -> None:
    stranger.send(stranger.seal(MessageType.REQUEST, request_))
    envelope = stranger.read()
    while envelope.header.type == MessageType.RESPONSES:
        envelope = stranger.read()
    assert envelope.header.type == MessageType.ANSWER


@pytest.mark.parametrize("uid", [b"", b"short"])
def test_a_cancel_of_an_impossible_uid_stores_nothing(stranger: Stranger, uid: bytes) -> None:
    stranger.send(stranger.seal(MessageType.REQUEST, AskCancel("nobody", bury=uid)))
    answer = read_body(stranger.read().body, Answer)
    assert answer.failure is not None
    assert answer.failure.code == ErrorCode.INVALID_TASK


@pytest.mark.parametrize(
    "change",
    [
        Change(due=math.nan),
        Change(due=math.inf),
        Change(lifetime=0.0),
        Change(lifetime=math.nan),
        Change(queue="nobody"),
    ],
    ids=repr,
)
def test_a_change_without_a_meaning_is_refused(stranger: Stranger, change: Change) -> None:
    job = item(-1, due=4e9)
    stranger.send(stranger.task(job))
    stranger.send(stranger.seal(MessageType.REQUEST, AskChange(job.uid.hex(), change)))
    answer = read_body(stranger.read().body, Answer)
    assert answer.failure is not None
    stranger.send(stranger.seal(MessageType.REQUEST, AskCancel(job.uid.hex())))
    assert read_body(stranger.read().body, Answer).failure is None


def test_a_deeply_nested_body(stranger: Stranger) -> None:
    nested = b"\x91" * 100_000 + b"\xc0"
    message = stranger.seal(MessageType.TASK, msgspec.Raw(nested))
    stranger.send(message)
    assert stranger.dead_letter(message).reason
