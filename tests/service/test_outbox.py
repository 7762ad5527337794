"""The outbox: what was told is forgotten, what was not is told again, whatever comes in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from schedulergodx.core.message import ResponsesBody
from schedulergodx.service.outbox import Outbox
from schedulergodx.storage.base import Told
from tests.service.stage import RETURNED, START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.core.job import Outcome
    from schedulergodx.core.message import Response
    from schedulergodx.service.tick import Reply
    from schedulergodx.storage.base import Store


class Shelf:
    """What an outbox needs of a store: the lines of what was not told."""

    def __init__(self) -> None:
        self.lines: dict[int, Told] = {}

    def sent(self, seqs: Sequence[int]) -> None:
        for seq in seqs:
            del self.lines[seq]

    def unsent(self, after: int, limit: int) -> list[Told]:
        return [told for seq, told in sorted(self.lines.items()) if seq > after][:limit]


class Sender:
    """An outbox with its shelf, and a broker that confirms when the test says so."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.sent: list[tuple[Reply, asyncio.Future[None]]] = []
        self.rung = asyncio.Event()
        self.outbox = Outbox(
            cast("Store", self.shelf), ready=lambda: True, send=self._send, ring=self.rung.set
        )

    def _send(self, reply: Reply) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.append((reply, future))
        return future

    def begin_round(self) -> list[Told]:
        """What a round does inside of its transaction; the answer is what it must tell."""
        self.outbox.write()
        return self.outbox.left_over()

    def end_round(self, told: Sequence[Told]) -> None:
        """What it does after its commit."""
        self.outbox.written()
        self.outbox.tell(told)

    def round(self, *told: Told) -> None:
        left = self.begin_round()
        self.shelf.lines |= {one.seq: one for one in told}
        self.end_round([*left, *told])

    async def confirm(self, which: int) -> None:
        self.sent[which][1].set_result(None)
        await asyncio.sleep(0)  # the callbacks of a future come in the next turn


def told(seq: int, outcome: Outcome = RETURNED) -> Told:
    return Told(seq, seq.to_bytes(16, "big"), None, "ann", "one", 1, START, START, outcome)


async def test_what_is_confirmed_is_forgotten() -> None:
    sender = Sender()
    sender.round(told(1))
    await sender.confirm(0)
    sender.round()
    assert not sender.shelf.lines
    assert sender.outbox.idle


async def test_to_forget_what_was_told_waits_for_a_round_that_has_another_cause() -> None:
    sender = Sender()
    sender.round(told(1))
    await sender.confirm(0)
    assert not sender.rung.is_set()
    sender.round(told(2))
    assert list(sender.shelf.lines) == [2]


async def test_when_nothing_else_comes_it_has_a_round_of_its_own() -> None:
    sender = Sender()
    sender.round(told(1))
    await sender.confirm(0)
    async with asyncio.timeout(10):
        await sender.rung.wait()
    sender.round()
    assert sender.outbox.idle


async def test_what_is_confirmed_while_others_wait_in_the_store_makes_room_at_once() -> None:
    sender = Sender()
    sender.round(told(1, replace(RETURNED, value=bytes(60 << 20))))
    sender.round(told(2, replace(RETURNED, value=bytes(60 << 20))))
    await sender.confirm(0)
    assert sender.rung.is_set()


async def test_what_is_confirmed_while_a_round_commits_is_forgotten_by_the_next() -> None:
    sender = Sender()
    sender.round(told(1))
    sender.round(told(2))
    await sender.confirm(0)
    sender.begin_round()
    await sender.confirm(1)  # the commit runs in a thread meanwhile
    sender.end_round([])
    assert list(sender.shelf.lines) == [2]
    assert not sender.outbox.idle
    sender.round()
    assert not sender.shelf.lines
    assert sender.outbox.idle


async def test_what_a_round_forgot_that_was_rolled_back_is_forgotten_by_the_next() -> None:
    sender = Sender()
    sender.round(told(1))
    await sender.confirm(0)
    sender.begin_round()
    sender.shelf.lines[1] = told(1)  # rolled back
    sender.round()
    assert not sender.shelf.lines


async def test_while_a_broker_is_away_outcomes_wait_in_the_store_and_not_in_memory() -> None:
    sender = Sender()
    large = replace(RETURNED, value=bytes(8 << 20))
    for seq in range(20):
        sender.round(told(seq, large))
    under_way = len(sender.sent)
    assert under_way < 20
    for which in range(20):  # the broker is back
        await sender.confirm(which)
        sender.round()
        sender.round()
    assert len(sender.sent) == 20
    assert not sender.shelf.lines


async def test_an_outcome_larger_than_all_that_may_be_under_way_is_told_alone() -> None:
    sender = Sender()
    sender.round(told(1, replace(RETURNED, value=bytes(100 << 20))))
    await sender.confirm(0)
    sender.round()
    assert not sender.shelf.lines


async def test_new_outcomes_do_not_overtake_those_that_wait_in_the_store() -> None:
    sender = Sender()
    large = replace(RETURNED, value=bytes(40 << 20))
    sender.round(told(1, large))
    sender.round(told(2, large))  # no room: it waits in the store
    for seq in range(3, 100):  # under load there is always one that is not confirmed yet
        sender.round(told(seq))
        if len(sender.sent) > 1:
            break
        if seq == 10:
            await sender.confirm(0)
    assert {body.uid[-1] for reply, _ in sender.sent[1:] for body in responses(reply)} >= {2, 3}


def responses(reply: Reply) -> list[Response]:
    body = reply.body
    assert isinstance(body, ResponsesBody)
    return list(body.responses)
