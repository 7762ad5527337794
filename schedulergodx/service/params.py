"""The parameters of the session, which rules ask for: one note of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from schedulergodx.core.job import ErrorCode
from schedulergodx.service.answers import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schedulergodx.storage.base import Store

_NOTE = "schedules.params"
_LARGEST = 64 << 10  # bytes of all of them
_read = msgspec.json.Decoder(dict[str, Any]).decode


class Params:
    """Names and values that JSON can hold."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> dict[str, Any]:
        """Those that there are."""
        noted = self._store.get_note(_NOTE)
        return {} if noted is None else _read(noted)

    def change(self, change: Mapping[str, Any], remove: Iterable[str]) -> dict[str, Any]:
        """Set some and remove some; the answer is all. Raises: RefusedError"""
        params = {**self.all(), **change}
        for name in remove:
            params.pop(name, None)
        noted = msgspec.json.encode(params)
        if len(noted) > _LARGEST:
            text = f"all parameters of a session have at most {_LARGEST} bytes, not {len(noted)}"
            raise RefusedError(ErrorCode.INVALID_TASK, text)
        if change or remove:
            self._store.set_note(_NOTE, noted.decode())
        return params
