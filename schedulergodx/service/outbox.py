"""The outbox: every outcome is told to its client until the broker has confirmed and routed it.

A response queue is a shortcut: where it is gone, the client asks for what it missed on its return.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from schedulergodx.core.envelope import ENVELOPE_BYTES, MessageType
from schedulergodx.core.message import Response, ResponsesBody
from schedulergodx.errors import BrokerError, Unroutable
from schedulergodx.service.tick import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schedulergodx.storage.base import Store, Told

logger = logging.getLogger(__name__)

_TOGETHER = 200  # responses an envelope
_OVERHEAD = 200  # bytes of a response beside its value and its output
_AT_ONCE = 20_000  # outcomes under way; more wait in the store
_REST = 1.0  # seconds that what was told waits for a commit that something else needs
_BYTES_AT_ONCE = 64 << 20  # and of these so many bytes: a broker may be away for long


class Outbox:
    """Tells outcomes.

    ready: whether anything can be sent yet
    send: hands a reply to the broker or to a worker; its future is done when it was taken
    ring: wakes the service
    """

    def __init__(
        self,
        store: Store,
        *,
        ready: Callable[[], bool],
        send: Callable[[Reply], asyncio.Future[Any]],
        ring: Callable[[], None],
    ) -> None:
        self._store = store
        self._ready = ready
        self._send = send
        self._ring = ring
        self._under_way: dict[int, int] = {}  # bytes by seq
        self._bytes = 0  # of all that is under way
        self._settled: list[int] = []  # told, and still in the store
        self._written = 0  # how many of these the round that is being written forgets
        self._behind = True  # the store may hold some that are not under way
        self._reads = False  # whether this round tells of these
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether everything was told and that is written, as far as this process knows."""
        return not self._under_way and not self._settled and not self._behind

    @property
    def told(self) -> bool:
        """Whether everything was told, written or not."""
        return len(self._under_way) <= len(self._settled) and not self._behind

    def write(self) -> None:
        """Inside the tick: forget what was told, and look for what is left over."""
        self._written = len(self._settled)
        self._reads = False
        if self._settled:
            self._store.sent(self._settled)

    def written(self) -> None:
        """The tick was committed. What was told meanwhile is for the next one."""
        self._part_from(self._settled[: self._written])
        del self._settled[: self._written]

    def left_over(self) -> list[Told]:
        """What the store holds and nobody sends, when there is room for it."""
        if not self._behind or len(self._under_way) > self._written or not self._ready():
            return []
        left = self._store.unsent(0, _AT_ONCE // 4)
        self._behind = self._reads = bool(left)
        return left

    def tell(self, told: Sequence[Told]) -> None:
        """Send outcomes, after their commit."""
        if not told:
            return
        if not self._may_send(told):
            self._behind = True  # they wait in the store, behind those that wait there already
            return
        groups: dict[tuple[str, str], list[Told]] = defaultdict(list)
        for one in told:
            if one.seq not in self._under_way:
                self._under_way[one.seq] = size = _size(one)
                self._bytes += size
                groups[one.client, one.reply].append(one)
        for (client, instance), group in groups.items():
            if instance:
                self._send_group(client, instance, group)
            else:
                self._settle([one.seq for one in group])

    def _may_send(self, told: Sequence[Told]) -> bool:
        if self._behind:
            return self._reads
        if not self._under_way:
            return self._ready()
        return (
            len(self._under_way) + len(told) <= _AT_ONCE
            and self._bytes + sum(map(_size, told)) <= _BYTES_AT_ONCE
        )

    def _part_from(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            self._bytes -= self._under_way.pop(seq)

    def replies(self, told: Sequence[Told], client: str, instance: str) -> list[Reply]:
        """The envelopes that tell these outcomes to one process of a client."""
        return [self._reply(part, client, instance) for part in _parts(told)]

    def _send_group(self, client: str, instance: str, group: Sequence[Told]) -> None:
        for part in _parts(group):
            seqs = [one.seq for one in part]
            future = self._send(self._reply(part, client, instance))
            future.add_done_callback(partial(self._sent, seqs))

    def _sent(self, seqs: list[int], done: asyncio.Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or (
            isinstance(error, BrokerError) and not isinstance(error, Unroutable)
        ):
            logger.warning("%d outcomes were not told and stay in the store: %s", len(seqs), error)
            self._part_from(seqs)
            return
        self._settle(seqs)

    def _settle(self, seqs: list[int]) -> None:
        """To forget what was told is no reason for a commit, but where others wait for its room."""
        self._settled += seqs
        if self._behind:
            self._ring()
        elif self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_later(_REST, self._ring_late)

    def _ring_late(self) -> None:
        self._alarm = None
        if self._settled:
            self._ring()

    def _reply(self, told: Sequence[Told], client: str, instance: str) -> Reply:
        needed = {unit for one in told for unit in _units(one)}
        responses = [
            Response(
                one.uid,
                one.label,
                one.attempt,
                one.started,
                one.finished,
                one.outcome,
            )
            for one in told
        ]
        body = ResponsesBody(responses, self._store.units(needed) if needed else {})
        return Reply(client, instance, MessageType.RESPONSES, body)


def _units(told: Told) -> tuple[bytes, ...]:
    outcome = told.outcome
    return outcome.units + outcome.failure.units if outcome.failure else outcome.units


def _size(told: Told) -> int:
    """About how many bytes it takes in an envelope."""
    outcome, size = told.outcome, _OVERHEAD
    if outcome.failure is not None:
        size += len(outcome.failure.exception or b"") + len(outcome.failure.traceback)
    return size + len(outcome.value or b"") + len(outcome.output)


def _parts(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Slices that fit into an envelope."""
    part: list[Told] = []
    size = 0
    for one in told:
        weight = _size(one)
        if part and (len(part) >= _TOGETHER or size + weight > ENVELOPE_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += weight
    if part:
        yield part
