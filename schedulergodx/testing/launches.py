"""What a test can say of launches: that they were made, and with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.base_task import BaseTask

# How a test says which task it means: itself, its function, or its name.
Named: TypeAlias = "BaseTask | Callable[..., Any] | str"


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch.

    task: its name
    function: what would be called
    due: the instant from which it may run, None for at once
    """

    task: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    due: float | None
    job: BaseJob[Any]

    def __str__(self) -> str:
        said = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs.items())]
        return f"{self.task}({', '.join(said)})"

    def is_of(self, task: Named) -> bool:
        """Whether it is one of a task, of the function of one, or of that name."""
        if isinstance(task, str):
            return self.task == task
        return self.function == getattr(task, "__wrapped__", task)


class Launches:
    """All launches of a test, in their order."""

    def __init__(self) -> None:
        self._all: list[Launch] = []

    def add(self, launch: Launch) -> None:
        """Note one."""
        self._all.append(launch)

    def of(self, task: Named | None) -> list[Launch]:
        """Those of a task; None for all."""
        return [launch for launch in self._all if task is None or launch.is_of(task)]

    def check(
        self,
        task: Named,
        args: tuple[Any, ...] | None,
        kwargs: dict[str, Any] | None,
        times: int | None,
    ) -> None:
        """Raise AssertionError unless a task was launched like that, so many times."""
        fitting = [
            launch
            for launch in self.of(task)
            if (args is None or launch.args == args) and (kwargs is None or launch.kwargs == kwargs)
        ]
        if (len(fitting) != times) if times is not None else not fitting:
            wanted = "at least once" if times is None else f"{times} times"
            raise AssertionError(
                f"{_wish(task, args, kwargs)} was to be launched {wanted}, and was "
                f"{len(fitting)} times; launched were: {self._list()}"
            )

    def _list(self) -> str:
        return ", ".join(map(str, self._all)) or "none at all"


def _wish(
    task: Named,
    args: tuple[Any, ...] | None,
    kwargs: dict[str, Any] | None,
) -> str:
    name = task if isinstance(task, str) else getattr(task, "__name__", repr(task))
    said = ["..."] if args is None else list(map(repr, args))
    said += ["..."] if kwargs is None and args is not None else []
    said += [f"{key}={value!r}" for key, value in (kwargs or {}).items()]
    return f"{name}({', '.join(said)})"
