"""A type checker sees wrong arguments, wrong options and the types of results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
from collections.abc import Coroutine
from typing import Any, assert_type

from schedulergodx import AsyncClient, AsyncJob, Client, Job, Workflow, values

client = Client(connect=False)
async_client = AsyncClient()


@client.task
def add(a: int, b: int = 0) -> int:
    return a + b


@client.task(queue="mail", delay="10 min", max_attempts=3)
async def fetch(url: str) -> bytes:
    return url.encode()


@async_client.task
def divide(a: float, b: float) -> float:
    return a / b


@async_client.task(hard=True)
async def wait(seconds: float) -> str:
    return "done"


group = client.group("etl: ", start_cond="daily", queue="mail")


@group.task(schedule="hourly", max_runs=3, end_cond="daily", limit="api", rate="9/s")
def grouped(place: str) -> int:
    return len(place)


assert_type(grouped.launch("x").result(), int)
assert_type(add(1), int)
assert_type(add.launch(1, b=2), Job[int])
assert_type(add.launch(1).result(), int)
assert_type(add.options(priority=2).launch(1).result(timeout=3), int)
assert_type(add.map([1, 2])[0].result(), int)
assert_type(fetch.launch("x").result(), bytes)
unused = assert_type(fetch("x"), Coroutine[Any, Any, bytes])


@client.task
def total(numbers: list[int]) -> float:
    return sum(numbers)


@client.task
def numbers(to: int) -> list[int]:
    return list(range(to))


first = add.step(1, b=2)
assert_type(first, Job[int])
assert_type(add.step(first.value, b=first.value), Job[int])
assert_type(total.step(values([first, add.step(3)])), Job[float])
assert_type(first.then(numbers).then(total), Job[float])
assert_type(total.step(add.step_for_each(numbers.step(3).value).value), Job[float])
assert_type(Workflow("w").add_job(first), Job[int])
assert_type(Workflow("w").submit_all(client), list[str])


async def main() -> None:
    assert_type(await Workflow("w").submit_all(async_client), list[str])
    assert_type(await add.launch(1), int)
    assert_type(await fetch.launch("x"), bytes)
    job = await divide.launch(1, 2)
    assert_type(job, AsyncJob[float])
    assert_type(await job, float)
    assert_type(await (await wait.launch(1)).result(), str)
    assert_type((await wait.map([1]))[0], AsyncJob[str])
"""

_WRONG = {
    "an argument of the wrong type": 'add.launch("one")',
    "an argument too many": "add.launch(1, 2, 3)",
    "an argument too few": "add.launch()",
    "a keyword that there is not": "add.launch(1, c=2)",
    "the same with options": 'add.options(delay=3).launch("one")',
    "of a coroutine function": "fetch.launch(1)",
    "of an async client": 'divide.launch("one", 2)',
    "a misspelled option": "add.options(dealy=3)",
    "an option of the wrong type": 'add.set_parameters(priority="high")',
    "a misspelled option of a decorator": "client.task(add, dealy=3)",
    "a policy of the wrong type": 'client.task(add, schedule="daily", max_runs="often")',
    "a misspelled keyword of a client": 'Client(brokr="memory:")',
    "a keyword of an async client of the wrong type": "AsyncClient(queue=3)",
    "an argument of a step of the wrong type": 'add.step("one")',
    "the value of a step of the wrong type": "total.step(add.step(1).value)",
    "a value that may be missing": "add.step(add.step(1).value_or_none)",
    "a next step that takes another type": "add.step(1).then(total)",
    "a result of another type": "text: str = add.launch(1).result()",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def check(program: str, directory: Path) -> tuple[list[str], str]:
    """The errors that mypy finds in a program, and all that it says.

    It finds schedulergodx as a user's mypy does: where it is installed, if that says it has types.
    """
    file = directory / "program.py"
    file.write_text(program)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    done = subprocess.run(
        [*command, "--cache-dir", str(directory / "cache")],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if "program.py" in line]
    return [line for line in lines if ": error:" in line], done.stdout + done.stderr


def test_a_right_program_has_no_error_and_each_wrong_line_has_one(cache: Path) -> None:
    errors, output = check(_PROGRAM, cache)
    assert errors == [], output
    first = _PROGRAM.count("\n") + 1
    errors, output = check(_PROGRAM + "\n".join(_WRONG.values()) + "\n", cache)
    found = {int(line.split(":")[1]) - first for line in errors}
    missed = [name for number, name in enumerate(_WRONG) if number not in found]
    assert not missed, output
