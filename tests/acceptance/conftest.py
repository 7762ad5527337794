"""Deployments for acceptance tests: one with a service for a module, or a bare one for a test."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from schedulergodx.client.awaited import Awaited
from tests.acceptance.deployment import Deployment
from tests.acceptance.folder import Folder
from tests.acceptance.readme import Readme, run_readme

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from schedulergodx.core.message import Response
    from tests.rabbitmq_node import Node


@pytest.fixture
def deployment(rabbit: Node, tmp_path: Path) -> Iterator[Deployment]:
    """For a test that starts and ends services itself."""
    with closing(Deployment(rabbit.url, tmp_path)) as deployment:
        yield deployment


@pytest.fixture(params=["spool", "rabbitmq"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """On the embedded broker, and on RabbitMQ."""
    if request.param == "spool":
        url = f"spool:{tmp_path}/spool"
    else:
        url = request.getfixturevalue("rabbit").url
    with closing(Deployment(url, tmp_path)) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def shared(rabbit: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With a service that all tests of a module use and none harms."""
    directory = tmp_path_factory.mktemp("shared")
    with closing(Deployment(rabbit.url, directory)) as deployment:
        deployment.service().start()
        yield deployment


@pytest.fixture(scope="session")
def readme(rabbit: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readme]:
    """The programs of the README; their job waits ten seconds, so others may run meanwhile."""
    directory = tmp_path_factory.mktemp("readme")
    address = Deployment(rabbit.url, directory).address
    with closing(Folder(directory / "empty", **address)) as folder:
        yield run_readme(folder)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often the outcome of each job came to the clients of this process, by uid."""
    counter: Counter[bytes] = Counter()
    tell = Awaited.tell

    def count(self: Awaited, responses: Iterable[Response]) -> None:
        responses = list(responses)
        counter.update(response.uid for response in responses)
        tell(self, responses)

    monkeypatch.setattr(Awaited, "tell", count)
    return counter
