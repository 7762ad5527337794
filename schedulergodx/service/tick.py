"""One round of the service: what came in, and what is done about it once that is on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.brokers.base import Delivery
    from schedulergodx.core.envelope import MessageType
    from schedulergodx.core.properties import Properties
    from schedulergodx.executors.base import Sent, Work
    from schedulergodx.storage.base import Claimed, Told


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that came in, from a broker (`delivery`) or from a running job (`sent`)."""

    body: bytes
    queue: str
    delivery: Delivery | None = None
    sent: Sent | None = None

    @property
    def properties(self) -> Properties | None:
        """Of a message that is no envelope."""
        return None if self.delivery is None else self.delivery.properties


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is sent once and never kept: who misses it asks again."""

    client: str
    instance: str
    type: MessageType
    body: object


@dataclass(frozen=True, slots=True)
class Dead:
    """An arrival that goes to the dead letters."""

    arrival: Arrival
    reason: str


@dataclass(slots=True)
class Tick:
    """What the stations of one round want to be done after its commit.

    now: the instant that the whole round is for
    """

    now: float
    taken: list[Arrival] = field(default_factory=list)  # acknowledge: they are on disk
    dead: list[Dead] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    stops: list[Callable[[], None]] = field(default_factory=list)  # of attempts called off
    released: list[Claimed] = field(default_factory=list)  # they gave their places back
    later: list[Callable[[], None]] = field(default_factory=list)  # what a station remembers of it

    def absorb(self, part: Tick) -> None:
        """Add what a part of this round wants."""
        self.taken += part.taken
        self.dead += part.dead
        self.replies += part.replies
        self.told += part.told
        self.works += part.works
        self.stops += part.stops
        self.released += part.released
        self.later += part.later
