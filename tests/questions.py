"""What this process asks of services, for tests that count it."""

from __future__ import annotations

from typing import Any

import pytest

from schedulergodx.client.sealing import Sealer


def note_questions(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that every request is put into as it is asked."""
    requests: list[Any] = []
    ask = Sealer.ask

    def note(self: Sealer, request: Any, *given: Any, **more: Any) -> Any:
        requests.append(request)
        return ask(self, request, *given, **more)

    monkeypatch.setattr(Sealer, "ask", note)
    return requests
