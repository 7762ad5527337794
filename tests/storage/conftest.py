"""A store of each kind, for the tests of what every store must do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schedulergodx.storage.base import Store
from tests.storage.stores import KINDS, unopened


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store that is open and empty."""
    store = unopened(request.param, tmp_path)
    store.open()
    yield store
    store.close()


@pytest.fixture
def inside(store: Store) -> Iterator[Store]:
    """The same with a transaction that is committed in the end."""
    store.begin()
    yield store
    store.commit()
