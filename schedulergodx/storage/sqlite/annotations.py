"""What is said of jobs, by themselves and from outside; their states are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.view import Progress
from schedulergodx.storage.progress import Checkpoint
from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.session import Session, pack, unpack_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schedulergodx.storage.progress import Said
    from schedulergodx.storage.sqlite.session import Mark


class AnnotationVerbs(Session):
    """See `storage.base.Store`."""

    _with_checkpoint: set[int]  # seqs of jobs that have one, or had

    def annotate(self, uid: bytes, note: str, now: float) -> bool:
        """Keep a sentence about how a job stands. False if the job is unknown."""
        if not self._connection.rows(sql.IS_KNOWN, (uid,)):
            return False
        self._connection.write(sql.ANNOTATE, (now, note, uid))
        return True

    def note_progress(self, said: Sequence[Said], now: float) -> None:
        """Keep what attempts say that still run; at most one word of each."""
        values = [x for one in said for x in (one.seq, one.attempt, now, *_words(one))]
        self._connection.bulk_write(sql.NOTE_PROGRESS, values)

    def keep_checkpoint(self, seq: int, attempt: int, checkpoint: Checkpoint, now: float) -> bool:
        """Keep it, in the place of the one before. False if that attempt runs no more."""
        row = (now, checkpoint.value, pack(checkpoint.units), seq, attempt)
        kept = bool(self._connection.write(sql.KEEP_CHECKPOINT, row))
        if kept:
            self._with_checkpoint.add(seq)
        return kept

    def kept_checkpoint(self, seq: int) -> Checkpoint | None:
        """The last one that was kept of a job."""
        rows = self._connection.rows(sql.CHECKPOINT, (seq,))
        return Checkpoint(rows[0][0], unpack_units(rows[0][1])) if rows else None

    def _drop_checkpoints(self, seqs: Iterable[int]) -> None:
        """Of jobs that have ended: nobody will read them."""
        ended = self._with_checkpoint.intersection(seqs)
        self._with_checkpoint -= ended
        self._connection.bulk_write(sql.DROP_CHECKPOINTS, list(ended))

    def _words_of(self, seq: int) -> tuple[Progress | None, str]:
        """How far a job is by its own word, and what was said of it."""
        rows = self._connection.rows(sql.PROGRESS, (seq,))
        if not rows:
            return None, ""
        done, total, note = rows[0]
        return None if done is None else Progress(done, total, note), note

    def _load(self) -> None:
        super()._load()
        self._with_checkpoint = {seq for (seq,) in self._connection.rows(sql.WITH_CHECKPOINT)}

    def _undo(self, mark: Mark) -> None:
        super()._undo(mark)
        self._with_checkpoint |= {seq for (seq,) in self._connection.rows(sql.WITH_CHECKPOINT)}


def _words(said: Said) -> tuple[float | None, float | None, str]:
    return said.done, said.total, said.note
