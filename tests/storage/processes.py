"""Other processes that open a store, for tests of what must hold between processes.

Run as a program with a verb of its own and the path of a store; each says on its output what it
did, so that a test waits for words and not for time.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from schedulergodx.errors import StoreError
from schedulergodx.storage import make_store
from schedulergodx.storage.sqlite import SQLiteStore
from tests.storage.making import new_job

ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65534


def run(verb: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a verb of this file to its end."""
    command = [sys.executable, "-m", "tests.storage.processes", verb, str(path)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def start(verb: str, path: Path) -> subprocess.Popen[str]:
    """Start one, and come back when it has said its first line."""
    command = [sys.executable, "-m", "tests.storage.processes", verb, str(path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def hold(path: str) -> None:
    """Open a store and keep it until the input ends."""
    store = make_store(path)
    store.open()
    print("open", flush=True)
    sys.stdin.read()
    store.close()


def die_inside(path: str) -> None:
    """Commit five jobs, then be killed in the middle of a transaction with many more."""
    store = make_store(path)
    store.open()
    store.begin()
    store.add_jobs([new_job(store) for _ in range(5)])
    store.commit()
    store.begin()
    store.add_jobs([new_job(store, arguments=bytes(100_000)) for _ in range(1500)])  # spills
    os.kill(os.getpid(), signal.SIGKILL)


def fill(path: str) -> None:
    """Commit jobs until the store refuses, then say why, and how many there are."""
    store = make_store(path)
    store.open()
    stored = 0
    try:
        while True:
            store.begin()
            store.add_jobs([new_job(store, arguments=bytes(200_000))])
            store.commit()
            stored += 1
    except StoreError as error:
        print(type(error).__name__, error)
    print(stored, sum(store.counts().values()))
    assert store.get_note("still readable") is None


def fill_limited(path: str) -> None:
    """The same where no file may grow above 2 MiB, as by a quota."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
    fill(path)


def open_without_rights(path: str) -> None:
    """Say what became of opening it, as a user that is nobody in particular."""
    store = SQLiteStore(path)  # this Python may not be readable for that user
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        store.open()
        print("open")
    except StoreError as error:
        print(type(error).__name__, error)


VERBS: dict[str, Callable[[str], None]] = {
    verb.__name__: verb for verb in (hold, die_inside, fill, fill_limited, open_without_rights)
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](sys.argv[2])
