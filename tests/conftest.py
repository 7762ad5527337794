"""Fixtures for every test: RabbitMQ nodes of our own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from schedulergodx.core.names import Names
from tests.rabbitmq_node import Node, find_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def rabbitmq_server() -> None:
    """Skips what needs RabbitMQ where it is not installed; on CI that is a failure."""
    if find_server() is None:
        reason = "rabbitmq-server is not installed (apt-get install rabbitmq-server)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def rabbit(rabbitmq_server: None) -> Iterator[Node]:
    """One node for all tests that leave it as it is; each takes a prefix of its own: `names`."""
    with Node() as node:
        yield node


@pytest.fixture
def private_rabbit(rabbitmq_server: None) -> Iterator[Node]:
    """A node for one test, which may kill it."""
    with Node() as node:
        yield node


@pytest.fixture
def names() -> Names:
    """Names of queues that no other test has."""
    return Names(f"test-{uuid4().hex[:12]}.")
