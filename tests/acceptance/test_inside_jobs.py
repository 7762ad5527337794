"""Jobs that launch jobs, and wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.deployment import Deployment

SOON = 30  # seconds, the deadline of what must happen


def test_a_job_launches_another(shared: Deployment) -> None:
    client = shared.client("launcher")

    @client.task
    def leaf(number: int) -> int:
        return number + 1

    @client.task
    def root(number: int) -> str:
        return leaf.launch(number).id

    id = root.launch(41).result(timeout=SOON)
    assert client.job(id).result(timeout=SOON) == 42


def test_recursion_that_waits_needs_no_more_workers_than_there_are(shared: Deployment) -> None:
    client = shared.client("recursion")

    @client.task
    def fib(n: int) -> int:
        if n < 2:
            return n
        low, high = fib.map([n - 2, n - 1])
        return low.result() + high.result()

    assert fib.launch(6).result(timeout=60) == 8


def test_a_hard_job_and_a_coroutine_launch_as_well(shared: Deployment) -> None:
    client = shared.client("kinds")

    @client.task
    def leaf(number: int) -> int:
        return number + 1

    @client.task(hard=True)
    def hard(number: int) -> int:
        return leaf.launch(number).result()

    @client.task
    async def gentle(number: int) -> int:
        return await leaf.launch(number)

    assert hard.launch(1).result(timeout=SOON) == 2
    assert gentle.launch(2).result(timeout=SOON) == 3


def test_an_error_of_an_inner_job_reaches_the_outer_one(shared: Deployment) -> None:
    client = shared.client("errors")

    @client.task
    def leaf() -> None:
        raise LookupError("deep inside")

    @client.task
    def root() -> None:
        leaf.launch().result()

    with pytest.raises(LookupError, match="deep inside"):
        root.launch().result(timeout=SOON)
