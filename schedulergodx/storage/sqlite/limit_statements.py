"""The SQL of limits, rates and paused queues; see `statements` for how it is written."""

from __future__ import annotations

from schedulergodx.storage.sqlite.bulk import Bulk
from schedulergodx.storage.states import BLOCKED, PENDING, RUNNING

# Of each lane the job that is first in it, where there is one.
HEADS = Bulk(
    "SELECT job.lane, job.priority, job.seq FROM (VALUES $rows) AS given "
    "CROSS JOIN job ON job.seq = (SELECT seq FROM job AS other INDEXED BY job_pending "
    f"WHERE other.lane = given.column1 AND other.status = {PENDING} "
    "ORDER BY other.priority DESC, other.seq LIMIT 1)",
    1,
)

# Of one job: its lane, the uid of the one that it is joined to, whether it waits for a batch.
HELD_BACK = (
    "SELECT job.lane, joined.first, job.status = "
    f"{BLOCKED} AND EXISTS (SELECT 1 FROM batch INDEXED BY batch_callback "
    "WHERE callback IS NOT NULL AND callback = job.uid) "
    "FROM job LEFT JOIN joined ON joined.seq = job.seq WHERE job.uid = ?"
)
RUNNING_OF_LANES = (
    f"SELECT uid FROM job INDEXED BY job_running WHERE status = {RUNNING} "
    "AND lane IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?"
)

RULES = "SELECT name, concurrency, rate, seconds FROM limit_rule"
SET_RULE = "REPLACE INTO limit_rule (name, concurrency, rate, seconds) VALUES (?, ?, ?, ?)"

RATE = "SELECT next FROM rate WHERE key = ?"
SET_RATES = Bulk("REPLACE INTO rate (key, next) VALUES $rows", 2)
REMOVE_RATES = (
    "DELETE FROM rate WHERE key IN "
    "(SELECT key FROM rate INDEXED BY rate_next WHERE next <= ? LIMIT ?) RETURNING key"
)

REMOVE_LANES = Bulk("DELETE FROM lane WHERE id IN (VALUES $rows)", 1)
REMOVE_COUNTERS = Bulk("DELETE FROM counter WHERE lane IN (VALUES $rows)", 1)
# At the start, once: keys of limits that no job has any more.
EMPTY_LANES = (
    "SELECT id FROM lane WHERE key <> '' "
    "AND NOT EXISTS (SELECT 1 FROM counter WHERE counter.lane = lane.id AND jobs <> 0)"
)

PAUSED = "SELECT name, paused FROM queue WHERE paused IS NOT NULL"
PAUSE = "REPLACE INTO queue (name, paused) VALUES (?, ?)"
RESUME = "DELETE FROM queue WHERE name = ?"
