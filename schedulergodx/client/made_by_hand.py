"""What can be read of a job that was made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schedulergodx.client.recipe import Recipe
from schedulergodx.core.message import About

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client.base_task import BaseTask
    from schedulergodx.client.dependency import Dependency
    from schedulergodx.client.draft import Draft
    from schedulergodx.client.options import Options

_NAMELESS = About("")


class MadeByHand:
    """The part of a job that its maker wrote. A job that was launched has only a name of these."""

    __slots__ = ()
    _draft: Draft | None
    task: str

    @property
    def name(self) -> str:
        """What people call it; the name of its task, if it has no other."""
        draft = self._draft
        return self.task if draft is None or draft.about is None else draft.about.name

    @property
    def function(self) -> Callable[..., Any] | BaseTask | str:
        """What it runs: a function, a task, or a name."""
        function = self._made.function
        return function.function if isinstance(function, Recipe) else function

    @property
    def params(self) -> dict[str, Any]:
        """The keywords; a change counts until it is submitted."""
        return self._made.params

    @property
    def dependencies(self) -> list[str | Dependency]:
        """Ids of jobs that it depends on, or a `Dependency`; a change counts until it is submitted.

        A job whose value is among its arguments does not stand here.
        """
        return self._made.dependencies

    @property
    def priority(self) -> int:
        """Higher starts first."""
        step = self._options_of_step
        return int(self._made.said["priority"]) if step is None else step.priority

    @property
    def max_attempts(self) -> int:
        """How often it is tried at the most."""
        step = self._options_of_step
        return int(self._made.said["max_attempts"]) if step is None else step.max_attempts

    @property
    def timeout(self) -> Any:
        """How long an attempt may run, as it was written; None for no limit."""
        step = self._options_of_step
        return self._made.said["timeout"] if step is None else step.effective_lifetime

    @property
    def description(self) -> str:
        """What its maker says of it."""
        return (self._made.about or _NAMELESS).description

    @property
    def created_at(self) -> str:
        """When it was made, in ISO 8601."""
        return self._made.created.isoformat()

    @property
    def _options_of_step(self) -> Options | None:
        function = self._made.function
        return function.options if isinstance(function, Recipe) else None

    @property
    def _made(self) -> Draft:
        if self._draft is None:
            raise AttributeError(
                f"job {self} was not made here by hand: `view()` tells what is known of it"
            )
        return self._draft
