"""Who can reach the broker could run code: a service without a secret serves this machine alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from schedulergodx.brokers.base import BrokerInfo
from schedulergodx.brokers.memory import MemoryBroker
from schedulergodx.errors import SecretRequired
from schedulergodx.service import Service

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """On a broker that says that other machines can reach it."""
    monkeypatch.setattr(MemoryBroker, "info", BrokerInfo("memory", "1", local=False))
    monkeypatch.chdir(tmp_path)
    return Service(broker=f"memory:{tmp_path}", workers=1)


def test_a_service_without_a_secret_does_not_start_there(service: Service) -> None:
    with pytest.raises(SecretRequired, match=r"can be reached from other machines.*secrets.token"):
        service.start()
    assert not service.wait_ready(0)


def test_with_one_it_does(service: Service) -> None:
    service.settings = service.settings.replace(secret="long enough to sign with")
    thread = threading.Thread(target=service.start)
    thread.start()
    assert service.wait_ready(30)
    service.stop(0)
    thread.join(30)
    assert not thread.is_alive()
