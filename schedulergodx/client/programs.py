"""What a job may run that is no function of a program, from what its keywords say."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedulergodx.client.named import NamedRecipe
from schedulergodx.core.job import Execution
from schedulergodx.core.kinds import Code, Command, File, Kind, write_kind
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.client.options import Options

logger = logging.getLogger(__name__)

_LONGEST_NAME = 80  # characters of a command, or a line of code, that is its own name
_Path = str | os.PathLike[str]


def recipe_of(base: Options, options: Mapping[str, Any], **said: Any) -> NamedRecipe:
    """The recipe of what keywords of `program` say. Raises: TypeError, ConfigError

    base: what is said of all tasks
    """
    kind, default = _kind_of(**said)
    wanted = dict(options)
    name = wanted.pop("name", None) or default
    if isinstance(kind, File) and not wanted.keys() & {"hard", "execution"}:
        wanted["execution"] = Execution.FORK  # a process for each run, which reads all anew
    return NamedRecipe(name, base.changed(wanted), kind=write_kind(kind))


def _kind_of(
    *,
    path: _Path | None,
    func_name: str | None,
    command: str | Sequence[str] | None,
    cwd: _Path | None,
    code: str | None,
) -> tuple[Kind, str]:
    """What is to be run, and what it is called that is given no name.

    Raises: TypeError, ConfigError
    """
    if sum(one is not None for one in (path, command, code)) != 1:
        raise TypeError("give one of path=, command= and code=")
    if func_name is not None and path is None:
        raise TypeError("func_name= names a function of the file path=")
    if cwd is not None and command is None:
        raise TypeError("cwd= is where a command runs")
    if path is not None:
        return _file_of(path, func_name or "main")
    if command is not None:
        return _command_of(command, cwd)
    return _code_of(code)


def _file_of(path: _Path, function: str) -> tuple[File, str]:
    file = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are said
    if not file.is_file():
        logger.warning("there is no file %s here: its jobs fail where it is not there either", file)
    return File(str(file), function), f"{file.stem}:{function}"


def _command_of(command: str | Sequence[str], cwd: _Path | None) -> tuple[Command, str]:
    words = [command] if isinstance(command, str) else list(command)
    if not words or not words[0] or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"command={command!r}: it is a text, or a list of them, and not empty")
    folder = None if cwd is None else os.fspath(cwd)
    said = command if isinstance(command, str) else words
    return Command(said, folder), " ".join(words)[:_LONGEST_NAME]


def _code_of(code: str | None) -> tuple[Code, str]:
    if not isinstance(code, str):
        raise TypeError(f"code= is a text of Python, not {type(code).__name__}")
    try:
        compile(code, "<code>", "exec")
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"code= is no Python: {error}") from error
    first = next(iter(code.strip().splitlines()), "")
    if not first:
        raise ConfigError("code= is empty: there is nothing to run")
    return Code(code), first[:_LONGEST_NAME]
