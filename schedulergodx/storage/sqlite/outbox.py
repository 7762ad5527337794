"""What an outbox asks of a store: which outcomes nobody was told yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.endings import Endings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schedulergodx.storage.base import Told

_MOST_BYTES = 16 << 20  # of outcomes in one answer


class OutboxVerbs(Endings):
    """See `storage.base.Store`. An outcome that nobody waits for (`reply` is "") has no line."""

    def unsent(self, after: int, limit: int) -> list[Told]:
        """What nobody was told yet, by seq, from the one after `after` on.

        Fewer than `limit` come where the outcomes are large; none only when there is none.
        """
        seqs: list[int] = []
        room = _MOST_BYTES
        for seq, size in self._connection.rows(sql.LINES, (after, limit)):
            room -= size
            if room < 0 and seqs:
                break
            seqs.append(seq)
        return self._told(self._connection.bulk_rows(sql.TOLD_OF_SEQS, seqs))

    def sent(self, seqs: Sequence[int]) -> None:
        """These were told, or nobody is there to be told: the client asks when it is back."""
        self._connection.bulk_write(sql.REMOVE_LINES, list(seqs))
