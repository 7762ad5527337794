"""How the events of a job are written, in a pipe and on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from schedulergodx.cli import screen as module
from schedulergodx.cli.event import event_words, output_text
from schedulergodx.cli.screen import Screen
from schedulergodx.core.follow import Output, StatusChange
from schedulergodx.core.job import Status
from schedulergodx.core.view import Progress


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Progress(1, 4, "page 1"), "25% 1 of 4 page 1"),
        (Progress(3), "3"),
        (Progress(None, None, "begins"), "begins"),
        (StatusChange(Status.RUNNING, 1), "running"),
        (StatusChange(Status.SCHEDULED, 2, "it raised\nmore"), "scheduled, attempt 2: it raised"),
    ],
)
def test_an_event_is_one_line(event: Progress | StatusChange, words: str) -> None:
    assert event_words(event) == words


def test_what_is_missing_is_said() -> None:
    assert output_text(Output("rest", 7)) == "\n... 7 bytes left out ...\nrest"


def test_a_terminal_shows_whole_lines_and_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    terminal = {"file": out, "force_terminal": True, "width": 80, "color_system": None}
    monkeypatch.setattr(module, "Console", lambda **given: Console(**terminal, **given))
    with Screen() as screen:
        screen.show(Output("one [bold] line\nand a "))
        screen.show(Progress(3, 4, "page 3"))
        screen.show(Output("half"))
        screen.show(StatusChange(Status.COMPLETED, 1))
    text = out.getvalue()
    assert "one [bold] line" in text, "it is not markup"
    assert text.index("and a half") < text.index("completed")
    assert "page 3" in text
    assert "3/4" in text
