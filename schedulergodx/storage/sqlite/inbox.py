"""What an inbox asks of a store: to keep clients, specs, units and new jobs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.dependents import Dependents
from schedulergodx.storage.sqlite.endings import code_of
from schedulergodx.storage.sqlite.session import pack
from schedulergodx.storage.states import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from schedulergodx.core.job import Spec
    from schedulergodx.storage.base import NewJob


class InboxVerbs(Dependents):
    """See `storage.base.Store`."""

    def client_id(self, name: str) -> int:
        """The number of a client; a new name gets one."""
        return self._clients.number(name)

    def client_name(self, number: int) -> str:
        """The client of that number."""
        return self._clients.key(number)

    def spec_id(self, spec: Spec) -> int:
        """The number of a spec; a new one gets one."""
        return self._specs.number(spec)

    def spec(self, number: int) -> Spec:
        """The spec of that number."""
        return self._specs.key(number)

    def add_units(self, units: Mapping[bytes, bytes]) -> None:
        """Keep units by their hashes; known ones are left alone."""
        new = self.missing_units(units)  # so that a known body is not handed to the database
        values = list(chain.from_iterable((key, units[key]) for key in units if key in new))
        self._connection.bulk_write(sql.ADD_UNITS, values)

    def missing_units(self, hashes: Collection[bytes]) -> set[bytes]:
        """Those of the hashes that are not kept."""
        known = self._connection.bulk_rows(sql.KNOWN_UNITS, list(hashes))
        return set(hashes).difference(key for (key,) in known)

    def units(self, hashes: Collection[bytes]) -> dict[bytes, bytes]:
        """The bodies of units."""
        return dict(self._connection.bulk_rows(sql.UNITS, list(hashes)))

    def add_jobs(self, jobs: Sequence[NewJob]) -> set[bytes]:
        """Store jobs; the answer is the uids that were there before, which are left alone."""
        new, known = self._new(jobs)
        self._insert(new)
        return known

    def _new(self, jobs: Sequence[NewJob]) -> tuple[Collection[NewJob], set[bytes]]:
        """The jobs that are not there yet, and the uids of the others."""
        known = self._known_uids([job.uid for job in jobs])
        new: dict[bytes, NewJob] = {}
        for job in jobs:
            if job.uid not in known:
                new.setdefault(job.uid, job)  # of twins the first
        return new.values(), known

    def _known_uids(self, uids: list[bytes]) -> set[bytes]:
        """Those that are there. What is newer than the newest can't be, and is not looked up."""
        newest = self._newest_uid
        older = [uid for uid in uids if uid <= newest]
        if len(older) < len(uids):
            self._newest_uid = max(uids)
        return {uid for (uid,) in self._connection.bulk_rows(sql.KNOWN_UIDS, older)}

    def _insert(self, jobs: Iterable[NewJob]) -> None:
        """Hot: one pass, since each job goes through it."""
        rows: list[Any] = []
        payloads: list[Any] = []
        abouts: list[Any] = []
        ended: list[tuple[int, NewJob]] = []
        seq = self._last_seq
        places: list[tuple[int, int]] = []
        grouped: list[tuple[int, int]] = []
        queue = execution = key = None
        lane = 0
        for job in jobs:
            seq += 1
            if job.queue != queue or job.execution is not execution or job.limit_key != key:
                queue, execution, key = job.queue, job.execution, job.limit_key
                lane = self._lane(queue, execution, key)
            status, outcome = NUMBERS[job.status], job.outcome
            finished = code = None
            if outcome is not None:
                finished, code = job.created, code_of(outcome)
                ended.append((seq, job))
            places.append((lane, status))
            if job.batch is not None:
                grouped.append((job.batch, status))
            rows += (seq, job.uid, job.label, job.client, job.reply, job.spec, lane, status)
            rows += (job.priority, job.created, job.due, job.deadline)
            rows += (None if job.deadline_code is None else int(job.deadline_code), finished, code)
            rows.append(job.batch)
            if outcome is None or job.arguments:  # without, there is nothing to run, or to requeue
                payloads += (seq, job.arguments, pack(job.units) if job.units else None)
            if job.about is not None:
                abouts += (seq, job.about.name, job.about.description)
        self._last_seq = seq
        self._counters.add_each(places)
        if grouped:
            self._batches.add_each(grouped)
        self._connection.bulk_write(sql.ADD_JOBS, rows)
        self._connection.bulk_write(sql.ADD_PAYLOADS, payloads)
        self._connection.bulk_write(sql.ADD_ABOUTS, abouts)
        if ended:
            self._add_ends(ended)

    def _add_ends(self, ended: Sequence[tuple[int, NewJob]]) -> None:
        """What jobs leave that end where they begin, by their seqs."""
        results = [value for seq, job in ended for value in (seq, pack(job.outcome))]
        self._connection.bulk_write(sql.ADD_RESULTS, results)
        self._connection.bulk_write(sql.ADD_LINES, [seq for seq, job in ended if job.reply])
        batches = {job.batch: job.created for _, job in ended if job.batch is not None}
        if batches:
            self._end_batches(batches, max(batches.values()))
