"""The fork server is small, clean, and where it should be."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schedulergodx.core.job import Execution
from schedulergodx.errors import ServiceError
from tests.executors.processes import is_alive, until
from tests.executors.rig import STORE, Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).resolve().parents[2]
ALL = [Execution.PROCESS, Execution.FORK, Execution.THREAD]
TOO_LARGE = ("asyncio", "ssl", "pika", "sqlalchemy", "sqlite3", "aio_pika", "click")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(tmp_path / "workers", workers=1, hard=1) as rig:
        yield rig


def server(rig: Rig) -> int:
    link = rig.executor._staff._link
    assert link is not None
    return link._process.pid


def threads_of(pid: int) -> list[int]:
    return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]


def test_it_imports_little() -> None:
    code = (
        "import sys, schedulergodx.executors.fork_server; "
        f"print([name for name in {TOO_LARGE} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


async def test_it_has_one_thread_and_its_own_session(rig: Rig) -> None:
    pid = server(rig)
    assert threads_of(pid) == [pid]
    assert os.getsid(pid) == pid


async def test_secrets_of_the_service_do_not_reach_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULERGODX_SECRET", "very secret")
    monkeypatch.setenv("OF_THE_USER", "kept")

    def look() -> tuple[dict[str, str], bytes]:
        return dict(os.environ), Path("/proc/self/environ").read_bytes()

    async with Rig(tmp_path / "workers", workers=1) as rig:
        for execution in ALL:
            environ, raw = await rig.value(look, execution=execution)
            assert "SCHEDULERGODX_SECRET" not in environ
            assert b"very secret" not in raw
            assert environ["OF_THE_USER"] == "kept"


async def test_all_that_descends_from_it_can_be_known(rig: Rig) -> None:
    def look() -> str:
        return subprocess.run(["env"], capture_output=True, text=True, check=True).stdout

    assert f"SGX_WORKER_OF={STORE} " in await rig.value(look)


async def test_a_job_inherits_no_descriptor_of_others(rig: Rig) -> None:
    def count() -> list[str]:
        descriptors = list(Path("/proc/self/fd").iterdir())
        return [str(d.readlink()).partition(":")[0] for d in descriptors if d.is_symlink()]

    await rig.value(os.getpid, execution=Execution.THREAD)
    for execution in (Execution.FORK, Execution.PROCESS):
        found = await rig.value(count, execution=execution)
        assert found.count("socket") == 1
        assert found.count("pipe") == 1
        assert "anon_inode" not in found


async def test_a_signal_to_the_terminal_does_not_reach_jobs(rig: Rig) -> None:
    def look() -> int:
        return os.getpgid(0)

    groups = {await rig.value(look, execution=execution) for execution in ALL}
    assert os.getpgid(0) not in groups
    assert len(groups) == len(ALL)


async def test_it_ends_with_a_service_that_closes(tmp_path: Path) -> None:
    async with Rig(tmp_path / "workers") as rig:
        pid = server(rig)
    assert not is_alive(pid)


async def test_it_ignores_what_ends_other_programs(rig: Rig) -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(server(rig), number)
    assert await rig.value(os.getpid, execution=Execution.FORK)
    assert is_alive(server(rig))


async def test_modules_are_preloaded_and_those_that_can_not_be_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def look() -> bool:
        return "colorsys" in sys.modules

    async with Rig(tmp_path / "workers", preload=("colorsys", "not_there_at_all")) as rig:
        assert await rig.value(look, execution=Execution.FORK)
    assert "not_there_at_all" in caplog.text


async def test_one_that_can_not_start_is_a_service_error_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    rig = Rig(tmp_path / "workers")
    await rig.executor.recover()
    with pytest.raises(ServiceError, match="ModuleNotFoundError"):
        await rig.executor.start(lambda report: None, lambda hashes: {})
    await rig.executor.stop(0)


async def test_workers_are_forked_again_after_a_failure_to_fork(rig: Rig) -> None:
    pid = server(rig)
    before = resource.prlimit(pid, resource.RLIMIT_NPROC)
    if os.getuid() == 0:
        pytest.skip("the kernel does not limit root")
    resource.prlimit(pid, resource.RLIMIT_NPROC, (0, before[1]))
    job = rig.launch(os.getpid, execution=Execution.FORK)
    await until(lambda: rig.returned[job.work.seq])
    resource.prlimit(pid, resource.RLIMIT_NPROC, before)
    assert rig.open(await job)


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open none."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    holes = [os.open("/dev/null", os.O_RDONLY) for _ in range(highest)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(holes) + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for hole in holes:
            os.close(hole)


async def test_a_job_waits_while_its_service_can_open_no_files(rig: Rig) -> None:
    with no_more_files():
        job = rig.launch(os.getpid, execution=Execution.FORK)
        await until(lambda: rig.returned[job.work.seq])
    assert rig.open(await job)
