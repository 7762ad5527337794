"""The SQL of the SQLite store, in one place; the tables are in `storage/schema.py`.

The status of a job is a literal everywhere, since a partial index serves only a statement that says
its condition. `INDEXED BY` holds the plans: SQLite has no statistics of these tables, and a wrong
guess would sort a million rows. A test looks at each plan.

Where rows are read first and then changed by their `seq`, nothing can come in between: there is one
writer. It is quicker than RETURNING, which keeps a second copy of each row.
"""

from __future__ import annotations

from schedulergodx.storage.sqlite.bulk import Bulk
from schedulergodx.storage.states import BLOCKED, PENDING, RUNNING, SCHEDULED

# The fields of a `JobRow`, in order.
JOB = (
    "job.seq, job.uid, job.label, job.client, job.reply, job.attempt, job.spec, job.lane, "
    "job.status, job.worker, job.started, job.deadline_code, job.children, job.batch"
)
_TOLD = (
    "job.seq, job.uid, job.label, job.client, job.reply, job.attempt, job.started, job.finished, "
    "result.outcome"
)
VIEW_COLUMNS = (
    "seq, uid, label, client, spec, lane, status, priority, created, due, deadline, started, "
    "finished, attempt, worker, cancel_asked, code, "
    "(SELECT name FROM about WHERE about.seq = job.seq), batch"
)

# -- inbox ---------------------------------------------------------------------------------------

KNOWN_UIDS = Bulk("SELECT uid FROM job WHERE uid IN (VALUES $rows)", 1)
ADD_JOBS = Bulk(
    "INSERT INTO job (seq, uid, label, client, reply, spec, lane, status, priority, created, due, "
    "deadline, deadline_code, finished, code, batch) VALUES $rows",
    16,
)
ADD_PAYLOADS = Bulk("INSERT INTO payload (seq, arguments, units) VALUES $rows", 3)
ADD_ABOUTS = Bulk("INSERT INTO about (seq, name, description) VALUES $rows", 3)
ADD_RESULTS = Bulk("INSERT INTO result (seq, outcome) VALUES $rows", 2)
ADD_LINES = Bulk("INSERT INTO outbox (seq) VALUES $rows", 1)

KNOWN_UNITS = Bulk("SELECT hash FROM unit WHERE hash IN (VALUES $rows)", 1)
UNITS = Bulk("SELECT hash, body FROM unit WHERE hash IN (VALUES $rows)", 1)
ADD_UNITS = Bulk("INSERT INTO unit (hash, body) VALUES $rows ON CONFLICT (hash) DO NOTHING", 2)

# -- scheduler -----------------------------------------------------------------------------------

_DUE = (
    f"FROM job INDEXED BY job_scheduled WHERE status = {SCHEDULED} AND due <= ? "
    "ORDER BY due, seq LIMIT ?"
)
COUNT_DUE = f"SELECT lane, batch, count(*) FROM (SELECT lane, batch {_DUE}) GROUP BY lane, batch"
RELEASE_DUE = f"UPDATE job SET status = {PENDING} WHERE seq IN (SELECT seq {_DUE})"
NEXT_DUE = (
    f"SELECT due FROM job INDEXED BY job_scheduled WHERE status = {SCHEDULED} ORDER BY due LIMIT 1"
)

_NOT_STARTED = (
    "FROM job INDEXED BY job_deadline "
    "WHERE deadline IS NOT NULL AND attempt = 0 "
    f"AND status IN ({SCHEDULED}, {BLOCKED}, {PENDING})"
)
TOO_LATE = f"SELECT {JOB} {_NOT_STARTED} AND deadline <= ? ORDER BY deadline, seq LIMIT ?"
NEXT_DEADLINE = f"SELECT deadline {_NOT_STARTED} ORDER BY deadline LIMIT 1"

# -- dispatcher ----------------------------------------------------------------------------------

FIRST_OF_LANE = (
    "SELECT priority, seq FROM job INDEXED BY job_pending "
    f"WHERE lane = ? AND status = {PENDING} ORDER BY priority DESC, seq LIMIT ?"
)
_CLAIMABLE = (
    "job.seq, job.uid, job.label, job.client, job.reply, job.attempt, job.spec, job.lane, "
    "job.deadline_code, job.children, job.batch, payload.arguments, payload.units, job.results"
)
# The same with all that a claim reads, where there is one lane. Given (lane, limit, now).
CLAIMABLE_OF_LANE = (
    f"SELECT {_CLAIMABLE} FROM (SELECT seq AS first FROM job INDEXED BY job_pending "
    f"WHERE lane = ? AND status = {PENDING} ORDER BY priority DESC, seq LIMIT ?) "
    "CROSS JOIN job ON job.seq = first LEFT JOIN payload ON payload.seq = job.seq "
    "WHERE job.deadline IS NULL OR job.attempt > 0 OR job.deadline > ?"
)
# Given (seq, now). What may not start any more is left for the scheduler.
CLAIMABLE = Bulk(
    f"SELECT {_CLAIMABLE} FROM (VALUES $rows) AS given CROSS JOIN job ON job.seq = given.column1 "
    "LEFT JOIN payload ON payload.seq = job.seq "
    "WHERE job.deadline IS NULL OR job.attempt > 0 OR job.deadline > given.column2",
    2,
)
CLAIM = Bulk(
    f"UPDATE job SET status = {RUNNING}, attempt = attempt + 1, worker = place.column2, "
    "started = place.column3 FROM (VALUES $rows) AS place "
    f"WHERE job.seq = place.column1 AND job.status = {PENDING}",
    3,
)
GIVE_BACK = Bulk(
    f"UPDATE job SET status = {PENDING}, attempt = attempt - 1, worker = NULL, started = NULL "
    "WHERE seq IN (VALUES $rows)",
    1,
)

