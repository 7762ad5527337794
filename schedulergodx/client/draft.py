"""What a job that was made by hand says of itself, before it is submitted and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schedulergodx.client.dependency import Dependency, read_dependencies
from schedulergodx.client.options import Options
from schedulergodx.client.reading import read_name
from schedulergodx.core.identity import UidSource
from schedulergodx.core.message import LONGEST_DESCRIPTION, About
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.client.base_task import BaseTask
    from schedulergodx.client.recipe import Recipe

_FEW = 3  # options: those of every job that is made by hand
_MOST_KEPT = 1000

new_uid = UidSource()
_sound: set[tuple[tuple[str, type, Any], ...]] = set()


@dataclass(slots=True, kw_only=True)
class Draft:
    """All that makes a job, but for the client that submits it.

    function: one that travels, a task or what its jobs are made by, or the name of one that
        services know
    params: its keywords; `args`, what stands before them
    said: options that differ from those of the task, or of the client
    """

    function: Callable[..., Any] | BaseTask | Recipe | str
    args: tuple[Any, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    dependencies: list[str | Dependency] = field(default_factory=list)
    about: About | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def write_draft(
    name: str,
    function: Callable[..., Any] | BaseTask | str,
    params: Mapping[str, Any] | None,
    dependencies: Iterable[object] | None,
    description: str,
    said: Mapping[str, Any],
) -> Draft:
    """A draft of what a user says. Raises: ConfigError, TypeError"""
    if not callable(function) and not (isinstance(function, str) and function):
        raise TypeError(f"a job has a function or the name of one, and not {function!r:.100}")
    if params is not None and not (
        isinstance(params, Mapping) and all(isinstance(key, str) for key in params)
    ):
        raise TypeError(f"params are a dict of keywords, and not {params!r:.100}")
    _check_options(said)  # what is wrong is said where it is written
    return Draft(
        function=function,
        params=dict(params or {}),
        said=said,
        dependencies=read_dependencies(dependencies or ()),
        about=About(_read_name(name), _read_description(description)),
    )


def _check_options(said: Mapping[str, Any]) -> None:
    """Thousands of jobs have the same ones: those that were sound are remembered."""
    if len(said) > _FEW:
        Options().changed(said)
        return
    key = tuple((name, type(value), value) for name, value in said.items())
    try:
        if key in _sound:
            return
    except TypeError:  # a value that has no hash
        Options().changed(said)
        return
    Options().changed(said)
    if len(_sound) >= _MOST_KEPT:
        _sound.clear()
    _sound.add(key)


def _read_name(name: object) -> str:
    try:
        read = read_name(name)
    except ValueError as error:
        raise ConfigError(f"a job can't be called {name!r:.100}: {error}") from None
    if read is None:
        raise ConfigError("a job that is made by hand has a name")
    return read


def _read_description(description: object) -> str:
    if isinstance(description, str) and len(description) <= LONGEST_DESCRIPTION:
        with suppress(UnicodeEncodeError):  # half of a surrogate pair
            description.encode()
            return description
    raise ConfigError(f"a description is a text of at most {LONGEST_DESCRIPTION:,} characters")
