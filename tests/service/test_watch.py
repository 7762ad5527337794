"""Who watches over a service hears the truth, also when the disk has no room for it."""

from __future__ import annotations

import json
import logging
import os
import socket
from typing import TYPE_CHECKING

import pytest

from schedulergodx.service.watch import Watch, notify
from schedulergodx.utils.process import began, place

if TYPE_CHECKING:
    from pathlib import Path


def watch(file: Path, now: float = 5.0) -> Watch:
    return Watch(file, lambda: now, lambda: {"name": "mine"})


def facts(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.read_text())
    return found


def test_the_file_says_who_when_and_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "health"
    watch(file).pulse("the disk is full")
    assert facts(file).items() >= {"name": "mine", "at": 5.0, "ready": False}.items()
    assert facts(file).items() >= {"pid": os.getpid(), "place": place()}.items()
    assert facts(file)["began"] == began(os.getpid())
    assert facts(file)["trouble"] == "the disk is full"
    watch(file).ready()
    assert (facts(file)["ready"], facts(file)["trouble"]) == (True, "")
    watch(file).gone()
    assert list(tmp_path.iterdir()) == []


def test_without_room_for_another_file_the_old_one_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "health"
    watch(file).pulse("a text that is longer than the next one")
    (tmp_path / "health.part").mkdir()
    watch(file, now=7.0).pulse()
    assert (facts(file)["at"], facts(file)["trouble"]) == (7.0, "")


def test_a_file_that_can_not_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    watched = watch(tmp_path / "missing" / "health")
    for _ in range(3):
        watched.pulse()
    assert len(caplog.records) == 1


def test_systemd_is_told_through_an_abstract_socket_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        systemd.settimeout(10)
        assert systemd.recv(100) == b"READY=1"


def test_a_systemd_that_does_not_listen_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")
