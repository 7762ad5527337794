"""What an inbox asks of a store for jobs that depend on others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from schedulergodx.core.dependency import is_fatal, is_met
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.storage.flows import Added
from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite.inbox import InboxVerbs
from schedulergodx.storage.sqlite.session import as_json
from schedulergodx.storage.states import ON_FAILURE, STATUSES
from schedulergodx.storage.verdicts import Cause, parent_failed, unknown_parent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from schedulergodx.core.job import Outcome, Parent
    from schedulergodx.storage.base import NewJob


class _Above(NamedTuple):
    """A job that others depend on, as they are stored."""

    seq: int
    client: int
    status: Status
    label: str | None
    spec: int
    children: int


@dataclass(slots=True)
class _Links:
    """Rows that say how jobs hang on their parents; the values of all stand in one list.

    waits: seq, for how many parents it waits, whether it wants the result of any
    edges: seqs of parent and child, what becomes of the child, whether it wants that result
    """

    waits: list[int] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)

    def add(self, seq: int, job: NewJob, above: Mapping[bytes, _Above]) -> None:
        """Note those of one job."""
        self.waits += (seq, *self.add_edges(seq, job.parents, above))

    def add_edges(
        self, seq: int, parents: Iterable[Parent], above: Mapping[bytes, _Above]
    ) -> tuple[int, int]:
        """Note parents of one job: for how many it waits, and whether it wants a result."""
        unmet = wanted = 0
        for parent in parents:
            found = above[parent.uid]
            unmet += not is_met(parent.on_failure, found.status)
            wanted |= parent.result
            self.edges += (found.seq, seq, ON_FAILURE[parent.on_failure], int(parent.result))
        return unmet, int(wanted)


class ChildVerbs(InboxVerbs):
    """See `storage.base.Store`."""

    def add_children(self, jobs: Sequence[NewJob]) -> Added:
        """Store jobs that depend on others, which are there or come before them in the sequence."""
        new, known = self._new(jobs)
        above = self._above({parent.uid for job in new for parent in job.parents})
        begun: list[NewJob] = []
        links = _Links()
        for seq, job in enumerate(new, self._last_seq + 1):
            becomes = self._begin(job, above)
            begun.append(becomes)
            if becomes.parents:
                links.add(seq, becomes, above)
            above[job.uid] = _Above(
                seq, job.client, becomes.status, job.label, job.spec, children=0
            )
        self._insert(begun)
        self._write(links, above)
        return Added(known, [job.uid for job in begun if job.outcome is not None])

    def add_parents(self, child: bytes, parents: Sequence[Parent]) -> bool:
        """Have a job that waits for others wait for further ones, which are there."""
        rows = self._connection.rows(sql.WAITING_CHILD, (child,))
        if not rows:
            return False
        seq = rows[0][0]
        had = {parent for parent, *_ in self._connection.rows(sql.EDGES_OF_CHILD, (seq,))}
        above = self._above({parent.uid for parent in parents})
        new = [parent for parent in parents if above[parent.uid].seq not in had]
        links = _Links()
        waits, wanted = links.add_edges(seq, new, above)
        self._connection.write(sql.WAIT_FOR_MORE, (waits, wanted, seq))
        self._write(links, above)
        return True

    def clients_of(self, uids: Collection[bytes]) -> dict[bytes, int]:
        """The numbers of the clients of jobs, of those that are there."""
        return dict(self._connection.bulk_rows(sql.CLIENTS, list(uids)))

    def _above(self, uids: set[bytes]) -> dict[bytes, _Above]:
        rows = self._connection.bulk_rows(sql.PARENTS, list(uids))
        return {
            uid: _Above(seq, client, STATUSES[status], label, spec, children)
            for uid, seq, client, status, label, spec, children in rows
        }

    def _begin(self, job: NewJob, above: Mapping[bytes, _Above]) -> NewJob:
        """The job as it begins, by how its parents stand."""
        if job.outcome is not None:
            return replace(job, parents=())
        distinct = {parent.uid: parent for parent in job.parents}  # of twins the last
        if len(distinct) < len(job.parents):
            job = replace(job, parents=tuple(distinct.values()))
        for parent in job.parents:
            found = above.get(parent.uid)
            if found is None or found.client != job.client:
                # Without arguments: if it could be requeued, it would run without its parent.
                return _ended(replace(job, parents=(), arguments=b""), unknown_parent(parent.uid))
        for parent in job.parents:
            if is_fatal(parent.on_failure, above[parent.uid].status):
                return _ended(job, parent_failed(self._cause_of(parent, above[parent.uid])))
        if all(is_met(parent.on_failure, above[parent.uid].status) for parent in job.parents):
            return job
        return replace(job, status=Status.BLOCKED)

    def _cause_of(self, parent: Parent, above: _Above) -> Cause:
        id = above.label or ulid(parent.uid)
        return Cause(id, self._specs.key(above.spec).name, above.status)

    def _write(self, links: _Links, above: Mapping[bytes, _Above]) -> None:
        self._connection.bulk_write(sql.SET_WAITS, links.waits)
        self._connection.bulk_write(sql.ADD_DEPENDENCIES, links.edges)
        parents = set(links.edges[::4])
        fresh = [one.seq for one in above.values() if one.seq in parents and not one.children]
        if fresh:
            self._connection.write(sql.SET_CHILDREN, (as_json(fresh),))
        for seq in fresh:
            self._claimed.pop(seq, None)  # one that runs was remembered without children


def _ended(job: NewJob, outcome: Outcome) -> NewJob:
    return replace(job, status=outcome.status, outcome=outcome)
