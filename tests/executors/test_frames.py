from __future__ import annotations

import pytest

from schedulergodx.executors.frames import Accepted, FrameBuffer, FrameError, Tell, frame

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


def test_a_length_beyond_belief_is_an_error() -> None:
    with pytest.raises(FrameError, match="1000 are the most"):
        FrameBuffer(1000).feed(DATA)
