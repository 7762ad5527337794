"""How a client makes tasks of functions, and launches of calls. Nothing is sent here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from schedulergodx.client.base_task import BaseTask
from schedulergodx.client.finding import Finding
from schedulergodx.client.packers import Packers
from schedulergodx.client.recipe import Recipe, is_coroutine_function, name_of
from schedulergodx.core import context
from schedulergodx.core.envelope import LARGEST_BYTES
from schedulergodx.core.message import JobItem

if TYPE_CHECKING:
    from schedulergodx.client.hooks import InitHook, RunHook
    from schedulergodx.client.options import Options
    from schedulergodx.client.template import Template

H = TypeVar("H", bound=Callable[[Any], object])
_NONE: Mapping[bytes, bytes] = {}


class Launching(Finding):
    """The part of both clients that prepares what they send."""

    _task_kinds: ClassVar[tuple[Callable[..., BaseTask], Callable[..., BaseTask]]]

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._packers = Packers()
        self._init_hooks: list[InitHook] = []
        self._run_hooks: list[RunHook] = []

    def _part_from_parent(self) -> None:
        super()._part_from_parent()
        self._packers.after_fork()

    def hook_task_init(self, function: H) -> H:
        """Have a function called with each task that is made from now on, to set its parameters.

        As `@client.hook_task_init`. A function that is scheduled as it is becomes a task as well.
        """
        self._init_hooks.append(function)
        return function

    def hook_task_execute(self, function: H) -> H:
        """Have a function called before each run of the tasks that are made from now on.

        It travels with them, and is given the name of the task; `current_job()` is the job. Of a
        generator the part after its `yield` is run after it; what the task raises is raised there.
        """
        self._run_hooks.append(function)
        return function

    def _register(self, function: Callable[..., Any] | None, said: Mapping[str, Any]) -> Any:
        """A task, or what makes one of the function that it decorates."""
        if function is None:
            self._options.changed(said)  # what is wrong is said where it is written
            return lambda function: self._register(function, said)
        if isinstance(function, BaseTask):  # perhaps of another client: it keeps what it says
            recipe = function._recipe
            return self._make_task(recipe.function, recipe.name, recipe.options.changed(said))
        if not callable(function):
            raise TypeError(f"a task is made from a function, not from {function!r}")
        options = self._options.changed(said)
        task = self._make_task(function, name_of(function), options)
        task._recipe.checked()
        return task

    def _make_task(self, function: Callable[..., Any], name: str, options: Options) -> BaseTask:
        task_name = options.name or name
        function = _found(function, task_name)
        if self._run_hooks:
            from schedulergodx.client.hooks import with_hooks  # late: few programs have any

            function = with_hooks(function, task_name, self._run_hooks)
        recipe = Recipe(function, name, options, self._packers.find)
        plain, coroutine = self._task_kinds
        task = (coroutine if is_coroutine_function(function) else plain)(self, recipe)
        for hook in self._init_hooks:
            hook(task)
        return task

    def _prepare(
        self, recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Template, JobItem, Any, Mapping[bytes, bytes]]:
        """A launch, ready to be sent: hot. Raises: ShipError, TooLarge"""
        template = recipe.template()
        packed = recipe.packer.pack_arguments(args, kwargs)
        arguments = packed.body
        if len(arguments) + template.size > LARGEST_BYTES:
            raise template.too_large(arguments)
        uid = self._identify()
        label = None if self._labels is None else self._labels.next()
        due = deadline = None
        if template.is_timed:
            now = self._clock()
            due, deadline = template.due(now), template.deadline(now)
        job = self._job_kind._known(
            self,
            uid,
            label=label,
            queue=template.queue,
            task=template.spec.name,
            instance=self.instance,
        )
        item = JobItem(uid, arguments, due, deadline, label, packed.units)
        if recipe.keys is not None:
            item = recipe.keys.put_on(item, args, kwargs, self._launcher)
        if template.batch is not None:
            template.batch.take(job)
        self._awaited.add(job)
        units = {key: recipe.packer.unit(key) for key in packed.units} if packed.units else _NONE
        return template, item, job, units

    @property
    def _launcher(self) -> str:
        """In whose name launches go out: inside a job, in that of the client whose job it is."""
        outlet = context.outlet
        return self.name if outlet is None else outlet.client or self.name


def _found(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function that finds defaults of `args` when it runs, if it has any."""
    defaults = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
    if defaults in ((None, None), (None, {})) or "schedulergodx.client.args" not in sys.modules:
        return function
    from schedulergodx.client.args import with_arguments  # late: few functions have any

    return with_arguments(function, name)
