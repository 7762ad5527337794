"""How the value of an option is read: each function takes what a user may write.

They raise ValueError with what is right; who calls them adds the option and what was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from types import ModuleType
from typing import TypeVar

from schedulergodx.core.job import Execution
from schedulergodx.core.limit import LONGEST_NAME, is_name
from schedulergodx.core.names import check_queue
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import parse_duration, parse_size

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_PRIORITIES = range(-(2**31), 2**31)
_NO_NAME = f"a name is a text of 1 to {LONGEST_NAME} printable characters"


def or_none(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """The same reader, for an option that can be left open with None."""
    return lambda value: None if value is None else read(value)


def read_name(value: object) -> str | None:
    """What a task is called."""
    if value is None or (isinstance(value, str) and is_name(value, LONGEST_NAME)):
        return value
    raise ValueError(_NO_NAME)


def read_text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError("it must be a text, and not an empty one")
    return value


def read_limit(value: object) -> str:
    """The name of a limit."""
    if not isinstance(value, str) or not is_name(value, LONGEST_NAME):
        raise ValueError(_NO_NAME)
    return value


def read_key(value: object) -> str | Callable[..., object]:
    """The name of a parameter, or a function of the arguments."""
    if callable(value):
        return value
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError("it must be the name of a parameter, or a function of the arguments")
    return value


def read_queue(value: object) -> str:
    """The name of a queue."""
    return check_queue(value if isinstance(value, str) else "")


def read_priority(value: object) -> int:
    """A whole number of 32 bits."""
    return _whole(value, _PRIORITIES)


def read_count(value: object) -> int:
    """A whole number from 1 on."""
    return _whole(value, range(1, 2**31))


def read_duration(value: object) -> float:
    """Seconds, 0 or more."""
    return parse_duration(value)


def read_timeout(value: float | timedelta | str | None) -> float | None:
    """How long to wait, in seconds; None for as long as it takes. Raises: ConfigError"""
    if value is None or type(value) is float or type(value) is int:
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ConfigError(f"timeout={value!r} can't be used: {error}") from None


def read_lifetime(value: object) -> float:
    """Seconds, more than 0."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("nothing can run for 0 s; None is no limit")
    return seconds


def read_choice(kind: type[E], value: object) -> E:
    """One of an enum, by its value."""
    if value not in list(kind):
        raise ValueError(f"it must be one of {', '.join(kind)}")
    return kind(str(value))


def read_instant(value: object) -> float:
    """Seconds since the epoch, of a `datetime` that says which time zone it means."""
    if not isinstance(value, datetime):
        raise ValueError("it must be a datetime")
    if value.utcoffset() is None:
        raise ValueError(
            "it does not say its time zone: use datetime.now(UTC), or .astimezone() for local time"
        )
    return value.timestamp()


def read_moment(name: str, value: datetime | float | str | None) -> float | None:
    """Seconds since the epoch, of a `datetime`, such seconds, or ISO 8601; None for None.

    A text without a time zone is local time. Raises: ConfigError
    """
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone().timestamp()
        if isinstance(value, datetime):
            return read_instant(value)
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        raise ValueError("it must be a datetime, seconds since the epoch, or ISO 8601")
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{name}={value!r:.100} can't be used: {error}") from None


def read_expiry(value: object) -> tuple[float | None, float | None]:
    """(seconds from the launch on, instant), one of which is None."""
    if isinstance(value, datetime):
        return None, read_instant(value)
    return read_lifetime(value), None


def read_flag(value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError("it must be True or False")
    return value


def read_execution(value: object) -> Execution:
    """What runs a job."""
    if value in (Execution.PROCESS, Execution.FORK, Execution.THREAD, Execution.ASYNC):
        return Execution(str(value))
    raise ValueError('it must be "process", "fork", "thread" or "async"')


def read_factor(value: object) -> float:
    """How many times longer each wait is; True is 2, False is 1."""
    if isinstance(value, bool):
        return 2.0 if value else 1.0
    factor = _number(value)
    if not 0 < factor < math.inf:
        raise ValueError("it must be a number above 0, or True for 2")
    return factor


def read_share(value: object) -> float:
    """A part of a whole, 0 to 1."""
    share = _number(value)
    if not 0 <= share <= 1:
        raise ValueError("it must be a share, from 0 to 1")
    return share


def read_errors(value: object) -> tuple[type[BaseException], ...]:
    """Classes of exceptions, from one or several."""
    classes = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(c, type) and issubclass(c, BaseException) for c in classes):
        raise ValueError("it must be an exception class, or a tuple of them")
    return classes


def read_size(value: object) -> int:
    """Bytes, more than 0."""
    size = parse_size(value)
    if size == 0:
        raise ValueError("nothing can run with 0 bytes; None is no limit")
    return size


def read_modules(value: object) -> tuple[str, ...]:
    """Names of modules, from one or several names or modules."""
    if isinstance(value, str | ModuleType) or not isinstance(value, Iterable):
        value = (value,)
    names = [m.__name__ if isinstance(m, ModuleType) else m for m in value]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError("it must be a module or the name of one, or a tuple of them")
    return tuple(str(name) for name in names)


def _whole(value: object, within: range) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("it must be a whole number")
    if value not in within:
        raise ValueError(f"it must be from {within.start} to {within.stop - 1}")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("it must be a number")
    return float(value)
