"""An envelope says who sends it, can't be altered, and is refused with a reason when it is bad."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedulergodx.core.any_request import read_request
from schedulergodx.core.envelope import VERSION, Header, MessageType, digest, seal, unseal
from schedulergodx.core.job import Spec
from schedulergodx.core.message import JobItem, TaskBody, read_task
from schedulergodx.core.request import AskStatus
from schedulergodx.core.signing import Signer
from schedulergodx.errors import BadSignature, ConfigError, EnvelopeError

SIGNER = Signer(b"k" * 32)
SPEC = Spec("task", b"h" * 16, "cpython-311", "dill/0.4.1")
encode = msgspec.msgpack.encode


def sealed(body: object = None, signer: Signer = SIGNER, type: int = MessageType.TASK) -> bytes:
    body = body or TaskBody(SPEC, {b"h" * 16: b"code"}, [JobItem(b"u" * 16, b"arguments")])
    return seal(type, body, uid=b"e" * 16, client="c", instance="i", created=1.5, signer=signer)


def test_what_is_sealed_is_what_is_opened() -> None:
    envelope = unseal(sealed(), SIGNER)
    assert envelope.header.client == "c"
    assert envelope.header.uid == b"e" * 16
    task, bad = read_task(envelope.body)
    assert task.spec == SPEC
    assert task.jobs == [JobItem(b"u" * 16, b"arguments")]
    assert not bad


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    whole = bytearray(sealed())
    whole[position % len(whole)] ^= change
    with pytest.raises(EnvelopeError):
        unseal(bytes(whole), SIGNER)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_a_cut_off_envelope_is_refused(length: int) -> None:
    whole = sealed()
    with pytest.raises(EnvelopeError, match="cut off"):
        unseal(whole[: length % len(whole)], SIGNER)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(EnvelopeError):
        unseal(noise, SIGNER)


def test_another_secret_is_refused_and_the_text_says_what_to_do() -> None:
    with pytest.raises(BadSignature, match="SCHEDULERGODX_SECRET"):
        unseal(sealed(signer=Signer(b"x" * 32)), SIGNER)


def test_an_unsigned_envelope_is_refused_by_who_has_a_secret() -> None:
    with pytest.raises(BadSignature, match="not signed"):
        unseal(sealed(signer=Signer()), SIGNER)


def test_without_a_secret_both_are_taken() -> None:
    assert unseal(sealed(signer=Signer()), Signer())
    assert unseal(sealed(), Signer())


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least 16"):
        Signer(b"short")


def test_another_version_is_named() -> None:
    header = encode(Header(VERSION + 1, 3, b"e" * 16, "c", "i", 0.0, digest(b"")))
    with pytest.raises(EnvelopeError, match=r"version 3.*version 2"):
        unseal(encode((header, b"", SIGNER.sign(header))), SIGNER)


def test_another_body_under_the_same_header_is_refused() -> None:
    header, _, signature = msgspec.msgpack.decode(sealed())
    with pytest.raises(EnvelopeError, match="hash differs"):
        unseal(encode((header, b"other", signature)), SIGNER)


def test_an_unknown_type_can_be_read_so_that_it_can_be_answered() -> None:
    assert unseal(sealed(type=99), SIGNER).header.type == 99


def test_a_bad_job_leaves_its_neighbours_alone() -> None:
    good = JobItem(b"u" * 16, b"arguments")
    body = {
        "spec": SPEC,
        "units": {},
        "jobs": [good, [b"v" * 16, "no bytes", None, None, "label"], "nonsense", good],
    }
    task, bad = read_task(encode(body))
    assert task.jobs == [good, good]
    assert [(item.uid, item.id) for item in bad] == [(b"v" * 16, "label"), (None, None)]
    assert all(item.reason for item in bad)


def test_a_bad_spec_refuses_the_whole_envelope() -> None:
    with pytest.raises(EnvelopeError, match="spec"):
        read_task(encode({"spec": {"name": 3}, "units": {}, "jobs": []}))


def test_a_request_of_an_unknown_kind_is_refused() -> None:
    assert read_request(encode(AskStatus("x"))) == AskStatus("x")
    with pytest.raises(EnvelopeError, match="request"):
        read_request(encode({"type": "explode"}))