# -- finisher ------------------------------------------------------------------------------------

RUNNING_ATTEMPTS = Bulk(
    f"SELECT {JOB} FROM (VALUES $rows) AS given CROSS JOIN job ON job.seq = given.column1 "
    f"WHERE job.attempt = given.column2 AND job.status = {RUNNING}",
    2,
)
END_JOBS = Bulk(
    "UPDATE job SET status = ending.column2, started = ending.column3, finished = ending.column4, "
    "code = ending.column5 FROM (VALUES $rows) AS ending WHERE job.seq = ending.column1",
    5,
)
RETRY_JOBS = Bulk(
    f"UPDATE job SET status = {SCHEDULED}, due = again.column2, worker = NULL, started = NULL "
    "FROM (VALUES $rows) AS again WHERE job.seq = again.column1",
    2,
)
ADD_ATTEMPTS = Bulk(
    "INSERT INTO attempt (seq, number, worker, started, finished, outcome) VALUES $rows", 6
)
CANCEL_ASKED = Bulk(
    f"SELECT seq FROM job WHERE seq IN (VALUES $rows) AND status = {RUNNING} AND cancel_asked", 1
)
ALL_RUNNING = (
    "SELECT seq, uid, attempt, spec, worker, started FROM job INDEXED BY job_running "
    f"WHERE status = {RUNNING} ORDER BY seq"
)

# -- what clients and operators ask --------------------------------------------------------------

JOB_OF_UID = f"SELECT {JOB} FROM job WHERE uid = ?"
ASK_TO_CANCEL = f"UPDATE job SET cancel_asked = 1 WHERE seq = ? AND status = {RUNNING}"
WAITING_JOB = (
    "SELECT spec, lane, status, priority, due, deadline, deadline_code, seq, batch FROM job "
    f"WHERE uid = ? AND status IN ({SCHEDULED}, {BLOCKED}, {PENDING})"
)
CHANGE = (
    "UPDATE job SET spec = ?, lane = ?, status = ?, priority = ?, due = ?, deadline = ?, "
    "deadline_code = ? WHERE seq = ?"
)
# A requeued job has a new seq: of one label, the one that came last is the newest.
_NEWEST = "ORDER BY created DESC, seq DESC LIMIT 1"
NEWEST_OF_LABEL = f"SELECT uid FROM job INDEXED BY job_label WHERE label = ? {_NEWEST}"
NEWEST_OF_CLIENT = (
    "SELECT uid FROM job INDEXED BY job_label "
    f"WHERE label = ? AND client = (SELECT id FROM client WHERE name = ?) {_NEWEST}"
)
IS_KNOWN = "SELECT 1 FROM job WHERE uid = ?"
STATUS = "SELECT status FROM job WHERE uid = ?"
TOLD_OF_UIDS = Bulk(
    f"SELECT {_TOLD} FROM (VALUES $rows) AS given CROSS JOIN job ON job.uid = given.column1 "
    "CROSS JOIN result ON result.seq = job.seq",
    1,
)
VIEW = f"SELECT {VIEW_COLUMNS} FROM job WHERE uid = ?"
ANNOTATE = (
    "INSERT INTO progress (seq, at, note) SELECT seq, ?, ? FROM job WHERE uid = ? "
    "ON CONFLICT (seq) DO UPDATE SET at = excluded.at, note = excluded.note"
)
PROGRESS = "SELECT done, total, note FROM progress WHERE seq = ?"
# Given (seq, attempt, now, done, total, note).
NOTE_PROGRESS = Bulk(
    "INSERT INTO progress (seq, at, done, total, note) "
    "SELECT job.seq, given.column3, given.column4, given.column5, given.column6 "
    "FROM (VALUES $rows) AS given CROSS JOIN job ON job.seq = given.column1 "
    f"WHERE job.attempt = given.column2 AND job.status = {RUNNING} "
    "ON CONFLICT (seq) DO UPDATE SET at = excluded.at, "
    "done = coalesce(excluded.done, done), total = coalesce(excluded.total, total), "
    "note = CASE excluded.note WHEN '' THEN note ELSE excluded.note END",
    6,
)
KEEP_CHECKPOINT = (
    "INSERT INTO progress (seq, at, checkpoint, units) SELECT seq, ?, ?, ? FROM job "
    f"WHERE seq = ? AND attempt = ? AND status = {RUNNING} "
    "ON CONFLICT (seq) DO UPDATE SET checkpoint = excluded.checkpoint, units = excluded.units "
    "RETURNING seq"
)
CHECKPOINT = "SELECT checkpoint, units FROM progress WHERE seq = ? AND checkpoint IS NOT NULL"
WITH_CHECKPOINT = "SELECT seq FROM progress WHERE checkpoint IS NOT NULL"
DROP_CHECKPOINTS = Bulk(
    "UPDATE progress SET checkpoint = NULL, units = NULL WHERE seq IN (VALUES $rows)", 1
)
DESCRIPTION = "SELECT description FROM about WHERE seq = ?"
ARGUMENTS = "SELECT arguments FROM payload WHERE seq = ?"
RESULT = "SELECT outcome FROM result WHERE seq = ?"
ATTEMPTS = (
    "SELECT number, worker, started, finished, outcome FROM attempt WHERE seq = ? ORDER BY id"
)


