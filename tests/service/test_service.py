"""What a service says before it starts."""

from __future__ import annotations

from typing import Any

import pytest

from schedulergodx.errors import ConfigError
from schedulergodx.service import Service
from schedulergodx.utils.rmq_property import RmqConnect
from schedulergodx.utils.storage import DB


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"queues": ["dead"]}, "own queues"),
        ({"queues": ["a b"]}, "A-Z"),
        ({"queue_limits": {"mail": 1}}, "which queues does not"),
        ({"workerz": 3}, "workers"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_starts(
    given: dict[str, Any], text: str
) -> None:
    with pytest.raises((ConfigError, TypeError), match=text):
        Service(**given)


def test_a_service_takes_what_its_document_gives_it() -> None:
    service = Service(
        name="one", core_name="app", rmq_connect=RmqConnect(), db=DB("sqlite:///other.db")
    )
    assert service.name == "one"
    assert service.settings.db == "sqlite:///other.db"
    assert service.settings.broker == RmqConnect().url
    assert service.logger.getLogger().name == "schedulergodx.app.one"


def test_stopping_what_was_not_started_does_nothing() -> None:
    service = Service()
    service.stop()
    assert not service.wait_ready(0)
