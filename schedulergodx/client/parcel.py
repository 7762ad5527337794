"""Jobs on their way to the broker, until it has confirmed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from schedulergodx.client.latch import Latch
from schedulergodx.core.envelope import ENVELOPE_BYTES, MessageType
from schedulergodx.core.message import JobItem, TaskBody
from schedulergodx.errors import BrokerClosed, LaunchUnconfirmed

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.template import Template

JOBS_PER_ENVELOPE = 500
_ITEM_OVERHEAD = 60  # bytes of a job beside its arguments, rounded up


class Parcel(Latch):
    """Jobs of one template that travel together. It opens when its fate is known.

    units: bodies by hashes, of those that the arguments need beyond the template's
    size: about how many bytes its envelope will have
    data: the sealed envelope, from when it is sealed until it is handed to the broker
    error: why it did not arrive, once it is open; None if it did
    """

    __slots__ = ("_count", "_joined", "data", "error", "items", "jobs", "size", "template", "units")

    def __init__(self, template: Template) -> None:
        super().__init__()
        self.template = template
        self.items: list[JobItem] = []
        self.jobs: list[BaseJob[Any]] = []
        self.units: dict[bytes, bytes] = {}
        self.size = template.size
        self.data = b""
        self.error: Exception | None = None
        self._count = 0
        self._joined: list[Parcel] = []

    def add(self, item: JobItem, job: BaseJob[Any], units: Mapping[bytes, bytes]) -> None:
        """Put a job in; `units` are those that its arguments need."""
        self.items.append(item)
        self.jobs.append(job)
        self.size += len(item.arguments) + _ITEM_OVERHEAD
        self._count += 1
        if units:
            self._add_units(units)

    def is_full(self, bound: int) -> bool:
        """Whether no other job is to be added."""
        return self._count >= bound or self.size >= ENVELOPE_BYTES

    def fits(self, other: Parcel) -> bool:
        """Whether the other one can be joined without going over the bounds."""
        return (
            self._count + other._count <= JOBS_PER_ENVELOPE
            and self.size + other.size - self.template.size <= ENVELOPE_BYTES
        )

    def join(self, other: Parcel) -> None:
        """Let another one of the same template travel with this one, and share its fate."""
        self._joined.append(other)
        self._count += other._count
        self.size += other.size - self.template.size

    @property
    def contents(self) -> tuple[list[JobItem], dict[bytes, bytes]]:
        """All that travels: the jobs, and the units that their arguments need."""
        if not self._joined:
            return self.items, self.units
        items, units = list(self.items), dict(self.units)
        for other in self._joined:
            items += other.items
            units |= other.units
        return items, units

    def task_body(self) -> TaskBody:
        """All that travels, as it stands in an envelope."""
        template = self.template
        items, more = self.contents
        units = {**template.units, **more} if more else dict(template.units)
        batch = None if template.batch is None else template.batch.ref
        return TaskBody(template.spec, units, items, template.queue, template.priority, batch=batch)

    def message(self) -> tuple[MessageType, object]:
        """What its envelope says."""
        return MessageType.TASK, self.task_body()

    def mark(self, uid: bytes) -> None:
        """Have the jobs remember the uid of their envelope: an ERROR names it."""
        for parcel in (self, *self._joined):
            for job in parcel.jobs:
                job._envelope = uid

    def settle(self, error: Exception | None = None) -> None:
        """It arrived, or it did not; then no outcome is to be waited for."""
        for parcel in (*self._joined, self):
            parcel.error = error
            parcel.open()
            if error is not None:
                parcel.lose()

    def lose(self) -> None:
        """Have whoever waits for an outcome of these jobs told that none will come."""
        for job in self.jobs:
            job.lose(self)
        if self.template.batch is not None and not self.may_have_arrived:
            self.template.batch.lose(self.jobs)

    @property
    def arrived(self) -> bool:
        """Whether the broker has confirmed it."""
        return self._opened and self.error is None

    @property
    def may_have_arrived(self) -> bool:
        """Whether nobody knows that it did not."""
        return self.error is None or isinstance(self.error, BrokerClosed | LaunchUnconfirmed)

    def again(self) -> Parcel:
        """The same jobs under the same uids, to be sent once more."""
        for job in self.jobs:
            job.hope()
        if self.template.batch is not None and not self.may_have_arrived:
            self.template.batch.regain(self.jobs)
        return self._anew()

    def _anew(self) -> Parcel:
        parcel = Parcel(self.template)
        for item, job in zip(self.items, self.jobs, strict=True):
            parcel.add(item, job, self.units)
        return parcel

    def _add_units(self, units: Mapping[bytes, bytes]) -> None:
        for key, body in units.items():
            if key not in self.units and key not in self.template.units:
                self.units[key] = body
                self.size += len(body)


def share(parcels: Iterable[Parcel]) -> list[Parcel]:
    """Those to be sent: the others were joined to one of their template, in their order."""
    sent: list[Parcel] = []
    latest: dict[int, Parcel] = {}
    for parcel in parcels:
        host = latest.get(id(parcel.template))
        if host is not None and not parcel.data and host.fits(parcel):
            host.join(parcel)
            continue
        sent.append(parcel)
        if not parcel.data:
            latest[id(parcel.template)] = parcel
    return sent
