"""Ids: what the generators give, and what a client takes."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from schedulergodx.core.identity import uid_of
from schedulergodx.errors import ConfigError
from schedulergodx.utils.id_generators import Labels, autoincrement, ulid_generator


def test_autoincrement_begins_after_its_start() -> None:
    """S30: autoincrement begins after its start."""
    assert list(itertools.islice(autoincrement(), 3)) == ["1", "2", "3"]
    assert next(autoincrement(start_point=41)) == "42"


def test_ulids_are_ulids_and_sort_by_time() -> None:
    """S30: ulids are ulids and sort by time."""
    generator = ulid_generator()
    first = next(generator)
    time.sleep(0.002)
    second = next(generator)
    assert first < second
    uid = uid_of(first)
    assert uid is not None
    assert int.from_bytes(uid[:6], "big") / 1000 == pytest.approx(time.time(), abs=60)
    assert len({next(generator) for _ in range(1000)}) == 1000


def test_labels_come_from_many_threads_without_a_gap() -> None:
    labels = Labels(autoincrement())
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: labels.next(), range(1000)))
    assert sorted(map(int, drawn)) == list(range(1, 1001))


def test_labels_come_from_anything_that_gives_text() -> None:
    """S30: labels come from anything that gives text."""
    assert Labels(iter(["a"])).next() == "a"
    assert Labels(["b", "c"]).next() == "b"
    assert Labels(lambda: "d").next() == "d"


def test_what_gives_no_text_is_refused() -> None:
    for source in (5, "text"):
        with pytest.raises(ConfigError, match="autoincrement"):
            Labels(source)  # type: ignore[arg-type] # that is the point
    with pytest.raises(ConfigError, match="not empty"):
        Labels([1]).next()  # type: ignore[list-item] # that is the point
    with pytest.raises(ConfigError, match="no more ids"):
        Labels([]).next()
