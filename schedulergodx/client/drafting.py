"""How drafts of jobs become what travels. Nothing here knows a client, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from schedulergodx.client.base_task import BaseTask
from schedulergodx.client.dependency import parents_of
from schedulergodx.client.named import NamedRecipe
from schedulergodx.client.recipe import Recipe, name_of
from schedulergodx.client.value import ValueOf
from schedulergodx.core.envelope import LARGEST_BYTES
from schedulergodx.core.identity import uid_of, ulid
from schedulergodx.core.job import OnFailure, Parent
from schedulergodx.core.json_data import is_exact, write_arguments
from schedulergodx.core.message import JobItem
from schedulergodx.core.results import as_json, results_met
from schedulergodx.errors import ShipError

if TYPE_CHECKING:
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.draft import Draft
    from schedulergodx.client.options import Options
    from schedulergodx.client.packers import Packers
    from schedulergodx.client.template import Template

_MOST_KEPT = 1000  # recipes
_PARENT_RESULTS = "parent_results"  # a parameter that is given the values of all parents


class Drafted(NamedTuple):
    """A job that was made by hand, ready to be sent.

    units: bodies by hashes, of those that the arguments need
    values: parents whose values stand among the arguments
    """

    template: Template
    item: JobItem
    units: Mapping[bytes, bytes]
    values: list[BaseJob[Any]]


class Drafting:
    """Makes jobs of drafts.

    options: that hold where a draft says nothing
    """

    def __init__(self, options: Options, packers: Packers, clock: Callable[[], float]) -> None:
        self._options = options
        self._clock = clock
        self._packers = packers
        self._recipes: dict[object, Recipe] = {}

    def prepare(
        self,
        job: BaseJob[Any],
        *,
        find_uid: Callable[[str], bytes | None] = uid_of,
        client: str = "",
    ) -> Drafted:
        """A job that was made by hand, ready to be sent.

        find_uid: the uid of an id
        client: in whose name it is launched

        Raises: ShipError, TooLarge, UnknownJob, ConfigError
        """
        draft = job._draft
        assert draft is not None
        recipe = self.recipe(draft)
        template = recipe.template()
        parents = parents_of(draft.dependencies, find_uid) if draft.dependencies else {}
        kwargs = draft.params
        if _PARENT_RESULTS not in kwargs and recipe.takes(_PARENT_RESULTS, len(draft.args)):
            kwargs = {**kwargs, _PARENT_RESULTS: _values_of(parents)}
        arguments, units, met = _pack(recipe, draft.args, kwargs)
        if len(arguments) + template.size > LARGEST_BYTES:
            raise template.too_large(arguments)
        for value in met:
            parents[value.uid] = _with_result(parents.get(value.uid), value)
        due = deadline = None
        if template.is_timed:
            now = self._clock()
            due, deadline = template.due(now), template.deadline(now)
        item = JobItem(job.uid, arguments, due, deadline, None, units, tuple(parents.values()))
        if draft.about is not None:
            item = replace(item, about=draft.about)
        if recipe.keys is not None:
            item = recipe.keys.put_on(item, draft.args, kwargs, client)
        bodies = {key: recipe.packer.unit(key) for key in units}
        return Drafted(template, item, bodies, [v.job for v in met if v.job is not None])

    def recipe(self, draft: Draft) -> Recipe:
        """What the jobs of a draft are made by; equal ones share it. Raises: ConfigError"""
        function = draft.function
        if isinstance(function, BaseTask | Recipe):
            recipe = function if isinstance(function, Recipe) else function._recipe
            return recipe.changed(draft.said)
        try:
            base = self._recipes.get(function)
        except TypeError:  # it has no hash
            base = self._base(function)
        if base is None:
            if len(self._recipes) >= _MOST_KEPT:
                self._recipes.clear()
            base = self._recipes[function] = self._base(function)
        return base.changed(draft.said)

    def _base(self, function: Callable[..., Any] | str) -> Recipe:
        if isinstance(function, str):
            return NamedRecipe(function, self._options)
        return Recipe(function, name_of(function), self._options, self._packers.find)


def _pack(
    recipe: Recipe, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bytes, tuple[bytes, ...], list[ValueOf]]:
    """Arguments that can travel, the units that they need, the values of parents among them.

    What JSON can hold travels as JSON, so that whoever looks at the job can read it.
    """
    if isinstance(recipe, NamedRecipe):
        met: list[object] = []
        with suppress(RecursionError):  # what contains itself: it is refused below
            args, kwargs = as_json((args, kwargs), met)
        return write_arguments(args, kwargs), (), _values_among(met)
    if not args and is_exact(kwargs):
        with suppress(ShipError):  # half of a surrogate pair
            return write_arguments((), kwargs), (), []
    with results_met() as results:
        packed = recipe.packer.pack_arguments(args, kwargs)
    return packed.body, packed.units, _values_among(results)


def _values_among(met: Iterable[object]) -> list[ValueOf]:
    return [one for one in met if isinstance(one, ValueOf)]


def _with_result(parent: Parent | None, value: ValueOf) -> Parent:
    """The parent of a value that stands among the arguments."""
    on_failure = OnFailure.RUN if value.optional else OnFailure.CANCEL
    if parent is not None:
        on_failure = parent.on_failure
    return Parent(value.uid, on_failure, result=True)


def _values_of(parents: Iterable[bytes]) -> dict[str, Any]:
    return {ulid(uid): ValueOf(uid) for uid in parents}
