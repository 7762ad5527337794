"""`sgx demo`: jobs of many kinds, run by a service in a process of its own, without a broker."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from schedulergodx.cli import demo_tasks
from schedulergodx.cli.demo_service import DemoService
from schedulergodx.cli.versions import own_version
from schedulergodx.errors import SchedulerGodXError

if TYPE_CHECKING:
    from schedulergodx.cli.demo_tasks import Measure
    from schedulergodx.client import Client

_PATIENCE = 30.0  # seconds for each outcome
_DEFERRED_BY = timedelta(seconds=2)
_BULK = 10_000  # jobs at the most
_STOP_LIST = frozenset({"the", "and", "that", "for", "not", "are", "with", "from", "its", "has"})
_INDENT = " " * 20


@click.command()
def demo() -> None:
    """See jobs of many kinds run, in some seconds; needs no broker and leaves nothing behind."""
    from schedulergodx.client import Client

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with DemoService() as service:
        client = Client("demo", broker=service.broker, by_value=demo_tasks)
        try:
            Show(client, service.pid, find_root()).run()
        except SchedulerGodXError as error:
            text = f"{error}\nThe service said last:\n{service.last_words()}"
            raise click.ClickException(text) from error
        finally:
            client.close()


def find_root() -> Path:
    """The folder whose files the demo reads: of this checkout, or of the installed package."""
    package = Path(__file__).parent.parent
    return package.parent if (package.parent / "pyproject.toml").is_file() else package


class Show:
    """The acts of the demo.

    service: its process
    root: the folder whose files are read
    """

    def __init__(self, client: Client, service: int, root: Path) -> None:
        self._client = client
        self._service = service
        self._root = root
        self._console = Console(highlight=False, markup=False)

    def run(self) -> None:
        """All acts in their order. The deferred job is launched first; its time comes meanwhile."""
        self._console.print(
            f"schedulergodx {own_version()}: a client in process {os.getpid()}, a service in"
            f" process {self._service},\nand a folder between them in the place of a broker.\n"
        )
        due = datetime.now(UTC) + _DEFERRED_BY
        deferred = self._client.task(demo_tasks.tell_time).options(run_at=due).launch()
        self._closure()
        self._hard_job()
        self._cancelled_job()
        self._failing_job()
        self._bulk()
        self._deferred_job(deferred, due)
        self._what_now()

    def _closure(self) -> None:
        count_words = self._client.task(demo_tasks.make_word_counter(_STOP_LIST))
        text = _text_of(self._root)
        words = count_words.launch(text).result(_PATIENCE)
        frequent = ", ".join(f"{word} {number}" for word, number in words)
        self._tell("a closure", f"counted words, its stop list came with it: {frequent}")

    def _hard_job(self) -> None:
        task = self._client.task(hard=True)(demo_tasks.tell_process)
        process, leads, has_file = task.launch().result(_PATIENCE)
        own = "process and session" if leads else "process"
        module = "has" if has_file else "never saw"
        text = f"had a {own} of its own, {process}, which {module} the file of its function"
        self._tell("a hard job", text)

    def _cancelled_job(self) -> None:
        job = self._client.task(demo_tasks.tell_time).options(delay="1 h").launch()
        answer = job.cancel(force=False)
        self._tell("called off", f"due in an hour, cancel() said: {answer.value}")

    def _failing_job(self) -> None:
        job = self._client.task(demo_tasks.divide_lines).launch(1000, 0)
        error = job.exception(_PATIENCE)
        self._tell("a failure", f"{type(error).__name__}: {error}; over there it looked like this:")
        remote = str(getattr(error, "__cause__", None) or "").strip()
        for line in remote.splitlines():
            self._console.print(f"{_INDENT}{line}", style="dim", soft_wrap=True)

    def _bulk(self) -> None:
        definitions = list(demo_tasks.find_definitions(self._root))[:_BULK]
        begin = time.perf_counter()
        jobs = self._client.task(demo_tasks.measure).map(definitions)
        waiting = track(jobs, "  measuring       ", console=self._console, transient=True)
        measures = [job.result(_PATIENCE) for job in waiting]
        seconds = time.perf_counter() - begin
        workers = len({measure.worker for measure in measures})
        self._tell(
            "a bulk",
            f"{len(jobs)} jobs, one for each function and class here: {seconds:.2f} s"
            f" on {workers} workers. The most branched:",
        )
        self._print_measures(measures)

    def _deferred_job(self, job: Any, due: datetime) -> None:
        late = 1000 * (job.result(_PATIENCE) - due.timestamp())
        asked = _DEFERRED_BY.total_seconds()
        self._tell("a deferred job", f"due {asked:g} s after its launch, began {late:.1f} ms late")

    def _tell(self, kind: str, text: str) -> None:
        self._console.print(f"  {kind:17} {text}", soft_wrap=True)

    def _print_measures(self, measures: list[Measure]) -> None:
        table = Table("definition", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("lines", "branches", "names"):
            table.add_column(column, justify="right")
        for found in sorted(measures, key=lambda measure: -measure.branches)[:5]:
            numbers = (found.lines, found.branches, found.names)
            table.add_row(found.definition, *map(str, numbers))
        self._console.print(table)

    def _what_now(self) -> None:
        self._console.print(
            "\nWhat now:\n"
            "  sgx doctor             see whether RabbitMQ and all else is ready here\n"
            "  sgx service run        a service of your own; Ctrl+C ends it\n"
            "  sgx launch math:sqrt --args '[2]' --wait\n"
            "  README.md              the same in your own program"
        )


def _text_of(root: Path) -> str:
    readme = root / "README.md"
    paths = [readme] if readme.is_file() else sorted(root.glob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
