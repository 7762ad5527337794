"""The text of a rule in pieces: words, names in quotes, and what joins them."""

from __future__ import annotations

import re
from typing import NamedTuple

from schedulergodx.errors import BadRule

_PIECE = re.compile(
    r"""\s*(?:
        (?P<name> '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" )
      | (?P<mark> [&|~()] )
      | (?P<word> ,| [^\s&|~()'",][^\s&|~()'"]* )
    )""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One piece. kind: "name", "mark" or "word"; start, end: indices in the rule"""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(rule: str) -> list[Token]:
    """The pieces of a rule.

    Raises: BadRule if a quote is not closed
    """
    tokens, at, end = [], 0, len(rule.rstrip())
    while at < end:
        piece = _PIECE.match(rule, at)
        if piece is None or piece.lastgroup is None:
            place = at + len(rule[at:]) - len(rule[at:].lstrip())
            raise BadRule("a quote is opened here and never closed", rule, place)
        kind = piece.lastgroup
        tokens.append(Token(kind, piece[kind], piece.start(kind), piece.end(kind)))
        at = piece.end()
    return tokens
