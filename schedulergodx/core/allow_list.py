"""Which functions may be called by a path: what a service's `imports` names, and nothing else."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from schedulergodx.core.job import ErrorCode, Failure

LONGEST_NAME = 200
NO_CODE = (
    "this service takes no shipped code (accept_code is off): register the function where it runs, "
    "and launch it by its name with client.execute()"
)
_ALL_BELOW = ".*"


class AllowList:
    """Paths, each of which stands for itself and for all below it.

    entries: "shop.tasks" (a module, or a package with all that is in it), "shop.tasks.*" (the
        same), "shop.tasks.send" (one function)

    Raises: ValueError for one that is no path
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self.paths = tuple(entry.removesuffix(_ALL_BELOW) for entry in entries)
        for path in self.paths:
            if not is_path(path):
                raise ValueError(f"{path!r} is not the path of a module, as shop.tasks")
        self._below = tuple(f"{path}." for path in self.paths)

    def permits(self, path: str) -> bool:
        """Whether that is one of the paths, or below one."""
        return path in self.paths or path.startswith(self._below)

    def leads_to(self, module: str) -> bool:
        """Whether a module has to be imported for one of the paths, or is below one."""
        return self.permits(module) or any(path.startswith(f"{module}.") for path in self.paths)

    def judge(self, name: str, registered: Collection[str]) -> Failure | None:
        """Why no function may be called by that name; None if one may.

        registered: names that are free in any case
        """
        if not 0 < len(name) <= LONGEST_NAME:
            text = f"the name of a function has 1 to {LONGEST_NAME} characters, not {len(name)}"
            return Failure(ErrorCode.UNKNOWN_FUNCTION, text)
        if name in registered or (self.permits(name) and is_path(name)):
            return None
        if "." in name:
            return _not_allowed(name)
        near = difflib.get_close_matches(name, registered, n=1)
        hint = f"do you mean {near[0]!r}?" if near else "register it where the service runs"
        text = f"no function is registered as {name!r}: {hint}"
        return Failure(ErrorCode.UNKNOWN_FUNCTION, text)


def is_path(text: str) -> bool:
    """Whether it is names with dots between them, as a module has."""
    return all(part.isidentifier() for part in text.split("."))


def _not_allowed(path: str) -> Failure:
    text = (
        f"{path!r} is neither registered where the service runs, nor below one of the paths that "
        "its operator allows (`imports`)"
    )
    return Failure(ErrorCode.NOT_ALLOWED, text)
