"""Conditions of the user's own in rules: a worker looks, and tells the rules by a parameter.

A service runs no foreign code. So the words of such a condition become `param '<words>' is 'true'`,
and a schedule of its own has the predicate called and the parameter set.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schedulergodx.core.conditions.given import Param
from schedulergodx.core.conditions.own import OwnConditions
from schedulergodx.core.conditions.reading import parse

_TRUE, _FALSE = "true", "false"


@dataclass(frozen=True)
class Check:
    """Looks whether a condition holds, in a worker. words: as they stand in rules"""

    words: str
    predicate: Callable[..., object]
    arguments: dict[str, str]

    def __call__(self) -> bool:
        """Tell the rules, if the answer is another one than before."""
        from schedulergodx.client.args import client_here  # late: it is for workers

        holds = bool(self.predicate(**self.arguments))
        params = client_here().session.params
        said = _TRUE if holds else _FALSE
        if params.get(self.words) != said:
            params[self.words] = said
        return holds


@dataclass(frozen=True)
class _Known:
    syntax: re.Pattern[str]
    predicate: Callable[..., object]
    look_every: float


class ToldConditions(OwnConditions):
    """Those of a client, for `parse`: each stands for the parameter that its check sets.

    wanted: checks that rules need and that were not made before, each with when it looks
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: list[_Known] = []
        self._met: set[str] = set()
        self.wanted: list[tuple[Check, str]] = []

    def tell(
        self, syntax: str | re.Pattern[str], predicate: Callable[..., object], look_every: float
    ) -> None:
        """Register one. look_every: seconds"""
        pattern = syntax if isinstance(syntax, re.Pattern) else re.compile(re.escape(syntax))
        self._own.append(_Known(pattern, predicate, look_every))

    def read(self, rule: object) -> str:
        """The text of a rule, as services read it. Raises: BadRule"""
        return str(parse(str(rule), self))

    def find(self, text: str) -> Any:
        """The condition that a piece of a rule names; None if it is none of these."""
        for known in self._own:
            if match := known.syntax.fullmatch(text):
                given = {key: said for key, said in match.groupdict().items() if said is not None}
                if text not in self._met:
                    self._met.add(text)
                    check = Check(text, known.predicate, given)
                    self.wanted.append((check, f"every {known.look_every} s"))
                return Param(text, _TRUE)
        return None
