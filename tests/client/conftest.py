"""A broker in memory, a small service on it, and clients of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from schedulergodx.client import Client
from tests.client.small_service import SmallService


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are not theirs."""
    for name in ("BROKER", "SECRET", "CONFIG", "NAME", "PREFIX"):
        monkeypatch.delenv(f"SCHEDULERGODX_{name}", raising=False)


@pytest.fixture
def url() -> str:
    """A broker of its own for each test."""
    return f"memory:{uuid4().hex}"


@pytest.fixture
def service(url: str) -> Iterator[SmallService]:
    with SmallService(url) as service:
        yield service


@pytest.fixture
def make_client(url: str) -> Iterator[Callable[..., Client]]:
    """Makes clients, which are closed at the end."""
    with ExitStack() as stack:

        def make(name: str = "tester", **given: Any) -> Client:
            client = Client(name, **{"broker": url, **given})
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def client(service: SmallService, make_client: Callable[..., Client]) -> Client:
    return make_client()
