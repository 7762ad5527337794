"""A latch opens once, for threads and loops alike, and loses nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from schedulergodx.client.latch import Latch

SOON = 10  # seconds, the deadline of what must happen


def test_an_open_latch_holds_nobody() -> None:
    latch = Latch()
    assert not latch.is_open
    latch.open()
    latch.open()
    assert latch.is_open
    assert latch.wait()
    assert latch.wait(0)
    assert asyncio.run(latch.wait_async())


def test_a_wait_ends_with_its_time() -> None:
    latch = Latch()
    begin = time.monotonic()
    assert not latch.wait(0.01)
    assert not latch.wait(0)
    assert not latch.wait(-1)
    assert not asyncio.run(latch.wait_async(0.01))
    assert time.monotonic() - begin < SOON
    assert latch._wakers == []


def test_all_who_wait_go_on() -> None:
    latch = Latch()
    begun = threading.Barrier(9)

    def wait() -> bool:
        begun.wait(SOON)
        return latch.wait(SOON)

    def wait_on_a_loop() -> bool:
        begun.wait(SOON)
        return asyncio.run(latch.wait_async(SOON))

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(wait) for _ in range(4)]
        waiting += [pool.submit(wait_on_a_loop) for _ in range(4)]
        begun.wait(SOON)
        latch.open()
        assert all(one.result(SOON) for one in waiting)


def test_an_open_that_races_with_a_wait_loses_nobody() -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(500):
            latch = Latch()
            waiting = pool.submit(latch.wait, SOON)
            pool.submit(latch.open)
            assert waiting.result(SOON)


async def test_a_latch_is_opened_on_the_loop_that_waits() -> None:
    latch = Latch()
    waiting = [asyncio.create_task(latch.wait_async(SOON)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    latch.open()
    assert await asyncio.gather(*waiting) == [True, True]


def test_a_loop_that_is_gone_harms_nobody() -> None:
    latch = Latch()

    async def give_up() -> None:
        task = asyncio.ensure_future(latch.wait_async())
        await asyncio.sleep(0)
        del task

    asyncio.run(give_up())
    latch.open()
    assert latch.is_open
