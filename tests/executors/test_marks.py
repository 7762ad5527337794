from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from schedulergodx.core.job import Outcome, Status
from schedulergodx.executors import marks
from schedulergodx.executors.frames import Finished
from schedulergodx.executors.marks import MarkDirectory, MarkPage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKER = 7


@pytest.fixture
def directory(tmp_path: Path) -> MarkDirectory:
    directory = MarkDirectory(tmp_path)
    directory.begin()
    return directory


@pytest.fixture
def file(directory: MarkDirectory) -> Iterator[int]:
    descriptor = directory.create(WORKER, 4)
    yield descriptor
    os.close(descriptor)


def test_a_mark_is_seen_through_another_mapping(file: int) -> None:
    worker, service = MarkPage(file), MarkPage(file)
    assert service.began(5) is None
    started = worker.mark(5, 70, 1)
    mark = service.began(5)
    assert mark is not None
    assert mark[0] == started


def test_a_mark_is_of_one_token_even_where_slots_are_shared(file: int) -> None:
    page = MarkPage(file)
    page.mark(5, 70, 1)
    assert page.began(5 + page.slots) is None


def test_there_are_more_slots_than_jobs_may_be_outstanding(file: int) -> None:
    assert MarkPage(file).slots >= 4 * 4


def test_asking_is_seen_by_the_other_side_and_can_be_taken_back(file: int) -> None:
    worker, service = MarkPage(file), MarkPage(file)
    service.ask(3)
    assert worker.asked(3)
    service.ask(3, False)
    assert not worker.asked(3)


def test_marking_does_not_undo_asking(file: int) -> None:
    page = MarkPage(file)
    page.ask(3)
    page.mark(3, 1, 1)
    assert page.asked(3)


def test_old_marks_tell_what_began(directory: MarkDirectory, file: int) -> None:
    MarkPage(file).mark(1, 70, 2)
    old = directory.old_marks()
    assert old.began(WORKER, 70, 2)
    assert not old.began(WORKER, 70, 1)
    assert not old.began(WORKER, 71, 2)


def test_a_missing_file_counts_as_begun(directory: MarkDirectory) -> None:
    assert directory.old_marks().began(WORKER + 1, 70, 1)


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 20])
def test_a_damaged_file_counts_as_begun(
    directory: MarkDirectory, file: int, tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / f"worker-{WORKER}.marks").write_bytes(damage)
    assert directory.old_marks().began(WORKER, 70, 1)


def test_after_another_boot_everything_counts_as_begun(
    directory: MarkDirectory, file: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not directory.old_marks().began(WORKER, 70, 1)
    other = tmp_path / "another-boot"
    other.write_text("another boot\n")
    monkeypatch.setattr(marks, "_BOOT_ID", other)
    assert directory.old_marks().began(WORKER, 70, 1)


def test_a_directory_without_a_boot_counts_everything_as_begun(tmp_path: Path) -> None:
    assert MarkDirectory(tmp_path / "nothing").old_marks().began(WORKER, 70, 1)


def test_beginning_removes_the_marks_of_the_service_before(
    directory: MarkDirectory, file: int, tmp_path: Path
) -> None:
    directory.begin()
    assert not list(tmp_path.glob("*.marks"))


def test_last_words_stand_behind_the_marks(directory: MarkDirectory, file: int) -> None:
    assert directory.last_words(WORKER) == ""
    os.write(file, b"Fatal Python error")
    assert directory.last_words(WORKER) == "Fatal Python error"
    assert directory.old_marks().began(WORKER, 1, 1) is False


def outcome(value: bytes, token: int = 5) -> bytes:
    finished = Finished(token, Outcome(Status.COMPLETED, value=value), False, 1.0, 2.0)
    return msgspec.msgpack.encode(finished)


def test_what_had_ended_is_known_to_the_next_service(directory: MarkDirectory, file: int) -> None:
    worker = MarkPage(file)
    worker.mark(5, 70, 2)
    worker.keep(5, outcome(b"v"))
    [ended] = directory.old_marks().ended(WORKER)
    assert (ended.seq, ended.attempt, ended.outcome.value) == (70, 2, b"v")


def test_an_outcome_of_a_slot_that_was_used_again_is_not_taken_for_the_new_job(
    directory: MarkDirectory, file: int
) -> None:
    worker = MarkPage(file)
    worker.mark(5, 70, 1)
    worker.keep(5, outcome(b"v"))
    worker.mark(5 + worker.slots, 71, 1)
    assert list(directory.old_marks().ended(WORKER)) == []


def test_the_last_outcomes_are_kept_when_the_ring_is_full(
    directory: MarkDirectory, file: int
) -> None:
    worker = MarkPage(file)
    large = b"v" * 50_000
    for token in range(100):
        worker.mark(token, token, 1)
        worker.keep(token, outcome(large, token))
    kept = sorted(ended.seq for ended in directory.old_marks().ended(WORKER))
    assert kept == list(range(100 - len(kept), 100))
    assert len(kept) == worker.slots


def test_an_outcome_that_is_larger_than_the_ring_holds_is_not_kept(
    directory: MarkDirectory, file: int
) -> None:
    worker = MarkPage(file)
    worker.mark(5, 70, 1)
    worker.keep(5, outcome(b"v" * 1_000_000))
    assert list(directory.old_marks().ended(WORKER)) == []
    assert directory.old_marks().began(WORKER, 70, 1)


def test_damaged_outcomes_are_passed_over(directory: MarkDirectory, file: int) -> None:
    worker = MarkPage(file)
    worker.mark(5, 70, 1)
    worker.keep(5, b"no msgpack \xc1")
    worker.mark(6, 71, 1)
    worker.keep(6, outcome(b"v", 6))
    [ended] = directory.old_marks().ended(WORKER)
    assert ended.seq == 71
