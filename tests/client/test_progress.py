"""How the progress of a batch is shown: on a terminal, in a notebook, and elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from schedulergodx.client.progress import as_html, showing
from schedulergodx.core.job import Status
from schedulergodx.core.view import BatchState, BatchView

ROOT = Path(__file__).parents[2]


def view(completed: int, running: int, failed: int = 0, name: str = "nightly") -> BatchView:
    counts = {Status.COMPLETED: completed, Status.RUNNING: running, Status.FAILED: failed}
    return BatchView(b"", name, "shop", False, 0.0, BatchState.CLOSED, counts, 100)


def test_plain_lines_come_for_each_tenth_and_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with showing("nightly") as show:
        for number in range(101):
            show(view(number, 100 - number))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 11
    assert lines[0] == "nightly: 0/100, 100 running"
    assert lines[5] == "nightly: 50/100, 50 running, 50 completed"
    assert lines[-1] == "nightly: 100/100, 100 completed"


_PROGRAM = """
from tests.client.test_progress import view
from schedulergodx.client.progress import showing
import sys
loaded = "rich" in sys.modules
with showing("nightly") as show:
    show(view(10, 90))
    show(view(99, 0, 1))
assert not loaded and ("rich" in sys.modules) == (sys.argv[1] == "rich")
"""


@pytest.mark.parametrize("rich", ["rich", "none"])
def test_a_terminal_has_a_bar_where_rich_is_installed(rich: str) -> None:
    ours, theirs = pty.openpty()
    hidden = "import schedulergodx.client.progress as p; p._has_rich = lambda: False\n"
    program = _PROGRAM if rich == "rich" else hidden + _PROGRAM
    done = subprocess.run(
        [sys.executable, "-c", program, rich],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"},
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    written = b""
    while chunk := _read(ours):
        written += chunk
    os.close(ours)
    text = written.decode()
    assert done.returncode == 0, text
    assert "nightly" in text
    assert "100/100" in text
    assert "99 completed, 1 failed" in text
    assert ("━" in text) == (rich == "rich")


def _read(terminal: int) -> bytes:
    """What comes next; nothing at its end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_cell_of_a_notebook_has_one_bar_that_moves() -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cell = (
        "from tests.client.test_progress import view\n"
        "from schedulergodx.client.progress import showing\n"
        "with showing('nightly') as show:\n"
        "    show(view(10, 90))\n"
        "    show(view(100, 0))\n"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    home = {"metadata": {"path": str(ROOT)}}
    nbclient.NotebookClient(notebook, timeout=60, resources=home).execute()
    [output] = notebook.cells[0].outputs
    assert '<progress value="100" max="100">' in output.data["text/html"]


def test_what_is_shown_is_escaped() -> None:
    html = as_html(view(1, 0, name="<script>"))
    assert "<b>&lt;script&gt;</b>" in html
    assert "1 completed, closed" in html


def test_an_empty_batch_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    with showing("none") as show:
        show(BatchView(b"", "none", "shop", False, 0.0, BatchState.CLOSED, {}))
    assert capsys.readouterr().err == "none: 0/0, no jobs\n"
