"""One keeper of schedules, in a process of its own.

`python -m benchmarks.schedules_trial NAME SCHEDULES` prints its figures as JSON. It imports nothing
that a peer's Python may lack.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import tempfile

from benchmarks.place import Place

KEEPERS = {  # by name: module and class, setting, what it is
    "sgx": ("benchmarks.product.keeper:Product", "", "a service, embedded broker, SQLite"),
    "apscheduler": (
        "benchmarks.peers.apscheduler_keeper:Apscheduler",
        "sqlite",
        "in the program, SQLite",
    ),
    "apscheduler-memory": (
        "benchmarks.peers.apscheduler_keeper:Apscheduler",
        "memory",
        "in the program, in memory",
    ),
    "rocketry": ("benchmarks.peers.rocketry_keeper:Rocketry", "", "in the program, in memory"),
}
MISSING = 3  # the exit code where a package is not there


def main(name: str, schedules: int) -> None:
    """Measure one, in a folder that is gone after it."""
    where, setting, _ = KEEPERS[name]
    place = Place(folder=tempfile.mkdtemp(prefix="bench-"), setting=setting)
    os.environ.update(place.environ())
    module, _, kind = where.partition(":")
    try:
        keeper = getattr(importlib.import_module(module), kind)(place)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    try:
        from benchmarks.keeper import measure

        print(json.dumps(measure(keeper, min(schedules, keeper.most))))
    finally:
        keeper.close()
        shutil.rmtree(place.folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
