"""One contestant on one workload, in a process of its own, on servers of its own.

`python -m benchmarks.trial REQUEST RESULT`, two files of JSON. A process of its own, because
clients keep connections and declarations, and so that what one leaves behind reaches no other.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.place import Place

if TYPE_CHECKING:
    from benchmarks.registry import Entry


def run(entry: Entry, workload: str, size: int, place: Place) -> dict[str, Any]:
    """The figures, or under `skipped` why there are none. Raises: what goes wrong"""
    from benchmarks.servers import make_server

    with ExitStack() as stack:
        servers = {kind: stack.enter_context(make_server(kind)) for kind in entry.servers}
        urls: dict[str, Any] = {kind.value: server.url for kind, server in servers.items()}
        place = replace(place, **urls)
        os.environ.update(place.environ())
        return _measure(entry, workload, size, place, tuple(servers.values()), stack)


def _measure(
    entry: Entry, workload: str, size: int, place: Place, servers: tuple[Any, ...], stack: ExitStack
) -> dict[str, Any]:
    """Everything here is imported late: it reads the place from the environment."""
    from benchmarks.journal import Journal
    from benchmarks.stage import Stage
    from benchmarks.workloads import WORKLOADS

    kind = entry.load()
    missing = WORKLOADS[workload].needs - kind.offers
    if missing:
        return {"skipped": f"it has no {', '.join(sorted(missing))}"}
    contestant = kind(place)
    stage = Stage(contestant, Journal(place.journal), servers, os.getpid())
    stack.callback(contestant.stop)
    contestant.start()
    stack.callback(_close, contestant)
    contestant.open()
    stage.warm()
    with stage.span() as span:
        figures = WORKLOADS[workload].measure(stage, size)
    return {**figures, "others_percent": span.others_percent}


def _close(contestant: Any) -> None:
    """What was measured counts, also of a client that can't say goodbye."""
    with suppress(Exception):
        contestant.close()


def main(request: Path, result: Path) -> None:
    """Run what the request says and write what came out."""
    from benchmarks.registry import ENTRIES

    told = json.loads(request.read_text())
    entry = next(entry for entry in ENTRIES if entry.name == told["entry"])
    folder = tempfile.mkdtemp(prefix="bench-")
    place = Place(folder=folder, setting=entry.setting, loops=told["loops"])
    try:
        figures = run(entry, told["workload"], told["size"], place)
    except BaseException:
        log = place.path("workers.log")
        if log.exists():
            sys.stderr.write(log.read_text(errors="replace")[-3000:])
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.write_text(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
