"""How both clients make launches of names. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schedulergodx.client.launching import Launching

if TYPE_CHECKING:
    from schedulergodx.client.named import NamedRecipe

EXPIRES = 1800.0  # seconds, where a document says so
_MOST_KEPT = 1000  # names


class Naming(Launching):
    """The part of both clients that knows functions by their names."""

    def _set_up(self, *given: Any) -> None:
        super()._set_up(*given)
        self._named: dict[tuple[str, bool], NamedRecipe] = {}

    def _name(
        self, name: str, options: Mapping[str, Any], *, everywhere: bool = False
    ) -> NamedRecipe:
        """The recipe of a name: launches of one can share envelopes. Raises: ConfigError"""
        from schedulergodx.client.named import NamedRecipe  # late: few programs launch names

        recipe = self._named.get((name, everywhere))
        if recipe is None:
            if len(self._named) >= _MOST_KEPT:
                self._named.clear()
            recipe = NamedRecipe(name, self._options, everywhere=everywhere)
            self._named[name, everywhere] = recipe
        return recipe.with_options(options)

    def _program(self, options: Mapping[str, Any], **said: Any) -> NamedRecipe:
        """The recipe of what is no function. Raises: TypeError, ConfigError"""
        from schedulergodx.client.programs import recipe_of  # late: few programs have any

        return recipe_of(self._options, options, **said)

    def _name_for_all(self, name: str, options: Mapping[str, Any]) -> NamedRecipe:
        """The recipe of a name for every store, which waits a bounded time unless it says more."""
        return self._name(name, {"expires": EXPIRES, **options}, everywhere=True)


def options_to_publish(
    queue: str | None, channel: str | None, expires: object, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What `publish` was told, as options of a task."""
    queue = channel if queue is None else queue
    return {**options, "expires": expires} | ({} if queue is None else {"queue": queue})
