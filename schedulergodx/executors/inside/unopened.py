"""Why a job could not be begun: what its order means can't be had here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.core.job import ErrorCode


class Unopened(Exception):
    """A function or its arguments can't be opened.

    code: MISSING_MODULE, UNREADABLE_CODE, UNKNOWN_FUNCTION or NOT_ALLOWED
    """

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def safe_text(error: BaseException) -> str:
    """`str(error)`, whatever its class does in it."""
    try:
        return str(error)
    except BaseException as second:
        return f"<no text: str() raised {type(second).__name__}>"
