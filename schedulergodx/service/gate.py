"""The gate: drafted jobs are stored, each after those that it depends on.

One whose key another job has is joined to that, is refused, or takes its place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from schedulergodx.core.envelope import MessageType
from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.core.message import Info
from schedulergodx.core.unique import Verdict, judge, refused, removed, replaced
from schedulergodx.service.tick import Reply
from schedulergodx.storage.holding import Holder, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.core.envelope import Header
    from schedulergodx.core.job import Outcome
    from schedulergodx.service.tick import Tick
    from schedulergodx.storage.base import NewJob, Store

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Admission:
    """What the gate made of the jobs of an envelope.

    jobs: to be stored, in their order
    places: in that, of jobs with a key, by their uids
    keys: by the uids of their jobs
    joined: the uid of a job, and that of the one that it is joined to
    ids: how people call the job that another one, by its uid, is joined to
    """

    jobs: list[NewJob]
    places: dict[bytes, int] = field(default_factory=dict)
    keys: dict[bytes, Key] = field(default_factory=dict)
    joined: list[tuple[bytes, bytes]] = field(default_factory=list)
    ids: dict[bytes, str] = field(default_factory=dict)


class Gate:
    """Lets jobs in by their keys.

    name: of the service
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name

    def keep(self, jobs: list[NewJob], header: Header, tick: Tick) -> set[bytes]:
        """Store jobs, those that depend on others after the rest, and tell what ended here.

        The answer is the uids that were here before.
        """
        admission = self.admit(jobs, tick)
        children = [job for job in admission.jobs if job.parents]
        rest = [job for job in admission.jobs if not job.parents]
        known = self.add(rest, tick)
        if children:
            added = self._store.add_children(children)
            known |= added.known
            tick.told += self._store.outcomes(added.ended)
        self.close(admission, header, tick)
        return known

    def add(self, jobs: Sequence[NewJob], tick: Tick) -> set[bytes]:
        """Store jobs that depend on none; the answer is the uids that were here before."""
        known = self._store.add_jobs(jobs)
        if known:
            logger.info("%d jobs were here before", len(known))
        ended = [job.uid for job in jobs if job.outcome is not None and job.uid not in known]
        if ended:
            tick.told += self._store.outcomes(ended)
        return known

    def admit(self, jobs: list[NewJob], tick: Tick) -> Admission:
        """Judge the jobs of an envelope before they are stored."""
        keyed = [job for job in jobs if job.unique is not None and job.outcome is None]
        if not keyed:
            return Admission(jobs)
        admission = Admission([])
        known = self._store.known([job.uid for job in keyed])
        holders = self._store.holders({job.unique.key for job in keyed if job.unique})
        for job in jobs:
            if job.unique is None or job.outcome is not None or job.uid in known:
                admission.jobs.append(job)  # one that came before does not meet itself
            else:
                known.add(job.uid)
                admission.jobs.append(self._admit_one(job, holders, admission, tick))
        return admission

    def close(self, admission: Admission, header: Header, tick: Tick) -> None:
        """Note the keys of jobs that are stored by now, and tell who was joined."""
        if admission.keys:
            self._store.hold(list(admission.keys.values()))
        if admission.joined:
            self._store.join(admission.joined)
        if admission.ids:
            info = Info(header.uid, self._name, joined=admission.ids)
            tick.replies.append(Reply(header.client, header.instance, MessageType.INFO, info))

    def _admit_one(
        self, job: NewJob, holders: dict[bytes, Holder], admission: Admission, tick: Tick
    ) -> NewJob:
        unique = job.unique
        assert unique is not None
        holder = holders.get(unique.key)
        verdict = Verdict.FREE
        if holder is not None:
            verdict = judge(unique, holder.status, holder.until, tick.now)
            job = self._settle(job, holder, verdict, admission, tick)
        holds = verdict in (Verdict.FREE, Verdict.REPLACE)
        until = None if unique.seconds is None else tick.now + unique.seconds
        admission.places[job.uid] = len(admission.jobs)
        admission.keys[job.uid] = Key(job.uid, unique.key, until, unique.states, holds)
        if holds:
            holders[unique.key] = Holder(job.uid, job.label, job.status, until)
        return job

    def _settle(
        self, job: NewJob, holder: Holder, verdict: Verdict, admission: Admission, tick: Tick
    ) -> NewJob:
        """What is stored of a job that is not the first with its key.

        One that will not run depends on nothing.
        """
        if verdict is Verdict.REFUSE:
            outcome = removed() if holder.uid is None else refused(_id(holder))
            return replace(job, status=Status.FAILED, outcome=outcome, parents=())
        if verdict is Verdict.JOIN and holder.uid is not None:
            admission.joined.append((job.uid, holder.uid))
            if job.reply:
                admission.ids[job.uid] = _id(holder)
            return replace(job, status=Status.BLOCKED, deadline=None, parents=())
        if verdict is Verdict.REPLACE and holder.uid is not None:
            self._replace(holder.uid, replaced(job.label or ulid(job.uid)), admission, tick)
        return job

    def _replace(self, uid: bytes, outcome: Outcome, admission: Admission, tick: Tick) -> None:
        """Cancel the job that had the key: it is stored, or is to be with the same envelope."""
        key = admission.keys.get(uid)
        if key is None:
            tick.told += self._store.replace(uid, outcome, tick.now)
            return
        admission.keys[uid] = replace(key, holds=False)
        place = admission.places[uid]
        admission.jobs[place] = replace(
            admission.jobs[place], status=outcome.status, outcome=outcome, parents=()
        )


def _id(holder: Holder) -> str:
    assert holder.uid is not None
    return holder.label or ulid(holder.uid)
