"""From the text of a rule to the rule.

rule  = all { "|" all }          all   = part { "&" part }
part  = "~" part | "(" rule ")" | phrase
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.conditions.combined import All, Any, Not
from schedulergodx.core.conditions.phrases import read_phrase
from schedulergodx.core.conditions.possible import check
from schedulergodx.core.conditions.tokens import tokens_of
from schedulergodx.core.conditions.words import Words
from schedulergodx.errors import BadRule

if TYPE_CHECKING:
    from schedulergodx.core.conditions.base import Condition
    from schedulergodx.core.conditions.own import OwnConditions
    from schedulergodx.core.conditions.tokens import Token

LONGEST = 10_000  # characters of a rule
_DEEPEST = 50  # parentheses within each other
_ENDS = ("&", "|", ")")


def parse(text: str, own: OwnConditions | None = None) -> Condition:
    """The condition that a text says.

    own: the conditions that are not ours

    Raises: BadRule, which points at the place, if it can't be read or can never hold
    """
    if not isinstance(text, str):
        raise BadRule(f"a rule is a text, not {type(text).__name__}", "")
    if len(text) > LONGEST:
        raise BadRule(f"a rule has at most {LONGEST} characters, not {len(text)}", "")
    condition = _Reader(text, own).whole()
    check(condition, text)
    return condition


class _Reader:
    """Goes through the tokens once."""

    def __init__(self, rule: str, own: OwnConditions | None) -> None:
        self.rule, self.own = rule, own
        self.tokens = tokens_of(rule)
        self.at = self.depth = 0

    def whole(self) -> Condition:
        condition = self._any()
        left = self._peek()
        if left is not None:
            no_pair = "there is no parenthesis that this one closes"
            raise self._bad(no_pair if left.text == ")" else "expected & or | before this")
        return condition

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._take("|"):
            parts.append(self._all())
        return Any(tuple(parts)) if len(parts) > 1 else parts[0]

    def _all(self) -> Condition:
        parts = [self._part()]
        while self._take("&"):
            parts.append(self._part())
        return All(tuple(parts)) if len(parts) > 1 else parts[0]

    def _part(self) -> Condition:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._bad(f"it is more than {_DEEPEST} deep here: join fewer parts")
        if self._take("~"):
            part: Condition = Not(self._part())
        elif self._take("("):
            part = self._any()
            if not self._take(")"):
                raise self._bad("a parenthesis is not closed: expected )")
        else:
            part = self._phrase()
        self.depth -= 1
        return part

    def _phrase(self) -> Condition:
        tokens = self._until_joined()
        if not tokens:
            raise self._bad("expected a condition, such as: daily, every 10 min, after task 'x'")
        return read_phrase(Words(self.rule, tokens), self.own)

    def _until_joined(self) -> list[Token]:
        """The tokens of one phrase; what is in parentheses within it belongs to it."""
        first, inside = self.at, 0
        while (token := self._peek()) is not None:
            if token.kind == "mark" and token.text == "~":
                break
            if token.kind == "mark" and token.text in _ENDS and not inside:
                break
            inside += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
            self.at += 1
        return self.tokens[first : self.at]

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _take(self, mark: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "mark" or token.text != mark:
            return False
        self.at += 1
        return True

    def _bad(self, text: str) -> BadRule:
        token = self._peek()
        return BadRule(text, self.rule, token.start if token else len(self.rule.rstrip()))
