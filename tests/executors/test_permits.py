from __future__ import annotations

import os
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from schedulergodx.executors.permits import Permits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def permits() -> Iterator[Permits]:
    permits = Permits()
    yield permits
    permits.close()


def read(permits: Permits) -> int:
    return int(struct.unpack("<Q", os.read(permits.child_end, 8))[0])


def test_what_was_taken_back_is_not_read(permits: Permits) -> None:
    permits.grant([1, 2, 3])
    assert read(permits) == 1
    assert permits.take_back() == [2, 3]
    permits.grant([4])
    assert read(permits) == 4


def test_taking_back_nothing_does_not_wait(permits: Permits) -> None:
    assert permits.take_back() == []
    assert os.get_blocking(permits.child_end)


def test_each_token_goes_to_one_of_both(permits: Permits) -> None:
    tokens = 20_000
    begun: list[int] = []

    def work() -> None:
        while data := os.read(permits.child_end, 8):
            begun.append(struct.unpack("<Q", data)[0])

    worker = threading.Thread(target=work)
    worker.start()
    back: list[int] = []
    for first in range(0, tokens, 100):
        permits.grant(range(first, first + 100))
        back += permits.take_back()
    os.close(permits._write)
    worker.join(10)
    permits._write = os.open(os.devnull, os.O_WRONLY)
    assert sorted(begun + back) == list(range(tokens))
