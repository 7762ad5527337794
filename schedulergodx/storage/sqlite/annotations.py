"""Sentences about how jobs stand, said from outside; their states are not touched."""

from __future__ import annotations

from schedulergodx.storage.sqlite import statements as sql
from schedulergodx.storage.sqlite.session import Session


class AnnotationVerbs(Session):
    """See `storage.base.Store`."""

    def annotate(self, uid: bytes, note: str, now: float) -> bool:
        """Keep a sentence about how a job stands. False if the job is unknown."""
        if not self._connection.rows(sql.IS_KNOWN, (uid,)):
            return False
        self._connection.write(sql.ANNOTATE, (now, note, uid))
        return True

    def _note_of(self, seq: int) -> str:
        rows = self._connection.rows(sql.ANNOTATION, (seq,))
        note: str = rows[0][0] if rows else ""
        return note
