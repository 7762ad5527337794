"""What a workload is: jobs that are sent in one way, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.contestant import Offer
from benchmarks.registry import Entry, Group
from benchmarks.stage import Figures, Stage


class Length(StrEnum):
    """How long a run is."""

    QUICK = "quick"
    USUAL = "usual"
    LONG = "long"


class Peers(StrEnum):
    """Which peers a workload is for."""

    NONE = "none"
    ONE_EACH = "one each"  # in their first setting
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of a table.

    form: a format specification
    detail: left out where there is little room
    """

    key: str
    heading: str
    form: str = ",.0f"
    detail: bool = False


CPU = Column("cpu", "CPU µs a job")
CPU_ROLES = (
    Column("cpu_client", "client", detail=True),
    Column("cpu_service", "service", detail=True),
    Column("cpu_workers", "workers", detail=True),
    Column("cpu_broker", "broker", detail=True),
)
MEMORY = (
    Column("mb_client", "MB client", detail=True),
    Column("mb_service", "service", detail=True),
    Column("mb_workers", "workers", detail=True),
    Column("mb_broker", "broker", detail=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One way of use.

    label: its number among the goals
    sizes: how many jobs, by the length of the run; one that has no size for it is left out
    needs: what a contestant must offer
    takes: the settings of the product and of the yardstick that it is for
    peers: which of theirs
    best: the column by which the better of two runs is told, and whether more is better
    timeout: seconds for one trial
    slow_disk: whether all processes of it have a usual disk
    """

    name: str
    label: str
    title: str
    sizes: dict[Length, int]
    columns: Sequence[Column]
    measure: Callable[[Stage, int], Figures]
    best: tuple[str, bool]
    takes: Sequence[str]
    peers: Peers = Peers.NONE
    needs: frozenset[Offer] = frozenset()
    timeout: float = 300.0
    slow_disk: bool = False

    def size(self, length: Length) -> int:
        """How many jobs; 0 if it is no part of such a run."""
        return self.sizes.get(length, 0)

    def wants(self, entry: Entry) -> bool:
        """Whether a setting takes part; what it must offer is looked at when it is loaded."""
        if entry.group is not Group.PEER:
            return entry.name in self.takes
        return self.peers is Peers.ALL or (self.peers is Peers.ONE_EACH and entry.is_main)
