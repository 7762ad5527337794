"""Drawings of workflows, from what a service says of their jobs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schedulergodx.cli.drawing import Drawing, draw, print_dot, print_levels, print_mermaid
from schedulergodx.core.job import OnFailure, Parent, Status
from schedulergodx.core.view import BatchState, BatchView, JobView


def uid(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def job(name: str, *parents: str, status: Status = Status.COMPLETED, **said: object) -> JobView:
    edges = tuple(Parent(uid(parent.strip("?")), _kind(parent)) for parent in parents)
    facts = {
        "seq": 1,
        "uid": uid(name),
        "label": None,
        "client": "shop",
        "task": "task",
        "queue": "default",
        "execution": "process",
        "status": status,
        "priority": 0,
        "created": 0.0,
        "due": None,
        "deadline": None,
        "started": None,
        "finished": None,
        "attempt": 1,
        "max_attempts": 1,
        "lifetime": None,
        "worker": None,
        "cancel_asked": False,
        "code": None,
        "text": "",
        "parents": edges,
        "name": name,
    }
    return JobView(**{**facts, **said})  # type: ignore[arg-type]


def _kind(parent: str) -> OnFailure:
    """A parent with a question mark may fail."""
    return OnFailure.RUN if parent.endswith("?") else OnFailure.CANCEL


def drawing(*jobs: JobView, limit: int = 100) -> Drawing:
    counts = {status: sum(one.status is status for one in jobs) for status in Status}
    counts = {status: number for status, number in counts.items() if number}
    view = BatchView(b"", "nightly", "shop", True, 0.0, BatchState.CLOSED, counts)
    return draw(view, jobs, limit)


def names(drawing: Drawing) -> list[list[str]]:
    return [[one.name for one in level] for level in drawing.levels]


def test_a_job_is_below_all_that_it_depends_on() -> None:
    jobs = [job("late", "a", "c"), job("a"), job("b", "a"), job("c", "b"), job("alone")]
    assert names(drawing(*jobs)) == [["a", "alone"], ["b"], ["c"], ["late"]]
    assert names(drawing()) == [[]] or names(drawing()) == []


def test_the_same_diamond_in_three_forms(capsys: pytest.CaptureFixture[str]) -> None:
    diamond = drawing(
        job("fetch"),
        job("left", "fetch", status=Status.RUNNING),
        job("right", "fetch", status=Status.FAILED),
        job("join", "left", "right?", status=Status.BLOCKED),
    )
    print_levels(diamond)
    lines = [line.strip(" │├└─") for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "nightly of shop, closed: 1 blocked, 1 running, 1 completed, 1 failed",
        "1",
        "fetch completed",
        "2",
        "left running  after fetch",
        "right failed  after fetch",
        "3",
        "join blocked  after left, right",
    ]
    print_mermaid(diamond)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["flowchart TD", '    j1["fetch<br/>completed"]:::completed']
    assert lines[5:9] == ["    j1 --> j2", "    j1 --> j3", "    j2 --> j4", "    j3 -.-> j4"]
    assert "    classDef failed fill:#f8d7da" in lines
    print_dot(diamond)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'digraph "nightly" {'
    assert '    j1 [label="fetch\\ncompleted", fillcolor="#d1e7dd"]' in lines
    assert lines[-3:] == ["    j2 -> j4", "    j3 -> j4 [style=dashed]", "}"]


@pytest.mark.parametrize("form", [print_levels, print_mermaid, print_dot])
def test_a_wide_one_is_drawn_in_part_and_says_what_it_left_out(
    form: Callable[[Drawing], None], capsys: pytest.CaptureFixture[str]
) -> None:
    middle = [job(f"m{n}", "first") for n in range(1000)]
    middle[700] = job("m700", "first", status=Status.FAILED)
    last = job("last", *(f"m{n}" for n in range(1000)), status=Status.CANCELLED)
    wide = drawing(job("first"), *middle, last, limit=20)
    assert [len(level) for level in names(wide)] == [1, 18, 1]
    assert "m700" in names(wide)[1], "what went wrong comes first"
    form(wide)
    written = capsys.readouterr()
    assert written.out.count("\n") < 100
    assert "982 jobs are left out: 982 completed; --limit N draws more" in written.err
    assert "982" in written.out


def test_a_long_one_is_drawn_from_its_begin() -> None:
    chain = [job("0"), *(job(str(n), str(n - 1)) for n in range(1, 1000))]
    long = drawing(*chain, limit=10)
    assert [one.name for one in long.jobs] == [str(n) for n in range(10)]
    assert long.gap == "990 jobs are left out: 990 completed"


def test_names_harm_no_form(capsys: pytest.CaptureFixture[str]) -> None:
    bad = drawing(job('"]; \x1b[31m#<b>\n\\', status=Status.PENDING), job("x" * 16))
    for form in (print_levels, print_mermaid, print_dot):
        form(bad)
        assert "\x1b" not in (written := capsys.readouterr().out)
        assert "pending" in written
    print_mermaid(bad)
    assert '["#quot;]; ' in capsys.readouterr().out
    print_dot(bad)
    assert '[label="\\"]; ' in capsys.readouterr().out


def test_parents_elsewhere_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    one = drawing(job("a", "elsewhere"), job("b", "a", "elsewhere"))
    print_levels(one)
    written = capsys.readouterr().out
    assert "a completed  after 1 jobs" in written
    assert "b completed  after a, 1 others" in written
    print_mermaid(one)
    assert "elsewhere" not in capsys.readouterr().out
