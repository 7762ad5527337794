"""A message in JSON becomes the envelope that a client would have sent, or says what is wrong."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest

from schedulergodx.core.envelope import Envelope
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import ErrorCode, Execution, Failure, Outcome, RetryRule, Status
from schedulergodx.core.json_answer import read_address, write_address, write_answers
from schedulergodx.core.json_data import read_arguments
from schedulergodx.core.json_task import read_json_task, sender_of, to_envelope
from schedulergodx.core.message import Error, Response, ResponsesBody, TaskBody, read_task
from schedulergodx.core.properties import Properties
from schedulergodx.errors import EnvelopeError

NOW = 1_700_000_000.0
UID = bytes(range(16))


def envelope_of(said: dict[str, Any], outside: Properties | None = None) -> Envelope:
    task = read_json_task(json.dumps(said).encode(), outside or Properties())
    return to_envelope(task, "mail", NOW)


def body_of(**said: Any) -> TaskBody:
    body, bad = read_task(envelope_of({"name": "add", "id": "one", **said}).body)
    assert not bad
    return body


def test_a_job_by_name_with_nothing_else_said() -> None:
    body = body_of()
    [item] = body.jobs
    assert (body.spec.name, body.spec.named, body.spec.function) == ("add", True, b"")
    assert (body.spec.execution, body.spec.lifetime) == (Execution.PROCESS, 300.0)
    assert (body.queue, body.priority, body.reply, body.units) == ("mail", 0, False, {})
    assert read_arguments(item.arguments) == ([], {})
    assert (item.id, item.due, item.deadline) == ("one", None, None)


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ({"args": [1, "b"], "kwargs": {"c": [None]}}, ([1, "b"], {"c": [None]})),
        ({"data": {"model_id": 21}}, ([{"model_id": 21}], {})),
        ({"data": None}, ([None], {})),
    ],
)
def test_arguments_are_positional_and_by_keyword_or_one_value(
    said: dict[str, Any], arguments: tuple[list[Any], dict[str, Any]]
) -> None:
    assert read_arguments(body_of(**said).jobs[0].arguments) == arguments


def test_all_that_can_be_said_of_a_job() -> None:
    body = body_of(
        delay="10 min",
        expires=3600,
        priority=7,
        max_attempts=3,
        retry_delay=2,
        retry_backoff=2,
        timeout="1 min",
        execution="thread",
        reply_to="answers",
    )
    [item] = body.jobs
    assert (item.due, item.deadline) == (NOW + 600, NOW + 3600)
    assert (body.priority, body.reply, body.spec.lifetime) == (7, True, 60.0)
    assert body.spec.retry == RetryRule(3, 2.0, 2.0)
    assert body.spec.execution is Execution.THREAD


def test_instants_are_iso_with_a_zone_or_seconds() -> None:
    assert body_of(run_at="2023-11-14T22:13:20Z").jobs[0].due == NOW
    assert body_of(run_at=NOW).jobs[0].due == NOW
    assert body_of(expires="2023-11-14T23:13:20+01:00").jobs[0].deadline == NOW


def test_no_limit_is_null() -> None:
    assert body_of(timeout=None).spec.lifetime is None


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"id": "1"}, "`name`"),
        ({"name": "add"}, "no `id`"),
        ({"name": "", "id": "1"}, r"\$\.name"),
        ({"name": "n" * 300, "id": "1"}, r"\$\.name"),
        ({"name": "add", "id": "1", "agrs": []}, "unknown field `agrs`"),
        ({"name": "add", "id": "1", "args": {}}, r"\$\.args"),
        ({"name": "add", "id": "1", "kwargs": []}, r"\$\.kwargs"),
        ({"name": "add", "id": "1", "data": 1, "args": [1]}, "in the place of"),
        ({"name": "add", "id": "1", "delay": -1}, "`delay`"),
        ({"name": "add", "id": "1", "delay": "soon"}, "`delay`"),
        ({"name": "add", "id": "1", "delay": 1, "run_at": 1}, "exclude each other"),
        ({"name": "add", "id": "1", "run_at": "tomorrow"}, "`run_at`"),
        ({"name": "add", "id": "1", "run_at": "2031-01-01T00:00:00"}, "time zone"),
        ({"name": "add", "id": "1", "expires": "2031-01-01T00:00:00"}, "time zone"),
        ({"name": "add", "id": "1", "max_attempts": 0}, r"\$\.max_attempts"),
        ({"name": "add", "id": "1", "priority": 2**40}, r"\$\.priority"),
        ({"name": "add", "id": "1", "execution": "moon"}, r"\$\.execution"),
        ({"name": "add", "id": "1", "reply_to": "q" * 300}, "at most 255 bytes"),
    ],
)
def test_what_is_wrong_is_named(said: dict[str, Any], wrong: str) -> None:
    with pytest.raises(EnvelopeError, match=wrong):
        envelope_of(said)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1]", b'"add"', b"{}{}", b'{"name": "\xff"}', b"[" * 100_000]
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(EnvelopeError, match="the JSON is no job"):
        read_json_task(text, Properties())


def test_an_id_makes_the_uid_whoever_sends_it_again() -> None:
    def uid(id: str, **said: Any) -> bytes:
        return read_task(envelope_of({"name": "add", "id": id, **said}).body)[0].jobs[0].uid

    text = "0192e4a0-0000-7000-8000-00000000002a"
    assert uid("order 17") == uid("order 17", priority=3) != uid("order 18")
    assert uid("order 17") != uid("order 17", client="other")
    assert uid(text) == UUID(text).bytes
    assert uid(ulid(UID)) == uid(UID.hex()) == UID


def test_what_a_program_says_beside_the_message_counts_where_the_message_is_silent() -> None:
    outside = Properties(reply_to="answers", correlation_id="c1", message_id="order 17")
    header = envelope_of({"name": "add"}, outside).header
    assert read_address(header.instance) == ("answers", "c1")
    said = {"name": "add", "id": "1", "reply_to": "mine", "correlation_id": "c2"}
    assert read_address(envelope_of(said, outside).header.instance) == ("mine", "c2")


def test_without_a_correlation_id_the_answer_has_the_id() -> None:
    header = envelope_of({"name": "add", "id": "order 17", "reply_to": "answers"}).header
    assert read_address(header.instance) == ("answers", "order 17")


def test_a_message_that_can_not_be_read_is_answered_where_that_is_possible() -> None:
    outside = Properties(reply_to="answers", correlation_id="c1")
    assert sender_of(b'{"nam', Properties()) is None
    assert sender_of(b'{"nam', Properties(reply_to="q" * 300)) is None
    header = sender_of(b'{"nam', outside)
    assert header is not None
    assert read_address(header.instance) == ("answers", "c1")
    header = sender_of(b'{"nam": 1, "id": "7", "reply_to": "answers"}', Properties())
    assert header is not None
    assert read_address(header.instance) == ("answers", "7")


@pytest.mark.parametrize("instance", ["", "abc", "worker:3", "json:", "json:[1]", 'json:["a"]'])
def test_other_instances_are_no_addresses_of_programs(instance: str) -> None:
    assert read_address(instance) is None
    assert write_address("", "c") == ""


def test_answers_say_how_a_job_ended() -> None:
    good = Outcome(Status.COMPLETED, b'{"sum":3}', json=True, output="hello")
    bad = Outcome(Status.FAILED, failure=Failure(ErrorCode.UNKNOWN_FUNCTION, "none", "x.Y", "tb"))
    responses = [Response(UID, "a", 1, 1.0, 2.0, good), Response(UID, "b", 0, None, 2.0, bad)]
    first, second = map(json.loads, write_answers(ResponsesBody(responses), "c1"))
    assert first == {
        "correlation_id": "c1",
        "id": "a",
        "status": "completed",
        "attempt": 1,
        "started": 1.0,
        "finished": 2.0,
        "output": "hello",
        "result": {"sum": 3},
    }
    assert (second["id"], second["status"], "result" in second) == ("b", "failed", False)
    assert second["error"] == {
        "code": 17,
        "name": "UNKNOWN_FUNCTION",
        "text": "none",
        "type": "x.Y",
        "traceback": "tb",
    }


def test_a_refused_message_is_answered_too() -> None:
    [answer] = write_answers(Error(UID, Failure(ErrorCode.BAD_SIGNATURE, "no")), "c1")
    said = json.loads(answer)
    assert (said["status"], said["correlation_id"]) == ("refused", "c1")
    assert said["error"]["name"] == "BAD_SIGNATURE"


def test_a_pickle_is_never_put_into_an_answer() -> None:
    outcome = Outcome(Status.COMPLETED, b"\x80\x05N.")
    [answer] = write_answers(ResponsesBody([Response(UID, "a", 1, 1.0, 2.0, outcome)]), "")
    assert json.loads(answer)["result"] is None
    assert msgspec.json.decode(answer)
