"""A collection of names that has every name in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator


class Everything(Collection[str]):
    """Whoever asks whether a name is in it is told yes.

    known: names that it is known to have, which are those that are gone through
    """

    def __init__(self, *known: str) -> None:
        self._known = known

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __bool__(self) -> bool:
        return True
