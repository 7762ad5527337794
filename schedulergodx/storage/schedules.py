"""The part of the seam that is about schedules: rules that make jobs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from schedulergodx.core.conditions.base import Action, Happening
from schedulergodx.core.policy import Policy
from schedulergodx.core.schedule import FireReason, ScheduleState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from schedulergodx.core.schedule import ChangeView, FireView, ScheduleFilter, ScheduleView


Consumption = dict[tuple[Action, str], int]


class Plan(Struct, frozen=True):
    """What a schedule does: one version of it.

    rule: as text
    zone: an IANA name
    task: name of the task whose jobs it makes
    queue: where they go
    body: of a TASK with one job and without units, which are kept apart
    """

    rule: str
    zone: str
    policy: Policy
    task: str
    queue: str
    body: bytes


class Fired(Struct, frozen=True, array_like=True):
    """The last fire of a rule. instant: that it belongs to; at: when it was made"""

    instant: float
    at: float


class Schedule(Struct, frozen=True):
    """A schedule, as the one who fires it needs it.

    client: `Store.client_id` of its client
    since: when it was made, or began to count anew: its rule is another, or it was disabled
    next: the instant at which it is to be looked at
    last: its last fire, not counting runs by hand
    consumed: the number of the newest happening that its fires have used up, by action and task
    heard: the number of the newest happening before it listened, by task
    """

    number: int
    uid: bytes
    name: str
    client: int
    state: ScheduleState
    since: float
    version: int
    next: float | None
    last: Fired | None
    fires: int
    plan: Plan
    consumed: Consumption = {}
    heard: dict[str, int] = {}


class Fire(Struct, frozen=True):
    """A fire as it is stored. job: its uid; None where it makes none"""

    instant: float
    why: FireReason
    job: bytes | None = None


class ScheduleStore(Protocol):
    """A part of `base.Store`."""

    # -- what clients do with them ---------------------------------------------------------------

    def add_schedule(self, uid: bytes, client: int, name: str, plan: Plan, now: float) -> int:
        """A new schedule, active and without a next instant; the answer is its number.

        Raises: ValueError if the client has one of that name
        """

    def find_schedule(self, client: str | None, id: str) -> int | None:
        """The number of the schedule of that ULID or hex uid, or of that client and name.

        client: None for anybody's: of one name, the newest. What was deleted has only its uid.
        """

    def revise_schedule(self, number: int, plan: Plan, now: float, *, anew: bool) -> int:
        """Another version of it, whose number is the answer. anew: it begins to count anew"""

    def turn_schedule(
        self, number: int, state: ScheduleState, now: float, *, anew: bool = False
    ) -> None:
        """Another state, without a next instant. What was deleted listens to nothing."""

    def note_change(self, number: int, who: str, what: str, now: float) -> None:
        """A line for its history: the name of a client, and what it did, in words."""

    # -- what fires them -------------------------------------------------------------------------

    def schedule(self, number: int) -> Schedule:
        """The schedule of that number. Raises: KeyError"""

    def due_schedules(self, now: float, limit: int) -> list[int]:
        """Active ones whose next instant is over, the earliest first."""

    def next_change(self) -> float | None:
        """The earliest next instant of an active one."""

    def active_schedules(self, after: int, limit: int) -> list[int]:
        """Active ones by number, from the one after `after` on."""

    def plan_schedule(self, number: int, next: float | None, trouble: str = "") -> None:
        """When it is to be looked at next, and why its rule could not be told, if so."""

    def fire_schedule(self, number: int, fires: Sequence[Fire], now: float) -> None:
        """Note fires in its history; one of an instant that is there already is left out.

        The last one moves `last`, and all are counted that make a job, unless they were by hand or
        of a backfill.
        """

    def set_last(self, number: int, last: Fired, consumed: Consumption) -> None:
        """What its rule has to count from."""

    def set_back(self, number: int, now: float) -> None:
        """The clock was set back: nothing that it has done is later than now, and it is due."""

    def fired(self, number: int, instants: Collection[float]) -> set[float]:
        """Those instants that are in its history already."""

    def unfinished(self, number: int) -> list[bytes]:
        """The uids of its jobs that have not ended, the oldest first."""

    # -- what rules wait for ---------------------------------------------------------------------

    def listen(self, number: int, tasks: Collection[str]) -> None:
        """Have what happens to jobs of these tasks kept for it, and of no others.

        What it did not listen to before begins with what happens next.
        """

    def heard(self) -> set[int]:
        """Those that listen to what has happened since this was asked last.

        After a rollback, and at the start, it may name some to which nothing has.
        """

    def listeners(self, task: str) -> set[int]:
        """Those that listen to a task."""

    def latest(
        self, action: Action, task: str, nth: int = 1, before: float = math.inf
    ) -> Happening | None:
        """The newest happening of a task before an instant; the one before that for nth=2.

        Only those of a task that is listened to are kept.
        """

    def first_after(self, action: Action, task: str, number: int) -> Happening | None:
        """The oldest happening with a greater number."""

    def running_of(self, task: str) -> int:
        """How many jobs of a task run or could run."""

    # -- what people look at ---------------------------------------------------------------------

    def view_schedule(self, number: int) -> ScheduleView:
        """A schedule, as people look at it. Raises: KeyError"""

    def list_schedules(self, which: ScheduleFilter) -> list[ScheduleView]:
        """Schedules by number; deleted ones only if that is asked for."""

    def fires_of(self, number: int, before: float | None, limit: int) -> list[FireView]:
        """Its fires, the newest instant first."""

    def changes_of(self, number: int, limit: int) -> list[ChangeView]:
        """Its newest changes, the oldest of these first."""

    def sweep_schedules(self, before: float, limit: int) -> int:
        """Forget fires that were made before an instant, and what happened to tasks before it.

        Of each task the newest happenings stay, while somebody listens. A deleted schedule goes
        with its last fire. The answer is how many rows that were.
        """
