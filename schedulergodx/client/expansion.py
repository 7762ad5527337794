"""Steps for the values in a list that another step will return.

A job launches them when the list is there, before a second job, which waits for them and has what
they returned. Their uids follow from that of the first: launched again after a crash, they are the
same jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from schedulergodx.client.draft import Draft
from schedulergodx.client.named import NamedRecipe
from schedulergodx.client.recipe import Recipe
from schedulergodx.core.context import current_job
from schedulergodx.core.identity import derived_uid
from schedulergodx.core.results import ResultsOf
from schedulergodx.errors import ConfigError

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob

J = TypeVar("J", bound="BaseJob[Any]")

_ATTEMPTS = 3  # of what is the same job when it runs again


def steps_for_each(
    launcher: Any, values: Iterable[Any], expand: Callable[..., Any], kind: type[J]
) -> J:
    """The job that has the list of what they return. Raises: ConfigError

    launcher: of the function that is called with each of the values
    expand: launches them
    """
    recipe = launcher._recipe
    if isinstance(recipe, NamedRecipe):
        raise ConfigError(
            f"{recipe.name!r} is only a name, and steps for each value need code that travels: "
            "launch them from a function of your own"
        )
    task = launcher._client._make_task(recipe.function, recipe.name, recipe.options)
    first = _job(recipe, expand, f"for each: {recipe.name}", kind)
    last = _job(recipe, collect, f"of each: {recipe.name}", kind)
    assert first._draft is not None
    assert last._draft is not None
    first._draft.args = (task, values, last.uid)
    last._draft.args = (first.value, ResultsOf(first.uid))
    return last


def expand(task: Any, values: Iterable[Any], last: bytes) -> int:
    """Launch a step for each value, before the job `last`; how many those are."""
    jobs = _steps(task, values)
    task._client._submit_before(jobs, last)
    return len(jobs)


async def expand_async(task: Any, values: Iterable[Any], last: bytes) -> int:
    """The same for the task of an `AsyncClient`."""
    jobs = _steps(task, values)
    await task._client._submit_before(jobs, last)
    return len(jobs)


def collect(number: int, values: list[Any]) -> list[Any]:
    """What all of them returned. Raises: LookupError if one is missing"""
    if len(values) != number:
        raise LookupError(f"there are results of {len(values)} steps, and {number} were launched")
    return values


def _steps(task: Any, values: Iterable[Any]) -> list[BaseJob[Any]]:
    this = current_job()
    assert this is not None
    jobs = []
    for number, value in enumerate(values):
        job = task.step(value)
        job.uid = derived_uid(this.uid, number)
        jobs.append(job)
    return jobs


def _job(recipe: Recipe, function: Callable[..., Any], name: str, kind: type[J]) -> J:
    """A job of ours beside those of a task: in the same queue, as urgent."""
    said = {
        "queue": recipe.options.queue,
        "priority": recipe.options.priority,
        "max_attempts": _ATTEMPTS,
    }
    options = type(recipe.options)().changed(said)
    made = Recipe(function, name, options, recipe._find_packer)
    return kind._drafted(Draft(function=made), name)
