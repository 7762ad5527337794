"""For pytest: the fixture `sgx`, a harness that lives as long as a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from schedulergodx.testing.harness import Harness


@pytest.fixture
def sgx() -> Iterator[Harness]:
    """A client and a service on a clock that the test moves."""
    with Harness() as harness:
        yield harness
