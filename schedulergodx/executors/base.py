"""The seam between a service and what runs jobs.

An executor lives on the service's loop. It offers places, is given jobs for them, and reports what
became of each: every job that was given comes back exactly once, as `Ended` or as `Returned`.
It opens nothing that came from outside: pickles are for the workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from schedulergodx.core.results import ParentResult

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from schedulergodx.core.job import Execution, Outcome, Spec


class Work(Struct, frozen=True):
    """One attempt to run.

    seq, attempt: the key of it; reports name them
    uid, label: what people call the job: its label, or its uid as a ULID
    client: name of its client; what the job launches is launched in that name
    worker: the place it was claimed for
    units: hashes of the units that its arguments need, its function's not among them
    results: of the jobs that it depends on, where it wants them
    """

    seq: int
    attempt: int
    uid: bytes
    label: str | None
    client: str
    worker: int
    spec: Spec
    arguments: bytes
    units: tuple[bytes, ...]
    results: tuple[ParentResult, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all that it is called with."""
        size = len(self.arguments)
        if self.results:
            size += sum(len(result.value or b"") for result in self.results)
        return size


class Ended(Struct, frozen=True):
    """An attempt that began and is over.

    outcome: completed, failed, timeout or cancelled
    final: True where another attempt is not to be made whatever the retry rule says: given up on,
        not serialisable, can't be opened, cancelled
    units: bodies of units that the value or the exception needs and the worker had not sent before
    started, finished: instants
    """

    seq: int
    attempt: int
    outcome: Outcome
    final: bool
    started: float | None
    finished: float
    units: Mapping[bytes, bytes] = {}


class Returned(Struct, frozen=True):
    """A job that did not begin and will not: it may be claimed again at no cost."""

    seq: int
    attempt: int


class Sent(Struct, frozen=True):
    """An envelope that a running job sends, as `launch()` inside a job does.

    token: for `Executor.accept`, which lets the job go on
    """

    worker: int
    token: int
    address: str
    body: bytes


class Free(Struct, frozen=True):
    """There are places that no end of a job announced: a job began to wait for another one.

    seq, attempt: of no job
    """

    seq: int = 0
    attempt: int = 0


class Progressed(Struct, frozen=True):
    """How far a running job is, by its own word; None and "" leave what it said before."""

    seq: int
    attempt: int
    done: float | None
    total: float | None
    note: str


class Kept(Struct, frozen=True):
    """A checkpoint of a running job, which waits for `Executor.accept`.

    token: for that
    units: hashes of the units that the value needs
    bodies: those of them that this attempt has not sent before
    """

    worker: int
    token: int
    seq: int
    attempt: int
    value: bytes
    units: tuple[bytes, ...]
    bodies: Mapping[bytes, bytes]


class Recalled(Struct, frozen=True):
    """A running job wants its newest checkpoint, and waits for `Executor.remind`."""

    worker: int
    token: int
    seq: int
    attempt: int


class Printed(Struct, frozen=True):
    """Output of a job that is followed. start: of it, in bytes of all that the attempt printed"""

    seq: int
    attempt: int
    start: int
    data: bytes


Remark = Progressed | Kept | Recalled | Printed
Report = Ended | Returned | Sent | Free | Remark


class Marks(Protocol):
    """What the workers of a service that is gone had begun."""

    def began(self, worker: int, seq: int, attempt: int) -> bool:
        """Whether user code may have run: it was marked, or the marks can't tell."""

    def ended(self, worker: int) -> Iterable[Ended]:
        """What had ended there and may not have been written. It is that worker's word only: who
        asks must see that the jobs are its own."""


class Executor(Protocol):
    """Runs jobs and reports on them."""

    async def recover(self) -> Marks:
        """Wait until nothing of the service before is alive, ending what is; read its marks."""

    async def start(
        self,
        report: Callable[[Report], None],
        units: Callable[[Collection[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        """Begin to offer places. The marks of the service before are removed.

        report: called on the loop; it only gathers
        units: bodies of units by their hashes; called from `run`
        """

    async def stop(self, grace: float) -> None:
        """Take no more, return what has not begun, wait `grace` seconds, then end what runs.

        What was ended is reported as lost before this returns.
        """

    def names(self) -> Collection[str]:
        """Of the functions that are registered, which jobs may call; valid once it has started."""

    def places(self, execution: Execution) -> Sequence[int]:
        """A worker number for each job that could be given now; the same one several times.

        First come those where a job begins at once, as many as `prompt` says.
        """

    def prompt(self, execution: Execution) -> int:
        """How many of the first places begin a job at once; at others it waits for a short one."""

    def run(self, jobs: Sequence[Work]) -> None:
        """Start jobs, each at the place it was claimed for."""

    def cancel(self, seq: int, attempt: int, *, force: bool) -> None:
        """Call off one. Not begun: it ends as cancelled. Begun: `async def` is cancelled, others
        see it in `current_job().cancelled`; with `force` the process is ended with the job."""

    def accept(self, sent: Sent | Kept, error: str | None) -> None:
        """What a job sent is on disk, or was refused for this reason."""

    def remind(
        self,
        recalled: Recalled,
        value: bytes | None,
        units: tuple[bytes, ...],
        bodies: Mapping[bytes, bytes],
    ) -> None:
        """The checkpoint that a job asked for; None if there is none."""

    def follow(self, seq: int, attempt: int, wanted: bool) -> None:
        """Report what a job prints, from its beginning on, some times a second; or no more.

        It may be one that is about to be given to `run`.
        """

    def deliver(self, worker: int, body: bytes) -> bool:
        """Hand a response to a job that waits for one. False if that worker is gone."""
