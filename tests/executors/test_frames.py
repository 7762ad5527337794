from __future__ import annotations

import math

import pytest

from schedulergodx.core.job import Failure, Outcome, Status
from schedulergodx.executors.frames import (
    Accepted,
    Finished,
    FrameBuffer,
    FrameError,
    Tell,
    frame,
)

FRAMES = [(Tell.ACCEPTED, Accepted(n, "x" * n)) for n in (0, 1, 300, 70_000)]
DATA = b"".join(bytes(frame(kind, payload)) for kind, payload in FRAMES)


@pytest.mark.parametrize("step", [1, 2, 7, 4096, len(DATA)])
def test_frames_come_whole_however_the_bytes_are_cut(step: int) -> None:
    buffer = FrameBuffer(1 << 20)
    data = DATA[: 400 * step]
    expected = FrameBuffer(1 << 20).feed(data)
    found = [one for at in range(0, len(data), step) for one in buffer.feed(data[at : at + step])]
    assert found == expected


def test_kind_and_payload_are_those_that_were_framed() -> None:
    found = FrameBuffer(1 << 20).feed(DATA)
    assert [kind for kind, _ in found] == [kind for kind, _ in FRAMES]
    assert len(found[-1][1]) > 70_000


GOOD = Outcome(Status.COMPLETED, b"v")
LOST = Outcome(Status.FAILED, failure=Failure(15, "lost"))


@pytest.mark.parametrize(
    ("outcome", "started", "finished"),
    [
        (GOOD, math.nan, 1.0),
        (GOOD, 1.0, math.inf),
        (GOOD, -1.0, 1.0),
        (Outcome(Status.COMPLETED), 1.0, 1.0),
        (Outcome(Status.FAILED), 1.0, 1.0),
        (Outcome(Status.PENDING, b"v"), 1.0, 1.0),
        (Outcome(Status.FAILED, failure=Failure(1 << 63, "")), 1.0, 1.0),
    ],
)
def test_an_outcome_that_a_store_could_not_keep_is_not_believed(
    outcome: Outcome, started: float, finished: float
) -> None:
    with pytest.raises(FrameError):
        Finished(1, outcome, False, started, finished).of(1, 1)


@pytest.mark.parametrize("outcome", [GOOD, LOST])
def test_an_ordinary_outcome_is_believed(outcome: Outcome) -> None:
    ended = Finished(1, outcome, False, 1.0, 2.0).of(70, 3)
    assert (ended.seq, ended.attempt, ended.outcome) == (70, 3, outcome)


def test_a_length_beyond_belief_is_an_error() -> None:
    with pytest.raises(FrameError, match="1000 are the most"):
        FrameBuffer(1000).feed(DATA)
