"""What a claim hands to jobs that want the values of others: bounded, since it may be large."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from msgspec.json import Decoder

from schedulergodx.core.identity import ulid
from schedulergodx.core.job import Status
from schedulergodx.core.results import ParentResult
from schedulergodx.storage.sqlite import flow_statements as sql
from schedulergodx.storage.sqlite.session import Session, as_json, unpack_outcome
from schedulergodx.storage.states import COMPLETED, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_BYTES = 32 << 20  # of values in one claim
LARGEST_BYTES = 256 << 20  # of values for one job
_TOO_LARGE = (ParentResult(b"", "", Status.COMPLETED),)  # see `ParentResult.withheld`
_LANE = 7  # a column of what is claimable

_numbers = Decoder(list[int]).decode


class ResultsOfParents(Session):
    """A part of the verbs of a dispatcher."""

    def _with_results(
        self, rows: list[Any]
    ) -> tuple[list[Any], Mapping[int, tuple[ParentResult, ...]]]:
        """The rows that can be claimed now, and by seq the values for those that want some.

        The others wait for the next claim. One that wants more than all can have is told so.
        """
        wanting = [row[0] for row in rows if row[-1]]
        if not wanting:
            return rows, {}
        sizes = dict(self._connection.rows(sql.SIZES_OF_RESULTS, (as_json(wanting),)))
        rows = self._fitting(rows, sizes)
        too_large = {seq for seq, size in sizes.items() if size > LARGEST_BYTES}
        wanting = [row[0] for row in rows if row[-1] and row[0] not in too_large]
        return rows, self._read_results(wanting) | dict.fromkeys(too_large, _TOO_LARGE)

    def _fitting(self, rows: list[Any], sizes: Mapping[int, int]) -> list[Any]:
        """The first rows, as many as there is room for their values; one at the least."""
        room = MOST_BYTES
        for number, row in enumerate(rows):
            size = sizes.get(row[0], 0)
            if size > room and number and size <= LARGEST_BYTES:
                for later in rows[number:]:
                    self._limits.put_back(later[_LANE])
                return rows[:number]
            room -= min(size, room)
        return rows

    def _read_results(self, children: Sequence[int]) -> dict[int, tuple[ParentResult, ...]]:
        """What became of the parents of jobs that want it, in the order of their seqs.

        Each is read once, whoever wants it.
        """
        found: dict[int, list[ParentResult]] = defaultdict(list)
        if children:
            for wanted_by, *parent in self._connection.rows(
                sql.RESULTS_OF_PARENTS, (as_json(children),)
            ):
                result = self._parent_result(*parent)
                for child in _numbers(wanted_by):
                    found[child].append(result)
        return {child: tuple(results) for child, results in found.items()}

    def _parent_result(
        self, uid: bytes, label: str | None, status: int, spec: int, packed: bytes | None
    ) -> ParentResult:
        named = self._specs.key(spec).named
        id = label or ulid(uid)
        if packed is None or status != COMPLETED:
            return ParentResult(uid, id, STATUSES[status], named=named)
        outcome = unpack_outcome(packed)
        return ParentResult(uid, id, STATUSES[status], outcome.value, outcome.units, named)
