"""What a store knows of what holds jobs back: keys, limits, rates, queues that are paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from schedulergodx.core.job import LimitRule, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from schedulergodx.core.job import Outcome
    from schedulergodx.core.limit import Rate
    from schedulergodx.storage.base import Told


class Key(Struct, frozen=True):
    """The key of a job.

    uid: of the job
    until: instant until which it is held; None as long as its job is in one of the states
    states: in which another job with that key keeps this one from running again
    holds: whether this job has it from now on
    """

    uid: bytes
    key: bytes
    until: float | None
    states: tuple[Status, ...]
    holds: bool


class Holder(Struct, frozen=True):
    """The job that has a key, or had it last; uid and status are None if that was removed."""

    uid: bytes | None
    label: str | None
    status: Status | None
    until: float | None


class HeldBack(Struct, frozen=True):
    """What keeps a job from starting, beside its time, its parents and its queue.

    joined: uid of the job that it is joined to
    for_batch: whether it waits for the end of a batch
    rule, key: the limit that it shares
    running: how many jobs run that share it
    holders: uids of the oldest of these
    opens: from when on another one may start by the rate of that limit
    """

    joined: bytes | None = None
    for_batch: bool = False
    rule: LimitRule | None = None
    key: str = ""
    running: int = 0
    holders: tuple[bytes, ...] = ()
    opens: float | None = None


class HoldingStore(Protocol):
    """The part of a `Store` that holds jobs back."""

    # -- keys ------------------------------------------------------------------------------------

    def known(self, uids: Sequence[bytes]) -> set[bytes]:
        """Those that are there."""

    def holders(self, keys: Collection[bytes]) -> dict[bytes, Holder]:
        """Who holds a key, or held it last."""

    def hold(self, keys: Sequence[Key]) -> None:
        """Give jobs that were stored their keys, and take them from who held them."""

    def join(self, joined: Sequence[tuple[bytes, bytes]]) -> None:
        """Note of blocked jobs to which other one each is joined: (uid, uid of that one)."""

    def end_joined(self, now: float, limit: int) -> list[Told]:
        """blocked -> as the job ended that they are joined to; at most so many."""

    def replace(self, uid: bytes, outcome: Outcome, now: float) -> list[Told]:
        """scheduled, blocked, pending -> as the outcome says. One that runs is left alone."""

    # -- limits, rates, pauses --------------------------------------------------------------------

    def set_limit(self, rule: LimitRule) -> None:
        """From now on a limit is this, for all that shares it. One without numbers is no news."""

    def allowance(self, key: str, rate: Rate, now: float) -> int:
        """How many more may start of what shares a rate; `next_start` says when, if it is none.

        key: as `core.limit.key_of_queue` says
        """

    def opens(self, key: str, rate: Rate) -> float:
        """From when on another one may start of what shares a rate."""

    def held_back(self, uid: bytes) -> HeldBack:
        """What keeps a job from starting; nothing, if it is unknown. Names at most 10 holders."""

    def spend(self, key: str, rate: Rate, starts: int, now: float) -> None:
        """So many of them start now."""

    def release_rates(self, now: float) -> None:
        """What a rate held back may start, if its time has come."""

    def next_start(self) -> float | None:
        """When a rate lets another job start that waits for it."""

    def pause(self, queue: str, now: float) -> None:
        """Note that nothing of a queue is to be claimed; the first time counts."""

    def resume(self, queue: str) -> None:
        """Forget that."""

    def paused(self) -> Mapping[str, float]:
        """The queues of which nothing is to be claimed, and since when; from memory."""
