"""A terminal on which a job is followed."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from schedulergodx.cli.event import event_words, output_text
from schedulergodx.core.follow import Event, Output, StatusChange
from schedulergodx.core.view import Progress


class Screen:
    """Output with a bar below it, once there is progress."""

    def __init__(self) -> None:
        self._console = console = Console(highlight=False, markup=False)
        self._line = ""  # that is not at its end yet
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
        )
        self._task = self._bar.add_task("", visible=False, total=None)

    def __enter__(self) -> Screen:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Print an event, or move the bar."""
        match event:
            case Output():
                text, newline, self._line = (self._line + output_text(event)).rpartition("\n")
                if newline:
                    self._print(text)
            case Progress(done, total, note):
                self._bar.update(
                    self._task,
                    completed=done or 0,
                    total=total,
                    description=note,
                    visible=done is not None,
                )
            case StatusChange():
                self._end_line()
                self._print(event_words(event))

    def _end_line(self) -> None:
        if self._line:
            self._print(self._line)
            self._line = ""

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)
