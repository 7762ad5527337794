"""What runs a function of a file, or a text of code; a command is run in `command`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from schedulergodx.core import context
from schedulergodx.core.kinds import Code, Command, File, Kind
from schedulergodx.executors.inside.command import run_command

if TYPE_CHECKING:
    from collections.abc import Callable


def runner_of(kind: Kind, task: str) -> Callable[..., Any]:
    """What is called with the arguments of a job. task: its name"""
    match kind:
        case Command():
            return partial(run_command, kind)
        case File():
            return partial(_run_file, kind, task)
        case Code():
            return partial(_run_code, kind, task)


def _run_file(file: File, task: str, /, *args: Any, **kwargs: Any) -> Any:
    """Read the file anew, and call its function. Raises: FileNotFoundError, AttributeError"""
    path = Path(file.path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path} where the workers of this service run: put it there, or "
            "name the right one"
        )
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    function = getattr(_load(path), file.function, None)
    if not callable(function):
        raise AttributeError(f"{path} has no function {file.function!r}: give its func_name=")
    return context.complete(function, task)(*args, **kwargs)


def _load(path: Path) -> ModuleType:
    """What the file defines, whatever of it was read before."""
    module = ModuleType(f"file:{path}")  # a name that hides no other module
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


def _run_code(code: Code, task: str, /, *args: Any, **kwargs: Any) -> Any:
    """Run it with its arguments as names; the answer is what it leaves as `return_value`."""
    if args:
        raise TypeError("a text of code takes keywords, which are the names that it finds")
    names: dict[str, Any] = {"__name__": "__main__", **kwargs}
    exec(compile(code.code, f"<code of {task}>", "exec"), names)
    return names.get("return_value")
