"""Whether a service is well, by the file that it writes every few seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from schedulergodx.config import Settings
from schedulergodx.errors import ConfigError
from schedulergodx.utils.process import lives, place

STALE_AFTER = 30.0  # seconds; the service writes every five
_SQLITE = "sqlite:///"
_IN_MEMORY = ":memory:"


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a service. why: a sentence, whether it is well or not"""

    well: bool
    why: str


def health_path(settings: Settings) -> Path:
    """Where a service with these settings writes. Raises: ConfigError if it writes nowhere"""
    if settings.health_file:
        return Path(settings.health_file)
    path = sqlite_path(settings.db)
    if path is None:
        raise ConfigError(
            f"a service on {settings.db.split(':')[0]} writes no health file by itself: "
            "set health_file for it and for this command"
        )
    return Path(f"{path}.health")


def sqlite_path(db: str) -> Path | None:
    """The file that `storage.make_store` opens for this; None if it is no file."""
    path = db.removeprefix(_SQLITE)
    return None if "://" in path or path in {"", _IN_MEMORY} else Path(path).absolute()


def read_health(path: Path, now: float) -> Health:
    """What the file says. now: instant"""
    try:
        facts = json.loads(path.read_text())
        age, pid = now - float(facts["at"]), int(facts["pid"])
    except FileNotFoundError:
        return Health(False, f"no service runs here: there is no {path}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Health(False, f"{path} can't be read: {error}")
    here = place()
    if here and facts.get("place") == here and not lives(pid, facts.get("began")):
        return Health(False, f"the service (process {pid}) is gone: it was killed, or crashed")
    if age > STALE_AFTER:
        return Health(False, f"the service (process {pid}) has said nothing for {age:.0f} s")
    if not facts.get("ready"):
        return Health(False, f"the service (process {pid}) runs and has not reached its broker")
    if facts.get("trouble"):
        return Health(False, f"the service (process {pid}) takes no jobs: {facts['trouble']}")
    return Health(True, f"the service (process {pid}) was well {max(age, 0):.0f} s ago")
