"""What importing a client costs, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEAR = ("aio_pika", "alembic", "asyncio", "dill", "pika", "sqlalchemy")
FEW_NEED = (  # modules of ours, loaded when somebody uses what they are for
    "client.async_client",
    "client.batch",
    "client.description",
    "client.drafting",
    "client.expansion",
    "client.following",
    "client.named",
    "client.progress",
    "client.value",
    "client.workflow",
    "core.any_request",
    "core.conditions.base",
    "core.conditions.combined",
    "core.policy",
    "core.schedule",
    "core.why",
    "core.why_job",
    "core.why_schedule",
    "core.follow",
    "core.results",
    "core.rule",
)


def run(program: str, directory: Path, **environment: str) -> str:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def cost(module: str, directory: Path) -> float:
    """Seconds of the processor for an import; it is compiled, as where it is installed."""
    program = f"""
import time
begin = time.process_time()
import {module}
print(time.process_time() - begin)
"""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(directory)}
    return float(run(program, directory, **compiled))


def test_importing_a_client_is_quick(tmp_path: Path) -> None:
    """A machine that is busy counts more seconds for the same: for asyncio, which takes 50 ms."""
    rounds = [(cost("asyncio", tmp_path), cost("schedulergodx.client", tmp_path)) for _ in range(6)]
    yardstick, seconds = map(min, zip(*rounds, strict=True))
    assert seconds < max(0.12, 2.4 * yardstick)


def test_importing_a_client_loads_nothing_that_few_programs_need(tmp_path: Path) -> None:
    dear = tuple(f"schedulergodx.{name}" for name in FEW_NEED)
    program = f"import schedulergodx.client, sys; print(*[m for m in {dear} if m in sys.modules])"
    assert run(program, tmp_path) == ""


@pytest.mark.parametrize("module", ["schedulergodx", "schedulergodx.client", "schedulergodx.utils"])
def test_an_import_loads_nothing_dear(tmp_path: Path, module: str) -> None:
    program = f"import {module}, sys; print(*[m for m in {DEAR} if m in sys.modules])"
    assert run(program, tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_both_ways_of_the_document_import(tmp_path: Path) -> None:
    program = """
import schedulergodx.client as scheduler
from schedulergodx import AsyncClient, AsyncJob, Client, Job, Status, Task, current_job
from schedulergodx.client.job import Job as same
assert scheduler.Client is Client
assert Job is same
assert Status.PENDING == "pending"
assert current_job() is None
import schedulergodx
for name in schedulergodx.__all__:
    if name != "Service":
        getattr(schedulergodx, name)
print(schedulergodx.__version__)
"""
    assert run(program, tmp_path)[0].isdigit()


def test_a_prompt_can_complete_the_names(tmp_path: Path) -> None:
    program = "import schedulergodx as s; print({*s.__all__} <= {*dir(s)})"
    assert run(program, tmp_path) == "True"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import schedulergodx
    import schedulergodx.client
    import schedulergodx.utils

    for module in (schedulergodx, schedulergodx.client, schedulergodx.utils):
        with pytest.raises(AttributeError, match="Clinet"):
            module.Clinet  # noqa: B018 - looking it up is the test
