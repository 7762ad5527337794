"""The part of the seam that is about what jobs say of themselves and leave to later attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence


class Said(Struct, frozen=True):
    """What an attempt says of itself; None and "" leave what was said before."""

    seq: int
    attempt: int
    done: float | None
    total: float | None
    note: str


class Checkpoint(Struct, frozen=True):
    """A value that an attempt leaves to later ones.

    units: hashes of the units that it needs
    """

    value: bytes
    units: tuple[bytes, ...]


class ProgressStore(Protocol):
    """A part of `base.Store`."""

    def annotate(self, uid: bytes, note: str, now: float) -> bool:
        """Keep a sentence about how a job stands. False if the job is unknown."""

    def note_progress(self, said: Sequence[Said], now: float) -> None:
        """Keep what attempts say that still run; at most one word of each."""

    def keep_checkpoint(self, seq: int, attempt: int, checkpoint: Checkpoint, now: float) -> bool:
        """Keep it, in the place of the one before. False if that attempt runs no more.

        It goes when its job ends, and when that is requeued.
        """

    def kept_checkpoint(self, seq: int) -> Checkpoint | None:
        """The last one that was kept of a job."""
