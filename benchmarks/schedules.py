"""What schedules cost a service: memory, time at rest, and how late they fire.

    python -m benchmarks.schedules [SCHEDULES]

Run it from the root of the project. The schedules are of mixed rules, none of which is due.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from schedulergodx.client import Client
from schedulergodx.core.conditions.base import Moment, due
from schedulergodx.core.identity import UidSource, ulid
from schedulergodx.core.job import Spec
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.core.policy import Policy
from schedulergodx.core.rule import read_rule, read_zone, tasks_of
from schedulergodx.service.past import Past, Surroundings
from schedulergodx.storage import make_store
from schedulergodx.storage.base import Store
from schedulergodx.storage.schedules import Plan

RULES = (
    "daily at 03:00",
    "daily between 22:00 and 23:00",
    "weekly on Mon",
    "monthly on 5th",
    "cron 0 4 * * MON-FRI",
    "cron */10 5 1 1 *",
    "every 20 hours",
    "every 3 days & ~task 'backup' is running",
    "after task 'load' & time of day between 10:00 and 12:00",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
DAY = 86400.0
FIRES = 20
SERVICE = "import json, sys; from schedulergodx.service import Service; "
SERVICE += "Service(**json.loads(sys.argv[1])).start()"
new_uid = UidSource()


def fill(store: Store, schedules: int) -> float:
    """Store so many; the answer is how many seconds the rules alone took."""
    spec = Spec("benchmark", bytes(16), "cpython-311", "dill/0.4.1")
    body = msgspec.msgpack.encode(TaskBody(spec, {}, [JobItem(bytes(16), bytes(100))]))
    spent = 0.0
    store.begin()
    client = store.client_id("benchmark")
    for number in range(schedules):
        rule, zone = RULES[number % len(RULES)], ZONES[number % len(ZONES)]
        plan = Plan(str(read_rule(rule)), zone, Policy(), "benchmark", "default", body)
        now = time.time()
        key = store.add_schedule(new_uid(), client, f"schedule {number}", plan, now)
        store.listen(key, tasks_of(plan.rule, plan.task))
        past = Past(store, store.schedule(key), Surroundings(now))
        begin = time.perf_counter()
        view = due(read_rule(plan.rule), Moment(now, read_zone(zone), past))
        spent += time.perf_counter() - begin
        next = view.changes
        late = next is None or next < now + 600
        store.plan_schedule(key, now + DAY if late else next)
    store.commit()
    return spent


def measure(folder: Path, schedules: int) -> None:
    """Fill a database, run a service on it, and print what that takes."""
    path = f"sqlite:///{folder}/{schedules}.db"
    store = make_store(path)
    store.open()
    spent = fill(store, schedules)
    store.close()
    broker = f"spool:{folder}/spool-{schedules}"
    words = msgspec.json.encode({"broker": broker, "db": path, "workers": 2}).decode()
    service = subprocess.Popen([sys.executable, "-c", SERVICE, words], stderr=subprocess.DEVNULL)
    try:
        _wait(folder / f"{schedules}.db.health")
        client = Client("benchmark", broker=broker)
        rest = at_rest(service.pid)
        late = lateness(client)
        client.close()
    finally:
        service.terminate()
        service.wait()
    print(f"{schedules:>9,} schedules: {rest[0]:6.1f} MB, {rest[1]:5.2f} % of a core at rest,")
    if schedules:
        print(f"{'':21} {spent / schedules * 1e6:6.1f} µs a look at a rule,")
    print(f"{'':21} a job starts {late[0]:.1f} ms after its instant, at most {late[1]:.1f} ms")


def at_rest(pid: int, seconds: float = 10.0) -> tuple[float, float]:
    """Megabytes, and the share of a core in percent, of a process that has nothing to do."""
    time.sleep(2)
    before = _ticks(pid)
    time.sleep(seconds)
    share = (_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / seconds * 100
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, share


def lateness(client: Client) -> tuple[float, float]:
    """By how many milliseconds jobs start after the instants of their fires: median and most."""
    schedule = client.schedule("every 0.2 seconds", _work, name="quick", max_runs=FIRES)
    while schedule.view().fires < FIRES:
        time.sleep(0.2)
    time.sleep(1)
    late = []
    for fire in schedule.history():
        started = fire.job and client.job(ulid(fire.job)).view().started
        if started:
            late.append((started - fire.instant) * 1000)
    return statistics.median(late), max(late)


def _work() -> None:
    pass


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _wait(health: Path) -> None:
    """Until the service takes jobs, as its health file says."""
    while not (health.exists() and json.loads(health.read_text())["ready"]):
        time.sleep(0.05)


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home:
        for schedules in (0, number):
            measure(Path(home), schedules)
