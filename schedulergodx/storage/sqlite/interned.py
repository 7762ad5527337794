"""Rows that stand once for many jobs and go by a number: specs, clients, lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schedulergodx.storage.sqlite.connection import Connection

K = TypeVar("K")

_MOST_REMEMBERED = 100_000


class Interned(Generic[K]):
    """A table of what is known by its content, remembered in memory both ways.

    table: with the column `id`
    columns: that hold the content
    pack, unpack: from the content to its columns and back
    """

    def __init__(
        self,
        connection: Connection,
        *,
        table: str,
        columns: Sequence[str],
        pack: Callable[[K], Sequence[Any]],
        unpack: Callable[..., K],
    ) -> None:
        self._connection = connection
        self._pack = pack
        self._unpack = unpack
        names = ", ".join(columns)
        same = " AND ".join(f"{column} = ?" for column in columns)
        marks = ", ".join("?" * len(columns))
        self._find = f"SELECT id FROM {table} WHERE {same}"
        self._add = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"
        self._read = f"SELECT {names} FROM {table} WHERE id = ?"
        self._numbers: dict[K, int] = {}
        self._keys: dict[int, K] = {}
        self._fresh: list[tuple[K, int]] = []  # not committed yet

    def number(self, key: K) -> int:
        """The number of a content; a new one gets one."""
        number = self._numbers.get(key)
        return self._learn(key) if number is None else number

    def known(self, key: K) -> int | None:
        """The same, None for a new one."""
        number = self._numbers.get(key)
        if number is None:
            rows = self._connection.rows(self._find, self._pack(key))
            if rows:
                number = self._remember(key, rows[0][0])
        return number

    def key(self, number: int) -> K:
        """The content of a number. Raises: KeyError"""
        key = self._keys.get(number)
        if key is None:
            rows = self._connection.rows(self._read, (number,))
            if not rows:
                raise KeyError(number)
            key = self._unpack(*rows[0])
            self._remember(key, number)
        return key

    def drop(self, number: int) -> None:
        """Forget a content that was removed."""
        key = self._keys.pop(number, None)
        if key is not None:
            self._numbers.pop(key, None)

    def mark(self) -> int:
        """A place to come back to."""
        return len(self._fresh)

    def undo(self, mark: int) -> None:
        """Forget what is new since that place."""
        for key, number in self._fresh[mark:]:
            self._numbers.pop(key, None)
            self._keys.pop(number, None)
        del self._fresh[mark:]

    def keep(self) -> None:
        """What is new was committed."""
        self._fresh.clear()

    def forget(self) -> None:
        """Begin with nothing."""
        self._numbers.clear()
        self._keys.clear()
        self._fresh.clear()

    def _learn(self, key: K) -> int:
        known = self.known(key)
        if known is not None:
            return known
        [(number,)] = self._connection.write(self._add, self._pack(key))
        self._fresh.append((key, number))
        return self._remember(key, number)

    def _remember(self, key: K, number: int) -> int:
        if len(self._numbers) >= _MOST_REMEMBERED:
            self._numbers.clear()
            self._keys.clear()
        self._numbers[key] = number
        self._keys[number] = key
        return number
