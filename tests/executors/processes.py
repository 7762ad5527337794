"""Looking at processes from outside, for tests that count who is left."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def marked(text: str) -> list[int]:
    """The processes that have `text` in their environment, this one aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text.encode() in (entry / "environ").read_bytes() and is_alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def until(true: Callable[[], object], *, deadline: float = 15.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(deadline):
        while not true():
            await asyncio.sleep(0.002)
