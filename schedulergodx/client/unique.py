"""What makes two jobs of a task the same, and what becomes of the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr

from schedulergodx.client.reading import read_choice
from schedulergodx.core.job import Conflict, Status
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import parse_duration

if TYPE_CHECKING:
    from typing import Literal

By = bool | str | Iterable[str] | Callable[..., object]

NOT_ENDED = (Status.SCHEDULED, Status.BLOCKED, Status.PENDING, Status.RUNNING)


class Unique(Struct, frozen=True):
    """That no two jobs of a task with the same arguments are there at once.

    by: which arguments count: True for all, names of parameters, or a function that is called with
        them and gives what counts; None from it is a job that is not unique
    seconds: for how long a job keeps others away, from its launch on; a duration. If left out, as
        long as it is in one of the `states`
    states: in which it keeps others away; if left out, before it has ended, and with `seconds` all
    conflict: what a second launch gets: "join", the outcome of the first; "refuse", a JobRefused;
        "replace", its place, if the first has not started, which is then cancelled; else it joins

    Raises: ConfigError
    """

    by: By = True
    seconds: float | timedelta | str | None = None
    states: Iterable[Status | str] | None = None
    conflict: Conflict | Literal["join", "refuse", "replace"] = Conflict.JOIN

    def __post_init__(self) -> None:
        """Check, and keep in one form."""
        for name, read in _READERS.items():
            try:
                force_setattr(self, name, read(getattr(self, name)))
            except ValueError as error:
                raise ConfigError(f"Unique({name}=) can't be used: {error}") from None

    @property
    def period(self) -> float | None:
        """`seconds`, as a number."""
        return None if self.seconds is None else parse_duration(self.seconds)

    @property
    def held_in(self) -> tuple[Status, ...]:
        """`states`, also where they were left out."""
        if self.states is not None:
            return tuple(Status(state) for state in self.states)
        return NOT_ENDED if self.seconds is None else tuple(Status)


def read_unique(value: Any) -> Unique | None:
    """The option `unique` of a task: a `Unique`, or its `by`. Raises: ValueError, ConfigError"""
    if value is None or value is False:
        return None
    return value if isinstance(value, Unique) else Unique(value)


def _read_by(value: object) -> By:
    if value is True:
        return True
    if callable(value):
        return value
    names = (value,) if isinstance(value, str) else value
    names = tuple(names) if isinstance(names, Iterable) else ()
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError("it must be True, names of parameters, or a function")
    return names


def _read_seconds(value: Any) -> float | None:
    if value is None:
        return None
    seconds = parse_duration(value)
    if not seconds:
        raise ValueError("it must be more than 0; left out, it is as long as the states say")
    return seconds


def _read_states(value: Any) -> tuple[Status, ...] | None:
    if value is None:
        return None
    states = (value,) if isinstance(value, str) else tuple(value)
    unknown = [state for state in states if state not in list(Status)]
    if unknown or not states:
        raise ValueError(f"it must be some of {', '.join(Status)}, not {unknown or 'none of them'}")
    return tuple(Status(state) for state in states)


_READERS: dict[str, Callable[[Any], Any]] = {
    "by": _read_by,
    "seconds": _read_seconds,
    "states": _read_states,
    "conflict": partial(read_choice, Conflict),
}
