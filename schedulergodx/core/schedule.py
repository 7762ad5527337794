"""What clients and operators ask of schedules, and what they are told of them.

The id of a schedule is its uid, in hex digits or written as a ULID, or its name: of the one that
the asking client has under it, else of the newest that anybody has.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from msgspec import Struct

from schedulergodx.core.policy import Policy

LONGEST_NAME = 200  # characters


class ScheduleState(StrEnum):
    """Whether a schedule fires."""

    ACTIVE = "active"
    PAUSED = "paused"  # not for now: what it would have fired meanwhile counts as missed
    DISABLED = "disabled"  # not at all: it misses nothing, and begins anew when it is enabled
    DELETED = "deleted"  # only its history is left


class FireReason(StrEnum):
    """Why a schedule fired, or did not."""

    DUE = "due"  # its rule said so
    MISSED = "missed"  # for an instant that had passed while nobody could fire it
    BY_HAND = "by hand"
    BACKFILL = "backfill"
    STILL_RUNNING = "still running"  # passed by, since earlier runs had not ended
    PASSED_BY = "passed by"  # the newest of those that were missed and are not made up for


class ScheduleView(Struct, frozen=True):
    """A schedule, as people look at it.

    number: in its store
    task: whose jobs it makes
    made: instant
    version: of its rule, its policy and its job together, from 1 on
    next: the instant at which its rule is looked at next; None if only an event can change it
    last: the instant of its last fire, not counting runs by hand
    fires: how many there were, in the same way
    trouble: why its rule could not be told the last time; "" if it could
    """

    number: int
    uid: bytes
    name: str
    client: str
    task: str
    queue: str
    rule: str
    zone: str
    policy: Policy
    state: ScheduleState
    made: float
    version: int
    next: float | None = None
    last: float | None = None
    fires: int = 0
    trouble: str = ""


class ScheduleFilter(Struct, frozen=True, omit_defaults=True):
    """Which schedules to list: all fields that are set must hold. By their numbers.

    after: number of the last one of the page before
    """

    client: str | None = None
    name: str | None = None
    state: ScheduleState | None = None
    after: int = 0
    limit: int = 100


class FireView(Struct, frozen=True):
    """One fire of a schedule.

    instant: that it belongs to
    at: when it was made
    job: uid; None where it made none
    status: of that job; None where it made none, or that was removed
    """

    instant: float
    at: float
    why: FireReason
    job: bytes | None = None
    status: str | None = None


class ChangeView(Struct, frozen=True):
    """One change of a schedule: when, the client who made it, and what it was, in words."""

    at: float
    who: str
    what: str


class AskSchedule(Struct, frozen=True, tag="schedule"):
    """How a schedule stands; answered by a ScheduleView or None."""

    answer: ClassVar[object] = ScheduleView | None

    id: str


class AskSchedules(Struct, frozen=True, tag="schedules"):
    """Schedules by their numbers; answered by a list of ScheduleView."""

    answer: ClassVar[object] = list[ScheduleView]

    which: ScheduleFilter = ScheduleFilter()


class AskPutSchedule(Struct, frozen=True, tag="put_schedule"):
    """Make a schedule, or make the one that the client has under that name as this says.

    Answered by a ScheduleView. Where nothing differs, nothing is changed.

    rule: as `docs/schedules.md` says
    zone: an IANA name, as "Europe/Berlin"
    task: the body of a TASK with one job, whose uid and times do not count
    keep: leave a schedule of that name as it is
    """

    answer: ClassVar[object] = ScheduleView

    name: str
    rule: str
    zone: str
    task: bytes
    policy: Policy = Policy()
    keep: bool = False


class AskUpdateSchedule(Struct, frozen=True, tag="update_schedule"):
    """Change a schedule; None leaves a field as it is. Answered by a ScheduleView or None."""

    answer: ClassVar[object] = ScheduleView | None

    id: str
    rule: str | None = None
    zone: str | None = None
    policy: Policy | None = None
    task: bytes | None = None


class AskTurnSchedule(Struct, frozen=True, tag="turn_schedule"):
    """Pause, disable, delete or enable a schedule; answered by whether that was news."""

    answer: ClassVar[object] = bool

    id: str
    state: ScheduleState


class AskRunSchedule(Struct, frozen=True, tag="run_schedule"):
    """Make its job now, whatever its rule and its state say; answered by whether it is known.

    uid: of the new job
    arguments: in the place of those of the schedule, pickled (args, kwargs)
    units: by their hashes, those that these arguments need
    """

    answer: ClassVar[object] = bool

    id: str
    uid: bytes
    arguments: bytes | None = None
    units: dict[bytes, bytes] = {}


class AskNextFires(Struct, frozen=True, tag="next_fires"):
    """When it fires next, as far as only the clock decides; answered by a list of instants.

    after: None for now
    """

    answer: ClassVar[object] = list[float]

    id: str
    number: int = 10
    after: float | None = None


class AskFires(Struct, frozen=True, tag="fires"):
    """Fires of a schedule, newest first; answered by a list of FireView.

    before: instant of the last one of the page before
    """

    answer: ClassVar[object] = list[FireView]

    id: str
    before: float | None = None
    limit: int = 100


class AskScheduleChanges(Struct, frozen=True, tag="schedule_changes"):
    """The newest changes of a schedule, the oldest of these first; a list of ChangeView."""

    answer: ClassVar[object] = list[ChangeView]

    id: str
    limit: int = 100


class AskWhySchedule(Struct, frozen=True, tag="why_schedule"):
    """Why a schedule has not fired; answered by the fields of a `core.why.Why`, or None."""

    answer: ClassVar[object] = dict[str, object] | None

    id: str


class AskBackfill(Struct, frozen=True, tag="backfill"):
    """Make the jobs that a schedule would have made from `begin` to `end`, that excluded.

    Answered by how many jobs were made now, and from where to go on; None if that was all.
    """

    answer: ClassVar[object] = tuple[int, float | None]

    id: str
    begin: float
    end: float


class AskParams(Struct, frozen=True, tag="params"):
    """Change the parameters of the session; answered by all of them.

    change: new values by their names, as JSON can hold them
    remove: names
    """

    answer: ClassVar[object] = dict[str, Any]

    change: dict[str, Any] = {}
    remove: list[str] = []


AskAboutSchedule = (
    AskSchedule
    | AskParams
    | AskSchedules
    | AskPutSchedule
    | AskUpdateSchedule
    | AskTurnSchedule
    | AskRunSchedule
    | AskNextFires
    | AskFires
    | AskScheduleChanges
    | AskBackfill
    | AskWhySchedule
)
