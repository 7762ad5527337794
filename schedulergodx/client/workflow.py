"""Jobs that depend on each other, and are submitted together."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from graphlib import CycleError
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from schedulergodx.client.base_job import BaseJob
from schedulergodx.client.dependency import Dependency, read_dependencies
from schedulergodx.client.draft import new_uid
from schedulergodx.client.requests import batch_name
from schedulergodx.core.dependency import in_order
from schedulergodx.core.message import BatchRef
from schedulergodx.errors import ConfigError, NotSubmitted

if TYPE_CHECKING:
    from schedulergodx.client.async_client import AsyncClient
    from schedulergodx.client.base_batch import BaseBatch
    from schedulergodx.client.client import Client
    from schedulergodx.client.drafting import Drafted

J = TypeVar("J", bound=BaseJob[Any])

_MOST_NAMED = 10  # jobs of a circle that an error names


class TakesWorkflows(Protocol):
    """A queue that hands workflows to the client behind it."""

    def _submit_workflow(self, workflow: Workflow) -> list[str]: ...


class Workflow:
    """Jobs that were made by hand, or are steps of tasks, and what each of them waits for.

    All of them are stored in one transaction, or none. They are a batch of the workflow's name.

    name: 1 to 200 characters; a client has one workflow of a name under way
    jobs: in the order in which they were added

    Raises: ConfigError
    """

    def __init__(self, name: str) -> None:
        self.name = batch_name(name)
        self.jobs: list[BaseJob[Any]] = []
        self.ref = BatchRef(new_uid(), self.name, workflow=True)
        self._known: set[bytes] = set()
        self._batch: BaseBatch | None = None

    def add_job(self, job: J, depends_on: Iterable[BaseJob[Any] | Dependency | str] = ()) -> J:
        """Add a job, which runs after those of `depends_on`, beside those it depends on already.

        Where one of them does not complete, the job is cancelled, unless a `Dependency` says more.

        depends_on: jobs of this workflow, or any others of the client; these also by their ids

        Raises: ConfigError for a job that was launched, or that is here already
        """
        if not isinstance(job, BaseJob):
            raise ConfigError(f"a workflow is made of jobs, and not of {job!r:.100}")
        if job._draft is None:
            raise ConfigError(f"job {job.id} was launched already: make it by hand, or as a step")
        if job.uid in self._known:
            raise ConfigError(f"job {job.id} is in workflow {self.name!r} already")
        job._draft.dependencies.extend(read_dependencies(depends_on or ()))
        self._known.add(job.uid)
        self.jobs.append(job)
        return job

    def add(self, *jobs: BaseJob[Any]) -> None:
        """Add jobs that say themselves what they wait for, as steps do.

        Steps whose values they need come along. Raises: as `add_job`
        """
        for job in jobs:
            self.add_job(job)

    @overload
    def submit_all(self, client: Client | TakesWorkflows) -> list[str]: ...

    @overload
    def submit_all(self, client: AsyncClient) -> Coroutine[Any, Any, list[str]]: ...

    def submit_all(self, client: Any) -> Any:
        """Ask for all jobs at once; their ids, in the order in which they were added.

        With an `AsyncClient` it is awaited. It returns when the broker has confirmed them;
        submitted again, they are the same jobs.

        client: or a `JobQueue`

        Raises: BatchExists while another workflow of its name is under way; where no service
            answers in time, the jobs say so later. ConfigError for an empty one, and for jobs that
            wait for each other in a circle, which it names; UnknownJob for a dependency that no
            service knows or that is another client's; ShipError, TooLarge, and what `launch` raises
        """
        return client._submit_workflow(self)

    @property
    def batch(self) -> Any:
        """All its jobs, as a `Batch` or an `AsyncBatch`, to wait for, to watch and to cancel.

        `batch.requeue()` goes on with a workflow that failed: what did not complete runs again,
        each job after those that it depends on. Another process has it by `client.attach(name)`.

        Raises: NotSubmitted
        """
        if self._batch is None:
            raise NotSubmitted(
                f"workflow {self.name!r} is not submitted: submit_all(client) does it"
            )
        return self._batch

    def _submit(self, batch: BaseBatch) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return len(self.jobs)

    def __repr__(self) -> str:
        return f"<Workflow {self.name}: {len(self.jobs)} jobs>"


def check_circle(drafted: Mapping[BaseJob[Any], Drafted]) -> None:
    """Raise ConfigError if jobs wait for each other."""
    jobs = {job.uid: job for job in drafted}
    parents = {job.uid: [parent.uid for parent in one.item.parents] for job, one in drafted.items()}
    try:
        in_order(parents)
    except CycleError as error:
        circle = [f"{jobs[uid].name} ({jobs[uid].id})" for uid in error.args[1]]
        if len(circle) > _MOST_NAMED:
            circle[_MOST_NAMED - 1 : -1] = ["..."]
        raise ConfigError(
            f"jobs wait for each other in a circle, so none could run: {' <- '.join(circle)}"
        ) from None
