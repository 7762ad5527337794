"""Jobs of several tasks on their way to the broker, of which all are stored or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schedulergodx.client.parcel import Parcel
from schedulergodx.core.envelope import LARGEST_BUNDLE_BYTES, MessageType
from schedulergodx.core.job import Parent
from schedulergodx.core.message import BatchRef, BundleBody, JobItem, TaskBody
from schedulergodx.errors import TooLarge
from schedulergodx.quantity import format_size

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.drafting import Drafted
    from schedulergodx.client.template import Template


class Bundle(Parcel):
    """A parcel that shares its envelope with no other one.

    queue: of the services that are asked; they serve the queues of all the jobs
    """

    __slots__ = ("body",)

    def __init__(self, body: BundleBody, jobs: Sequence[BaseJob[Any]], template: Template) -> None:
        super().__init__(template)
        self.body = body
        self.jobs = list(jobs)

    def message(self) -> tuple[MessageType, object]:
        """What its envelope says."""
        return MessageType.BUNDLE, self.body

    def fits(self, other: Parcel) -> bool:
        """Nothing travels with it."""
        return False

    def _anew(self) -> Bundle:
        return Bundle(self.body, self.jobs, self.template)


def bundle(
    drafted: Mapping[BaseJob[Any], Drafted],
    *,
    queue: str | None = None,
    batch: BatchRef | None = None,
    before: Mapping[bytes, tuple[Parent, ...]] | None = None,
) -> Bundle:
    """Jobs that were made by hand, as one envelope.

    queue: of the services that are asked; that of the first job if left out
    batch: that they join, and no others will; that of their options if left out
    before: see `BundleBody`; nobody is told the outcomes of the jobs then

    Raises: TooLarge
    """
    groups: dict[int, tuple[Template, list[JobItem], dict[bytes, bytes]]] = {}
    size = 0
    for template, item, units, _ in drafted.values():
        group = groups.get(id(template))
        if group is None:
            group = groups[id(template)] = (template, [], dict(template.units))
            size += template.size
        group[1].append(item)
        size += len(item.arguments) + _ITEM_OVERHEAD + _PARENT_BYTES * len(item.parents)
        if units:
            group[2].update(units)
            size += sum(map(len, units.values()))
    if size > LARGEST_BUNDLE_BYTES:
        raise TooLarge(
            f"{len(drafted)} jobs have {format_size(size)} together, and at most "
            f"{format_size(LARGEST_BUNDLE_BYTES)} travel as one: put the data where the workers "
            "can read it, or let a job launch the others"
        )
    tasks = [
        TaskBody(
            template.spec,
            units,
            items,
            template.queue,
            template.priority,
            reply=not before,
            batch=batch if template.batch is None else template.batch.ref,
        )
        for template, items, units in groups.values()
    ]
    first = next(iter(drafted.values())).template
    # A copy of its own: parcels of one template travel together.
    return Bundle(
        BundleBody(tasks, close=batch is not None, before=dict(before or {})),
        list(drafted),
        replace(first, queue=queue or first.queue),
    )


_ITEM_OVERHEAD = 60  # bytes of a job beside its arguments, rounded up
_PARENT_BYTES = 28
