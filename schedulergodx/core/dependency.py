"""Jobs that depend on other jobs: the rules, and an order in which parents come first."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeVar

from schedulergodx.core.job import OnFailure, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

K = TypeVar("K")


def is_met(on_failure: OnFailure, parent: Status) -> bool:
    """Whether a job need not wait any more for a parent in that status."""
    return parent is Status.COMPLETED or (parent.final and on_failure is OnFailure.RUN)


def is_fatal(on_failure: OnFailure, parent: Status) -> bool:
    """Whether a job does not run because of a parent in that status."""
    return parent.final and parent is not Status.COMPLETED and on_failure is OnFailure.CANCEL


def in_order(parents: Mapping[K, Collection[K]]) -> list[K]:
    """The keys, each after its parents; in the given order where that does it already.

    parents: of each key; those that are no keys do not count

    Raises: graphlib.CycleError, whose second argument is the circle, its first key twice
    """
    seen: set[K] = set()
    for key, above in parents.items():
        if any(parent in parents and parent not in seen for parent in above):
            return _sorted(parents)
        seen.add(key)
    return list(parents)


def _sorted(parents: Mapping[K, Collection[K]]) -> list[K]:
    known = {key: [one for one in above if one in parents] for key, above in parents.items()}
    return list(TopologicalSorter(known).static_order())


__all__ = ["CycleError", "in_order", "is_fatal", "is_met"]
