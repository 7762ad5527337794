"""Years of schedules, in a service that dies at random moments and its successors.

Each fire is exactly what the rule says by a reckoning of its own, and each is one run. `make soak`
makes it ten years of a thousand schedules.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from tests.soak.mixture import Subject, mix
from tests.soak.mortal import Mortal
from tests.soak.reckoning import Outages

DAY = 86400
YEARS = float(os.environ.get("SOAK_YEARS", "0.5"))
SCHEDULES = int(os.environ.get("SOAK_SCHEDULES", "40"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
MEMORY = Path("/dev/shm")
AWAY = (30, 600, 3 * 3600, 20 * 3600, 3 * DAY, 30 * DAY)  # seconds at the most


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Without a disk where that can be: those who die here are no machines."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(prefix="schedulergodx-soak-", dir=MEMORY) as name:
        yield Path(name)


@pytest.mark.timeout(0 if "SOAK_YEARS" in os.environ else 120)
async def test_each_fire_is_what_its_rule_says_whenever_the_service_dies(folder: Path) -> None:
    """R26, R27, R28, R30, R33, R48: none is lost, none is twice, except as the policies say."""
    chance = Random(SEED)
    async with Mortal(folder, chance) as stage:
        begin, end = stage.now, stage.now + int(YEARS * 365.25) * DAY
        subjects = mix(SCHEDULES, begin, end + max(AWAY), chance)
        await stage.make(subjects)
        while stage.now < end:
            await stage.live(min(end, stage.now // 1 + chance.randrange(25 * DAY) + 0.5))
            if stage.now < end:
                await stage.be_away(chance.randrange(chance.choice(AWAY)) + 0.75)
        await stage.live(end := stage.now)
        assert stage.deaths["at rest"] > 5 * YEARS
        assert len(stage.deaths) > 3, "it died in the midst of rounds as well"
    fired = read_fires(folder)
    outages = Outages(stage.outages)
    for subject in subjects:
        instants = [instant for instant, _ in fired[subject.name]]
        if subject.reckoning is not None:
            wanted = subject.reckoning.fires(begin, end, outages, subject.missed)
            assert instants == wanted, difference(subject, instants, wanted)
        elif subject.follows is not None:
            assert len(instants) == len(fired[subject.follows]), subject
    jobs = Counter(job for fires in fired.values() for _, job in fires)
    assert stage.ran == jobs, "each fire is one run"
    assert set(jobs.values()) == {1}
    assert len(jobs) > 10 * len(subjects) * YEARS
    print(f"{len(jobs)} fires of {len(subjects)} schedules; deaths: {dict(stage.deaths)}")


def read_fires(folder: Path) -> dict[str, list[tuple[float, bytes]]]:
    """The fires that made a job, with it, by the names of schedules."""
    names: dict[str, list[tuple[float, bytes]]] = {}
    with sqlite3.connect(folder / "jobs.db") as reader:
        for name, instant, job in reader.execute(
            "SELECT name, instant, job FROM schedule LEFT JOIN fire "
            "ON fire.schedule = schedule.id AND job IS NOT NULL ORDER BY schedule.id, instant"
        ):
            names.setdefault(name, []).extend([(instant, job)] if job is not None else [])
    return names


def difference(subject: Subject, instants: list[float], wanted: list[float]) -> str:
    """What is too many, and what is missing."""
    more, less = sorted(set(instants) - set(wanted)), sorted(set(wanted) - set(instants))
    return f"{subject.rule!r} in {subject.zone}, {subject.missed}: too many {more}, missing {less}"
