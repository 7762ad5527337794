"""What one check of `sgx doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """How a check went."""

    OK = "ok"
    NOTE = "note"  # works, and is worth knowing
    PROBLEM = "problem"  # does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. advice: what to do, of everything that is not ok"""

    subject: str
    verdict: Verdict
    text: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {
            "subject": self.subject,
            "verdict": self.verdict.value,
            "text": self.text,
            "advice": self.advice,
        }


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Verdict.OK, text)


def note(subject: str, text: str, advice: str) -> Finding:
    """It works, and is worth knowing."""
    return Finding(subject, Verdict.NOTE, text, advice)


def problem(subject: str, text: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(subject, Verdict.PROBLEM, text, advice)
