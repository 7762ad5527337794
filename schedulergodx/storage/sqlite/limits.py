"""What limits leave: which lanes may start a job now, and which is the first of these.

A lane that is at its limit is not looked at before something happens to it: a job comes, one of
those that share its limit ends, or the clock comes to where its rate lets another one start. The
others stand in heaps by their first job. So a claim costs what it starts and what has changed,
however many lanes there are.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING

from schedulergodx.core.job import LimitRule
from schedulergodx.core.limit import name_of_limit, rate_of
from schedulergodx.storage.sqlite import limit_statements as sql
from schedulergodx.storage.sqlite import statements as job_sql
from schedulergodx.storage.sqlite.rates import Rates
from schedulergodx.storage.states import PENDING, RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from schedulergodx.storage.sqlite.connection import Connection
    from schedulergodx.storage.sqlite.lane_counters import LaneCounters, Place
    from schedulergodx.storage.sqlite.session import Lane

Head = tuple[int, int]  # the priority, negative, and the seq of the first job of a lane

_UNLIMITED = 1 << 30
_STALE = 1000  # entries of a heap that may be in vain
_NO_RULE = LimitRule("")


class Limits:
    """Lanes with a limit, by what may start of them.

    lane_of: the lane of a number
    """

    def __init__(
        self, connection: Connection, counters: LaneCounters, lane_of: Callable[[int], Lane]
    ) -> None:
        self._connection = connection
        self._counters = counters
        self._lane_of = lane_of
        self.rates = Rates(connection)
        self._rules: dict[str, LimitRule] = {}
        self._sharing: dict[str, set[int]] = {}  # lanes in which jobs wait or run
        self._heaps: dict[Place, list[tuple[int, int, int]]] = {}  # heads with their lanes
        self._heads: dict[int, Head] = {}  # of lanes that may start; other entries are in vain
        self._taken: Counter[str] = Counter()  # what was chosen and does not run yet
        self._before: defaultdict[str, list[float]] = defaultdict(list)  # rates, before each start
        self._rows: dict[int, deque[Head]] = {}  # the first jobs of lanes, while some are chosen

    # -- its memory ------------------------------------------------------------------------------

    def load(self) -> None:
        """Begin anew, by what the counters and the database say."""
        for memory in (self._sharing, self._heaps, self._heads, self._taken, self._rows):
            memory.clear()
        self._before.clear()
        self.rates.forget()
        rules = [LimitRule(*row) for row in self._connection.rows(sql.RULES)]
        self._rules = {rule.name: rule for rule in rules}
        self._counters.touched = {
            lane
            for lane, status, _ in self._counters
            if status in (PENDING, RUNNING) and self._lane_of(lane)[2]
        }

    def set_rule(self, rule: LimitRule) -> None:
        """From now on a limit is this. One that says nothing leaves it as it is."""
        if rule.concurrency is None and rule.rate is None:
            return
        if self._rules.get(rule.name) != rule:
            self._rules[rule.name] = rule
            row = (rule.name, rule.concurrency, rule.rate, rule.seconds)
            self._connection.write(sql.SET_RULE, row)
            for shared, lanes in self._sharing.items():
                if name_of_limit(shared)[0] == rule.name:
                    self._counters.touched |= lanes

    def rule(self, name: str) -> LimitRule | None:
        """What is known of a limit."""
        return self._rules.get(name)

    def lanes(self, shared: str) -> Collection[int]:
        """Those with this limit and this key in which jobs wait or run."""
        return self._sharing.get(shared, ())

    def wake(self, now: float) -> None:
        """Look again at lanes whose rate lets another job start by now."""
        due = self.rates.due(now)
        self._counters.touched |= {lane for lane in due if self._counters.jobs(lane, PENDING)}

    def drop(self, lane: int) -> None:
        """Forget a lane that is empty."""
        self._see(lane)
        self._counters.touched.discard(lane)

    # -- choosing --------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Look at the lanes to which something has happened."""
        touched = self._counters.touched
        if not touched:
            return
        self._counters.touched = set()
        lanes: set[int] = set()
        for lane in touched:
            lanes |= self._see(lane)
        waiting = [lane for lane in lanes if self._counters.jobs(lane, PENDING) > 0]
        open_ = [lane for lane in waiting if self._is_open(lane, now)]
        for lane, priority, seq in self._connection.bulk_rows(sql.HEADS, open_):
            self._push(lane, (-priority, seq))

    def head(self, place: Place) -> Head | None:
        """The first job that may start at a place; `take` sees whether it still may."""
        heap = self._heaps.get(place)
        while heap:
            priority, seq, lane = heap[0]
            if self._heads.get(lane) == (priority, seq):
                return priority, seq
            heapq.heappop(heap)
        return None

    def has_rate(self, place: Place, now: float) -> bool:
        """Whether what `head` said has a rate, which lets it start now."""
        shared = self._lane_of(self._heaps[place][0][2])[2]
        return rate_of(self._rule_of(shared)) is not None and self._room(shared, now) > 0

    def take(self, place: Place, most: int, now: float) -> int | None:
        """The seq of what `head` said; None if that has moved on, and `head` says another.

        most: how many of this place can be taken yet
        """
        lane = self._heaps[place][0][2]
        head = self._heads.pop(lane)
        shared = self._lane_of(lane)[2]
        room = self._room(shared, now)
        if room <= 0:
            self._wait(lane, shared, now)
            return None
        rows = self._rows.get(lane)
        if rows is None:
            found = self._connection.rows(job_sql.FIRST_OF_LANE, (lane, min(most, room)))
            rows = self._rows[lane] = deque((-priority, seq) for priority, seq in found)
        taken = bool(rows) and rows[0] == head
        if taken:
            rows.popleft()
            self._spend(shared, now)
        if rows:
            self._push(lane, rows[0])
        return head[1] if taken else None

    def put_back(self, lane: int) -> None:
        """One that was chosen of a lane does not start now: it has cost nothing."""
        shared = self._lane_of(lane)[2]
        if lane in self._rows:
            self._taken[shared] -= 1
        if self._before[shared]:
            self.rates.put_back(shared, self._before[shared].pop())

    def settle(self) -> None:
        """What was chosen runs now, or can't start any more."""
        if self._rows:
            self._counters.touched |= self._rows.keys()
            self._rows.clear()
            self._taken.clear()
            self._before.clear()
        self.rates.write()

    # -- inside ----------------------------------------------------------------------------------

    def _see(self, lane: int) -> set[int]:
        """All lanes that are to be looked at because of this one: those with the same limit."""
        shared = self._lane_of(lane)[2]
        sharing = self._sharing.setdefault(shared, set())
        if self._counters.jobs(lane, PENDING) or self._counters.jobs(lane, RUNNING):
            sharing.add(lane)
        else:
            sharing.discard(lane)
            self._heads.pop(lane, None)
            if not sharing:
                del self._sharing[shared]
        return sharing

    def _is_open(self, lane: int, now: float) -> bool:
        """Whether one of its jobs may start now; else it waits for its turn."""
        shared = self._lane_of(lane)[2]
        if self._room(shared, now) > 0:
            return True
        self._wait(lane, shared, now)
        return False

    def _wait(self, lane: int, shared: str, now: float) -> None:
        """It comes back when it is touched: when one that runs ends, or its rate has room."""
        self._heads.pop(lane, None)
        rate = rate_of(self._rule_of(shared))
        if rate is not None and self.rates.room(shared, rate, now) <= 0:
            self.rates.wait(shared, rate, lane)

    def _room(self, shared: str, now: float) -> int:
        """How many more may start of what has this limit and this key."""
        rule = self._rule_of(shared)
        room = _UNLIMITED
        if rule.concurrency is not None:
            lanes = self._sharing.get(shared, ())
            runs = sum(self._counters.jobs(lane, RUNNING) for lane in lanes)
            room = rule.concurrency - runs - self._taken[shared]
        rate = rate_of(rule)
        return room if rate is None else min(room, self.rates.room(shared, rate, now))

    def _spend(self, shared: str, now: float) -> None:
        self._taken[shared] += 1
        rate = rate_of(self._rule_of(shared))
        if rate is not None:
            self._before[shared].append(self.rates.spend(shared, rate, now))

    def _rule_of(self, shared: str) -> LimitRule:
        return self._rules.get(name_of_limit(shared)[0], _NO_RULE)

    def _push(self, lane: int, head: Head) -> None:
        if self._heads.get(lane) == head:
            return
        self._heads[lane] = head
        queue, execution, _ = self._lane_of(lane)
        heap = self._heaps.setdefault((queue, execution), [])
        heapq.heappush(heap, (*head, lane))
        if len(heap) > _STALE + 2 * len(self._heads):
            heap[:] = {entry for entry in heap if self._heads.get(entry[2]) == entry[:2]}
            heapq.heapify(heap)
