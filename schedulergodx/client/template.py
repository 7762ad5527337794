"""What the jobs of one task have in common, made once and used for every launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedulergodx.client.options import Options
from schedulergodx.core.envelope import LARGEST_BYTES
from schedulergodx.core.job import Spec
from schedulergodx.errors import TooLarge
from schedulergodx.quantity import format_size

if TYPE_CHECKING:
    from schedulergodx.client.base_batch import BaseBatch


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A TASK envelope without its jobs. Launches of one template may share an envelope.

    units: bodies by hashes, of all that the function needs
    size: bytes of the units and of all else that is sent once an envelope
    is_timed: whether `due` and `deadline` say anything
    delay, run_at, expires, expires_at, batch: as in `Options`
    """

    spec: Spec
    units: Mapping[bytes, bytes]
    size: int
    queue: str
    priority: int
    is_timed: bool
    delay: float | None
    run_at: float | None
    expires: float | None
    expires_at: float | None
    batch: BaseBatch | None = None

    @classmethod
    def of(cls, spec: Spec, units: Mapping[bytes, bytes], options: Options) -> Template:
        """The template of a task with these options."""
        timing = options.delay, options.run_at, options.expires, options.expires_at
        size = _ENVELOPE_OVERHEAD + sum(map(len, units.values()))
        is_timed = timing != (None, None, None, None)
        said = options.queue, options.priority, is_timed, *timing, options.batch
        return cls(spec, units, size, *said)

    def due(self, now: float) -> float | None:
        """The instant from which a job that is launched now may run; None for at once."""
        return now + self.delay if self.delay else self.run_at

    def deadline(self, now: float) -> float | None:
        """The instant until which a job that is launched now must have started."""
        return now + self.expires if self.expires is not None else self.expires_at

    def too_large(self, arguments: bytes) -> TooLarge:
        """The error of a job whose arguments do not fit into an envelope with its code."""
        return TooLarge(
            f"the arguments of a job of {self.spec.name!r} have {format_size(len(arguments))}, and "
            f"with its code at most {format_size(LARGEST_BYTES)} travel: put the data where the "
            "workers can read it, and send its place"
        )


_ENVELOPE_OVERHEAD = 1000  # bytes of headers, hashes and the spec, rounded up
