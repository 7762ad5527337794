"""From the text of a rule to the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Condition


def parse(text: str) -> Condition:
    """The condition that a text says.

    Raises: BadRule, which points at the place, if it can't be read or can never hold
    """
    raise BadRule("the grammar is not there yet", text, 0)
