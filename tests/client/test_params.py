"""Parameters of the session: kept by services, asked for by rules and by arguments of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from schedulergodx.errors import ConfigError, ShipError
from schedulergodx.testing import Harness

NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
calls: list[object] = []


@pytest.fixture
def harness() -> Iterator[Harness]:
    calls.clear()
    with Harness(start=NOON) as harness:
        yield harness


def note() -> None:
    calls.append("ran")


def test_a_rule_waits_for_a_parameter(harness: Harness) -> None:
    """R36: param 'x' is 'v' holds from when it is set, without a restart."""
    params = harness.client.session.params
    harness.client.schedule("every 1 hour & param 'mode' is 'live'", note)
    harness.client.schedule("daily & param 'go' exists", note, name="exists")
    harness.advance(hours=3)
    assert calls == []
    params["mode"] = "live"
    harness.drain()
    assert calls == ["ran"]
    harness.restart()
    harness.advance(minutes=61)
    assert calls == ["ran"] * 2, "and it outlives the service"
    params["mode"] = "test"
    harness.advance(hours=3)
    assert calls == ["ran"] * 2
    params.update(go=None)
    harness.drain()
    assert calls == ["ran"] * 3


def test_parameters_are_a_dict(harness: Harness) -> None:
    """R25, R36: client.session.params."""
    params = harness.client.session.params
    assert dict(params) == {}
    params.update({"a": 1}, b=[2, {"c": None}])
    assert dict(params) == {"a": 1, "b": [2, {"c": None}]}
    assert len(params) == 2
    del params["a"]
    with pytest.raises(KeyError):
        del params["a"]
    with pytest.raises(KeyError):
        params["a"]
    with pytest.raises(ShipError):
        params["a"] = object()
    with pytest.raises(ConfigError, match="bytes"):
        params["a"] = "x" * 70_000
    assert dict(params) == {"b": [2, {"c": None}]}
