"""What the program of a service has called when that starts and stops."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from schedulergodx.client import Client
from schedulergodx.service import Service
from tests.world import SECRET, until


def make(folder: Path, **given: object) -> Service:
    return Service(
        broker=f"spool:{folder}/spool",
        secret=SECRET,
        db=f"sqlite:///{folder}/jobs.db",
        workers=1,
        hard_workers=1,
        **given,
    )


def test_hooks_are_called_at_each_start_and_at_each_orderly_stop(tmp_path: Path) -> None:
    """R14: scheduler_startup and scheduler_shutdown, before the first job and after the last."""
    service, calls = make(tmp_path, restarting="recall"), []

    @service.hook_startup
    def begin() -> None:
        calls.append("startup")

    @service.hook_startup
    async def begin_async() -> None:
        await asyncio.sleep(0)
        calls.append("async")

    @service.hook_shutdown
    def end() -> None:
        calls.append("shutdown")

    started = ["startup", "async"]
    thread = threading.Thread(target=service.start)
    with Client("maker", broker=f"spool:{tmp_path}/spool", secret=SECRET, connect=False) as client:
        thread.start()
        try:
            assert service.wait_ready(60)
            assert calls == started
            assert client.task(repr).launch(1).result(60) == "1"
            assert calls == started
            assert client.session.restart() == 1
            until(lambda: calls == [*started, "shutdown", *started], 60)
            assert client.task(repr).launch(2).result(60) == "2"
        finally:
            service.stop()
            thread.join(60)
    assert calls == 2 * [*started, "shutdown"]


def test_a_service_does_not_start_whose_hook_raises(tmp_path: Path) -> None:
    """R14."""
    service = make(tmp_path)

    @service.hook_startup
    def begin() -> None:
        raise OSError("the disk is not there")

    with pytest.raises(OSError, match="the disk is not there"):
        service.start()
