"""Statements over many rows.

sqlite3 keeps prepared statements by their text, so rows go in chunks of powers of two: nine texts
serve any number of rows. `executemany` would let go of the GIL at each row, which beside a busy
thread is hundreds of times slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_CHUNK = 256  # rows; times the widest row it stays below SQLite's 32,766 parameters


class Bulk:
    """A statement with `$rows` where its rows of values go.

    width: values in a row
    """

    def __init__(self, text: str, width: int) -> None:
        self.width = width
        self._text = text
        self._texts: dict[int, str] = {}

    def text(self, rows: int) -> str:
        """The statement for that many rows."""
        text = self._texts.get(rows)
        if text is None:
            row = f"({', '.join('?' * self.width)})"
            text = self._texts[rows] = self._text.replace("$rows", ", ".join([row] * rows))
        return text

    def chunks(self, values: list[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Texts and their values, for the values of all rows one after the other."""
        width = self.width
        rows = len(values) // width
        at = 0
        while rows:
            chunk = min(LARGEST_CHUNK, 1 << rows.bit_length() - 1)
            end = at + chunk * width
            yield self.text(chunk), values[at:end]
            at = end
            rows -= chunk