def list_jobs(index: str, conditions: list[str]) -> str:
    """Newest jobs first; the last value is how many.

    index: to find them by, where they are few; "" to walk back from the newest
    conditions: all must hold
    """
    by = f"INDEXED BY {index}" if index else "NOT INDEXED"
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return f"SELECT {VIEW_COLUMNS} FROM job {by} {where}ORDER BY seq DESC LIMIT ?"


# -- outbox --------------------------------------------------------------------------------------

LINES = (
    "SELECT outbox.seq, length(result.outcome) FROM outbox "
    "CROSS JOIN result ON result.seq = outbox.seq WHERE outbox.seq > ? ORDER BY outbox.seq LIMIT ?"
)
TOLD_OF_SEQS = Bulk(
    f"SELECT {_TOLD} FROM (VALUES $rows) AS given CROSS JOIN job ON job.seq = given.column1 "
    "CROSS JOIN result ON result.seq = job.seq",
    1,
)
REMOVE_LINES = Bulk("DELETE FROM outbox WHERE seq IN (VALUES $rows)", 1)

# -- caretaker -----------------------------------------------------------------------------------

# Not those for which another one waits: it may want their results.
_IS_NEEDED = (
    "EXISTS (SELECT 1 FROM dependency CROSS JOIN job AS child ON child.seq = dependency.child "
    f"WHERE dependency.parent = job.seq AND child.status <= {RUNNING})"
)
# Given (status, finished after, finished by, and for the last two a queue or queues, limit).
_KEPT = (
    "SELECT seq, lane, finished, batch FROM job INDEXED BY job_ended "
    f"WHERE status = ? AND status > {RUNNING} AND finished > ? AND finished <= ? %s"
    f"AND NOT (children AND {_IS_NEEDED}) ORDER BY finished, lane, seq LIMIT ?"
)
KEPT_LONG_ENOUGH = _KEPT % ""
KEPT_OF_QUEUE = _KEPT % "AND lane IN (SELECT id FROM lane WHERE queue = ?) "
KEPT_OF_OTHERS = _KEPT % (
    "AND lane NOT IN (SELECT id FROM lane WHERE queue IN (SELECT value FROM json_each(?))) "
)
REMOVE_PAYLOADS = Bulk("DELETE FROM payload WHERE seq IN (VALUES $rows)", 1)
REMOVE_RESULTS = Bulk("DELETE FROM result WHERE seq IN (VALUES $rows)", 1)
REMOVE_PROGRESS = Bulk("DELETE FROM progress WHERE seq IN (VALUES $rows)", 1)
REMOVE_ABOUTS = Bulk("DELETE FROM about WHERE seq IN (VALUES $rows)", 1)
REMOVE_JOBS = Bulk("DELETE FROM job WHERE seq IN (VALUES $rows)", 1)

# -- what is remembered in memory ----------------------------------------------------------------

COUNTS = "SELECT lane, status, jobs FROM counter"
COUNT = Bulk(
    "INSERT INTO counter (lane, status, jobs) VALUES $rows "
    "ON CONFLICT (lane, status) DO UPDATE SET jobs = jobs + excluded.jobs",
    3,
)
NEWEST_SEQ = "SELECT max(seq) FROM job"
NEWEST_UID = "SELECT max(uid) FROM job"
NOTE = "SELECT text FROM note WHERE key = ?"
SET_NOTE = "REPLACE INTO note (key, text) VALUES (?, ?)"
