"""Plain data: what the pickler of the standard library writes as ours does, in a tenth of the time.

Most arguments and results are of that kind, and making a pickler of one's own takes longer than all
else that is done to pack one.
"""

from __future__ import annotations

import pickle
from typing import Any

from schedulergodx.core.code.pickler import PROTOCOL

_ATOMS = frozenset({int, str, bytes, float, bool, type(None)})
_CONTAINERS = frozenset({tuple, list, dict})
_DEPTH = 4  # of containers in each other
_ITEMS = 32  # of a container: to look at more takes longer than it saves


def dump_plain(value: object) -> bytes | None:
    """The pickle of a value that is plain and small; None of any other."""
    return pickle.dumps(value, PROTOCOL) if _is_plain(value, _DEPTH) else None


def _is_plain(value: Any, depth: int) -> bool:
    """Hot."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if not depth or kind not in _CONTAINERS or len(value) > _ITEMS:
        return False
    for item in value:
        if type(item) not in _ATOMS and not _is_plain(item, depth - 1):
            return False
    return kind is not dict or not value or _is_plain([*value.values()], depth)
