"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime

from schedulergodx.errors import ConfigError


class Clock:
    """Called, it gives the instant in seconds, as `time.time` does.

    start: with a time zone
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ConfigError(f"start={start!r} has no time zone: give it one, as tzinfo=UTC")
        self.instant = start.timestamp()

    def __call__(self) -> float:
        return self.instant

    @property
    def now(self) -> datetime:
        """The instant, in UTC."""
        return datetime.fromtimestamp(self.instant, UTC)
