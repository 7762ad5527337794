"""`sgx demo`: jobs of many kinds, run by a service in a process of its own, without a broker."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from schedulergodx.cli import demo_tasks
from schedulergodx.cli.demo_service import DemoService
from schedulergodx.cli.versions import own_version
from schedulergodx.errors import SchedulerGodXError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schedulergodx.cli.demo_tasks import Measure
    from schedulergodx.client import Client, Job

R = TypeVar("R")

_PATIENCE = 30.0  # seconds for each outcome
_DEFERRED_BY = timedelta(seconds=2)
_BULK = 10_000  # jobs at the most
_NAPS, _NAP = 100, 0.04  # jobs, seconds of each
_STOP_LIST = frozenset({"the", "and", "that", "for", "not", "are", "with", "from", "its", "has"})
_INDENT = " " * 20


@click.command()
def demo() -> None:
    """See jobs of many kinds run, in some seconds.

    It needs no broker, and leaves nothing behind.
    """
    from schedulergodx.client import Client

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with DemoService() as service:
        client = Client("demo", broker=service.broker, by_value=demo_tasks)
        try:
            Show(client, service, find_root()).run()
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
    """The acts of the demo. Each says what is called, and what came of it.

    root: the folder whose files are read
    """

    def __init__(self, client: Client, service: DemoService, root: Path) -> None:
        from rich.console import Console  # late, as all of it: no other command draws so much

        self._client = client
        self._service = service
        self._root = root
        self._console = Console(highlight=False, markup=False, soft_wrap=True)

    def run(self) -> None:
        """All acts in their order. The deferred job is launched first; its time comes meanwhile."""
        self._console.print(
            f"schedulergodx {own_version()}: this client is process {os.getpid()}, its service is"
            f" process {self._service.pid}, and a folder\nbetween them stands in for RabbitMQ."
            " The service has no code of the client's: each job brings its own.\n"
        )
        due = datetime.now(UTC) + _DEFERRED_BY
        deferred = self._client.task(demo_tasks.tell_time).options(run_at=due).launch()
        self._closure()
        self._hard_job()
        self._cancelled_job()
        self._failing_job()
        self._bulk()
        self._deferred_job(deferred, due)
        self._crash()
        self._what_now()

    def _closure(self) -> None:
        self._call("a closure", "count_words.launch(text).result()")
        count_words = self._client.task(demo_tasks.make_word_counter(_STOP_LIST))
        text = _text_of(self._root)
        words = count_words.launch(text).result(_PATIENCE)
        frequent = ", ".join(f"{word} {number}" for word, number in words)
        self._tell(f"{frequent}; the words to leave out travelled inside of the function")

    def _hard_job(self) -> None:
        self._call("a hard job", "tell_process.options(hard=True).launch().result()")
        task = self._client.task(demo_tasks.tell_process).options(hard=True)
        process, leads, has_file = task.launch().result(_PATIENCE)
        own = "process and session" if leads else "process"
        module = "has" if has_file else "never saw"
        self._tell(f"it had a {own} of its own, {process}, which {module} the file of its function")

    def _cancelled_job(self) -> None:
        self._call("called off", 'tell_time.options(delay="1 h").launch().cancel()')
        job = self._client.task(demo_tasks.tell_time).options(delay="1 h").launch()
        self._tell(f"{job.cancel()}: it will not run")

    def _failing_job(self) -> None:
        self._call("a failure", "divide_lines.launch(1000, 0).result()")
        job = self._client.task(demo_tasks.divide_lines).launch(1000, 0)
        error = job.exception(_PATIENCE)
        self._tell(f"{type(error).__name__}: {error}, as it was raised in the worker:")
        remote = str(getattr(error, "__cause__", None) or "").strip()
        for line in remote.splitlines():
            self._console.print(f"{_INDENT}  {line}", style="dim")

    def _bulk(self) -> None:
        self._call("a bulk", "measure.map(definitions)")
        definitions = list(demo_tasks.find_definitions(self._root))[:_BULK]
        begin = time.perf_counter()
        jobs = self._client.task(demo_tasks.measure).map(definitions)
        measures = [job.result(_PATIENCE) for job in self._track(jobs)]
        seconds = time.perf_counter() - begin
        workers = len({measure.worker for measure in measures})
        self._tell(
            f"{len(jobs)} jobs, one for each function and class here, in {seconds:.2f} s"
            f" on {workers} workers; the most branched:"
        )
        self._print_measures(measures)

    def _deferred_job(self, job: Any, due: datetime) -> None:
        asked = _DEFERRED_BY.total_seconds()
        self._call("a deferred job", f"tell_time.options(run_at=in_{asked:g}_seconds).launch()")
        late = 1000 * (job.result(_PATIENCE) - due.timestamp())
        self._tell(f"it was launched before all others, and began {late:.1f} ms late")

    def _crash(self) -> None:
        self._call("a crash", f"nap.options(max_attempts=2).map([{_NAP}] * {_NAPS})")
        task = self._client.task(demo_tasks.nap).options(max_attempts=2)
        jobs = task.map([_NAP] * _NAPS)
        jobs[_NAPS // 10].result(_PATIENCE)
        away = self._service.crash()
        attempts = [job.result(_PATIENCE) for job in self._track(jobs)]
        again = sum(attempt > 1 for attempt in attempts)
        self._tell(
            "SIGKILL to the service in the midst of them, and a new one"
            f" {away:.1f} s later: {len(attempts)} of {len(jobs)} outcomes came;\n"
            f"{_INDENT}jobs that were running and ran again, as two attempts allow: {again}"
        )

    def _call(self, kind: str, call: str) -> None:
        self._console.print(f"  {kind:17} ", style="bold", end="")
        self._console.print(call, style="cyan")

    def _tell(self, text: str) -> None:
        self._console.print(f"{_INDENT}{text}")

    def _track(self, jobs: Sequence[Job[R]]) -> Iterable[Job[R]]:
        """A bar of how many have ended; it stays."""
        from rich.progress import track

        return track(jobs, _INDENT[1:], console=self._console)

    def _print_measures(self, measures: list[Measure]) -> None:
        from rich import box
        from rich.padding import Padding
        from rich.table import Table

        table = Table("definition", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("lines", "branches"):
            table.add_column(column, justify="right")
        for found in sorted(measures, key=lambda measure: -measure.branches)[:5]:
            table.add_row(found.definition, str(found.lines), str(found.branches))
        self._console.print(Padding(table, (0, 0, 0, len(_INDENT))))

    def _what_now(self) -> None:
        sgx = find_program()
        ways = {
            f"{sgx} doctor": "see whether RabbitMQ and all else is ready here",
            f"{sgx} service run": "a service of your own; Ctrl+C ends it",
            f"{sgx} launch math:sqrt --args '[2]' --wait": "a job for it",
            "README.md": "the same in your own program",
        }
        self._console.print("\nWhat now:")
        for way, what in ways.items():
            self._console.print(f"  {way:<{max(map(len, ways))}}  {what}")


def find_program() -> str:
    """How `sgx` is called from here."""
    if shutil.which("sgx"):
        return "sgx"
    program = Path(sys.executable).with_name("sgx")
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


def _text_of(root: Path) -> str:
    readme = root / "README.md"
    paths = [readme] if readme.is_file() else sorted(root.glob("*.py"))
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)
