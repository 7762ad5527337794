"""Functions that a job names: registered ones, and those of a path that the service imports.

A path is checked before anything is imported, and what is found there after: a function that its
module only imported, as `os.system` in `shop.tasks.system`, is not one of that module.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from schedulergodx.core.allow_list import AllowList
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.job import ErrorCode, Failure
from schedulergodx.core.json_data import read_arguments
from schedulergodx.core.kinds import read_kind
from schedulergodx.core.registry import registry
from schedulergodx.core.results import from_json
from schedulergodx.executors.inside.unopened import Unopened, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.frames import Order


class NamedFunctions:
    """Finds functions by their names, each once.

    imports: entries of an allow-list, see `AllowList`
    kinds: tags of what is run beside functions, see `core.kinds`
    """

    def __init__(self, imports: Iterable[str], kinds: Iterable[str] = ()) -> None:
        self._allowed = AllowList(imports)
        self._kinds = frozenset(kinds)
        self._found: dict[str, Callable[..., Any]] = {}

    def find(self, spec: Spec) -> Callable[..., Any]:
        """The function of its name, or what runs what it says. Raises: Unopened"""
        if spec.function:
            return self._runner(spec)
        name = spec.name
        function = self._found.get(name)
        if function is None:
            function = self._found[name] = registry.functions.get(name) or self._import(name)
        return function

    def _runner(self, spec: Spec) -> Callable[..., Any]:
        from schedulergodx.executors.inside.kinds import runner_of  # late: few jobs have any

        kind = read_kind(spec.function, self._kinds)
        if isinstance(kind, Failure):
            raise Unopened(ErrorCode(kind.code), kind.text)
        return runner_of(kind, spec.name)

    def _import(self, path: str) -> Callable[..., Any]:
        refusal = self._allowed.judge(path, registry.functions)
        if refusal is not None:
            raise Unopened(ErrorCode(refusal.code), refusal.text)
        module, names = self._import_module(path)
        found: Any = module
        for name in names:
            if name.startswith("_") or not hasattr(found, name):
                where = getattr(found, "__qualname__", found.__name__)
                raise _unknown(path, f"{where} has no {name!r} for others")
            found = getattr(found, name)
            self._check_home(path, found)
        if not callable(found):
            raise _unknown(path, f"it is of type {type(found).__name__}, which can't be called")
        function: Callable[..., Any] = found
        return function

    def _import_module(self, path: str) -> tuple[ModuleType, list[str]]:
        """The longest part of a path that is a module, and the names after it."""
        parts = path.split(".")
        for length in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:length])
            if not self._allowed.leads_to(module):
                break
            try:
                return importlib.import_module(module), parts[length:]
            except ModuleNotFoundError as error:
                if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                    raise _broken(module, error, ErrorCode.MISSING_MODULE) from error
            except Exception as error:
                raise _broken(module, error, ErrorCode.UNREADABLE_CODE) from error
        raise _unknown(path, "there is no such module here")

    def _check_home(self, path: str, found: Any) -> None:
        """Raise Unopened for what was not made in one of the modules that are allowed."""
        module = getattr(found, "__module__", None)
        name = getattr(found, "__qualname__", type(found).__qualname__)
        home = f"{module}.{name}"
        if isinstance(found, ModuleType) or module is None or not self._allowed.permits(home):
            text = (
                f"{path!r} is not of the module that it is named by, but of "
                f"{module or type(found).__name__}: register it, or add that to `imports`"
            )
            raise Unopened(ErrorCode.NOT_ALLOWED, text)


def open_arguments(
    order: Order, values: Mapping[bytes, object]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments in JSON, with the values of other jobs in their places. Raises: Unopened"""
    try:
        args, kwargs = read_arguments(order.arguments)
    except UNREADABLE as error:
        text = f"the arguments are not JSON of [args, kwargs]: {error}"
        raise Unopened(ErrorCode.UNREADABLE_CODE, text) from error
    if values:
        args, kwargs = from_json(args, values), from_json(kwargs, values)
    return tuple(args), kwargs


def _unknown(path: str, why: str) -> Unopened:
    return Unopened(ErrorCode.UNKNOWN_FUNCTION, f"there is no function {path!r}: {why}")


def _broken(module: str, error: Exception, code: ErrorCode) -> Unopened:
    text = f"module {module!r} can't be imported: {type(error).__name__}: {safe_text(error)}"
    return Unopened(code, text)
