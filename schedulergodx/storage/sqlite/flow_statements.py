"""The SQL of dependencies and batches; see `statements` for how it is written.

What takes the numbers of any number of rows as one JSON array is one statement, however many they
are. The finisher counts on that: a tick that ends jobs with children costs one statement more.
"""

from __future__ import annotations

from schedulergodx.core.job import ErrorCode
from schedulergodx.storage.sqlite.bulk import Bulk
from schedulergodx.storage.sqlite.statements import JOB, VIEW_COLUMNS
from schedulergodx.storage.states import (
    BATCH_CLOSED,
    BLOCKED,
    CANCELLED,
    COMPLETED,
    ON_FAILURE_CANCEL,
    ON_FAILURE_RUN,
    PENDING,
    RUNNING,
    SCHEDULED,
)

# -- jobs that depend on others, when they are stored --------------------------------------------

PARENTS = Bulk(
    "SELECT job.uid, job.seq, job.client, job.status, job.label, job.spec, job.children "
    "FROM (VALUES $rows) AS given CROSS JOIN job ON job.uid = given.column1",
    1,
)
CLIENTS = Bulk(
    "SELECT job.uid, job.client FROM (VALUES $rows) AS given "
    "CROSS JOIN job ON job.uid = given.column1",
    1,
)
ADD_DEPENDENCIES = Bulk(
    "INSERT INTO dependency (parent, child, on_failure, result) VALUES $rows", 4
)
SET_CHILDREN = "UPDATE job SET children = 1 WHERE seq IN (SELECT value FROM json_each(?))"
SET_WAITS = Bulk(
    "UPDATE job SET waits = given.column2, results = given.column3 FROM (VALUES $rows) AS given "
    "WHERE job.seq = given.column1",
    3,
)
# A job that waits for others; the callback of a batch has no parents.
WAITING_CHILD = (
    f"SELECT job.seq FROM job WHERE job.uid = ? AND job.status = {BLOCKED} "
    "AND EXISTS (SELECT 1 FROM dependency WHERE dependency.child = job.seq)"
)
EDGES_OF_CHILD = "SELECT parent FROM dependency WHERE child = ?"
WAIT_FOR_MORE = "UPDATE job SET waits = waits + ?, results = max(results, ?) WHERE seq = ?"

# -- when a parent ends --------------------------------------------------------------------------

_READY = (
    f"CASE WHEN job.waits > met.parents THEN {BLOCKED} WHEN job.due > ? THEN {SCHEDULED} "
    f"ELSE {PENDING} END"
)
_RELEASE = (
    f"UPDATE job SET waits = job.waits - met.parents, status = {_READY} FROM ("
    "SELECT dependency.child AS child, count(*) AS parents FROM json_each(?) AS ended "
    "CROSS JOIN dependency ON dependency.parent = ended.value %sGROUP BY dependency.child"
    f") AS met WHERE job.seq = met.child AND job.status = {BLOCKED} RETURNING lane, batch, status"
)
# Given (now, seqs of parents that completed); then the same for those that did not.
RELEASE = _RELEASE % ""
RELEASE_ALL_THE_SAME = _RELEASE % f"AND dependency.on_failure = {ON_FAILURE_RUN} "
DOOMED = (
    f"SELECT dependency.parent, {JOB} FROM json_each(?) AS ended "
    "CROSS JOIN dependency ON dependency.parent = ended.value "
    f"AND dependency.on_failure = {ON_FAILURE_CANCEL} "
    f"CROSS JOIN job ON job.seq = dependency.child AND job.status = {BLOCKED}"
)
CALLBACKS = (
    "SELECT id, callback FROM batch WHERE id IN (SELECT value FROM json_each(?)) "
    f"AND callback IS NOT NULL AND state = {BATCH_CLOSED}"
)
RELEASE_CALLBACK = (
    f"UPDATE job SET waits = 0, status = CASE WHEN due > ? THEN {SCHEDULED} ELSE {PENDING} END "
    f"WHERE uid = ? AND status = {BLOCKED} RETURNING lane, batch, status"
)

# -- results of parents --------------------------------------------------------------------------

# One row a parent, with all those that want its result: it may be large.
RESULTS_OF_PARENTS = (
    "SELECT wanted.children, job.uid, job.label, job.status, job.spec, result.outcome FROM ("
    "SELECT dependency.parent AS parent, json_group_array(dependency.child) AS children "
    "FROM json_each(?) AS claimed CROSS JOIN dependency ON dependency.child = claimed.value "
    "WHERE dependency.result GROUP BY dependency.parent) AS wanted "
    "CROSS JOIN job ON job.seq = wanted.parent LEFT JOIN result ON result.seq = job.seq"
)
SIZES_OF_RESULTS = (
    "SELECT dependency.child, sum(length(result.outcome)) FROM json_each(?) AS claimed "
    "CROSS JOIN dependency ON dependency.child = claimed.value "
    "CROSS JOIN result ON result.seq = dependency.parent "
    "WHERE dependency.result GROUP BY dependency.child"
)

# -- when a job is requeued ----------------------------------------------------------------------

_IS_MISSING = "NOT EXISTS (SELECT 1 FROM job AS other WHERE other.seq = dependency.parent)"
_HAS_ALL_PARENTS = (
    f"NOT EXISTS (SELECT 1 FROM dependency WHERE dependency.child = job.seq AND {_IS_MISSING})"
)
# What was buried, or can't be read, has no payload: there is nothing to run.
_REQUEUEABLE = (
    "SELECT job.seq, job.uid, job.lane, job.batch, job.status, job.due FROM job %s "
    f"AND job.status > {COMPLETED} AND {_HAS_ALL_PARENTS} "
    "AND EXISTS (SELECT 1 FROM payload WHERE payload.seq = job.seq)"
)
REQUEUEABLE_JOB = _REQUEUEABLE % "WHERE job.uid = ?"
REQUEUEABLE_OF_BATCH = (
    _REQUEUEABLE % "INDEXED BY job_batch WHERE job.batch = ? AND job.seq < ?"
    + " ORDER BY job.batch, job.seq LIMIT ?"
)
# Of the children of parents that were requeued: those that were cancelled, and for no other parent.
REVIVED = (
    "SELECT DISTINCT job.seq, job.uid, job.lane, job.batch, job.status, job.due "
    "FROM json_each(?) AS again CROSS JOIN dependency AS edge ON edge.parent = again.value "
    f"AND edge.on_failure = {ON_FAILURE_CANCEL} "
    f"CROSS JOIN job ON job.seq = edge.child AND job.status = {CANCELLED} "
    f"AND job.code = {int(ErrorCode.PARENT_FAILED)} "
    "CROSS JOIN payload ON payload.seq = job.seq "
    f"WHERE {_HAS_ALL_PARENTS} AND NOT EXISTS ("
    "SELECT 1 FROM dependency CROSS JOIN job AS other ON other.seq = dependency.parent "
    f"WHERE dependency.child = job.seq AND dependency.on_failure = {ON_FAILURE_CANCEL} "
    f"AND other.status > {COMPLETED})"
)
# Given (old seq, new seq, due). Whether it is blocked is decided by WAIT_AGAIN.
REQUEUE = Bulk(
    f"UPDATE job SET seq = given.column2, status = {BLOCKED}, attempt = 0, worker = NULL, "
    "due = given.column3, deadline = NULL, deadline_code = NULL, started = NULL, "
    "finished = NULL, code = NULL, cancel_asked = 0 "
    "FROM (VALUES $rows) AS given WHERE job.seq = given.column1",
    3,
)
# What hangs on a job by its seq and goes with it, given (old seq, new seq).
MOVES = tuple(
    Bulk(
        f"UPDATE {table} SET {column} = given.column2 FROM (VALUES $rows) AS given "
        f"WHERE {table}.{column} = given.column1",
        2,
    )
    for table, column in (
        ("payload", "seq"),
        ("about", "seq"),
        ("dependency", "parent"),
        ("dependency", "child"),
    )
)
_UNMET = (
    f"CASE WHEN other.status = {COMPLETED} OR (other.status > {COMPLETED} "
    f"AND dependency.on_failure = {ON_FAILURE_RUN}) THEN 0 ELSE 1 END"
)
# Of blocked jobs, and of the blocked children of others: for how many parents they wait.
WAIT_AGAIN = (
    "UPDATE job SET waits = given.parents, status = CASE "
    f"WHEN given.parents THEN {BLOCKED} WHEN job.due > ? THEN {SCHEDULED} ELSE {PENDING} END "
    f"FROM (SELECT again.value AS seq, coalesce(sum({_UNMET} * (dependency.parent IS NOT NULL)), "
    "0) AS parents FROM json_each(?) AS again "
    "LEFT JOIN dependency ON dependency.child = again.value "
    "LEFT JOIN job AS other ON other.seq = dependency.parent GROUP BY again.value) AS given "
    f"WHERE job.seq = given.seq AND job.status = {BLOCKED} RETURNING seq, status"
)
CHILDREN = (
    "SELECT DISTINCT dependency.child FROM json_each(?) AS again "
    "CROSS JOIN dependency ON dependency.parent = again.value"
)
BATCHES_OF_CALLBACKS = Bulk(
    "SELECT id, callback FROM batch INDEXED BY batch_callback "
    "WHERE callback IS NOT NULL AND callback IN (VALUES $rows)",
    1,
)
WAIT_FOR_BATCH = f"UPDATE job SET waits = 1, status = {BLOCKED} WHERE uid = ? RETURNING seq"

# -- batches -------------------------------------------------------------------------------------

_BATCH = "id, uid, client, name, state, expected, callback"
MAKE_BATCH = (
    "INSERT INTO batch (uid, client, name, workflow, created) VALUES (?, ?, ?, ?, ?) RETURNING id"
)
BATCH = f"SELECT {_BATCH} FROM batch WHERE id = ?"
BATCH_VIEW = f"SELECT {_BATCH}, workflow, created FROM batch WHERE id = ?"
BATCH_OF_UID = "SELECT id FROM batch WHERE uid = ?"
UID_OF_BATCH = "SELECT uid FROM batch WHERE id = ?"
BATCH_OF_CLIENT = (
    "SELECT id FROM batch INDEXED BY batch_name WHERE client = ? AND name = ? "
    "ORDER BY id DESC LIMIT 1"
)
BATCH_OF_NAME = "SELECT id FROM batch INDEXED BY batch_name WHERE name = ? ORDER BY id DESC LIMIT 1"
SET_BATCH = "UPDATE batch SET state = ?, expected = ?, callback = ? WHERE id = ?"
COUNTS_OF_BATCH = "SELECT status, jobs FROM batch_counter WHERE batch = ?"
COUNT_BATCHES = Bulk(
    "INSERT INTO batch_counter (batch, status, jobs) VALUES $rows "
    "ON CONFLICT (batch, status) DO UPDATE SET jobs = jobs + excluded.jobs",
    3,
)
IS_ACTIVE = (  # a condition of lists
    "EXISTS (SELECT 1 FROM batch_counter WHERE batch_counter.batch = batch.id "
    f"AND batch_counter.status <= {RUNNING} AND batch_counter.jobs > 0)"
)
_OF_BATCH = "FROM job INDEXED BY job_batch WHERE batch = ?"
WAITING_OF_BATCH = (
    f"SELECT {JOB} {_OF_BATCH} AND status < {RUNNING} ORDER BY batch DESC, seq DESC LIMIT ?"
)
RUNNING_OF_BATCH = (
    f"SELECT {JOB} {_OF_BATCH} AND status = {RUNNING} AND NOT cancel_asked "
    "ORDER BY batch DESC, seq DESC LIMIT ?"
)
JOBS_OF_BATCH = f"SELECT {VIEW_COLUMNS} {_OF_BATCH} AND seq > ? ORDER BY batch, seq LIMIT ?"
EDGES = (
    "SELECT dependency.child, job.seq, job.uid, dependency.on_failure, dependency.result "
    "FROM json_each(?) AS given CROSS JOIN dependency ON dependency.child = given.value "
    "CROSS JOIN job ON job.seq = dependency.parent"
)

# -- caretaker -----------------------------------------------------------------------------------

REMOVE_CHILDREN = Bulk("DELETE FROM dependency WHERE child IN (VALUES $rows)", 1)
# A parent that completed and whose value nobody wants is met for good. What else is left of one
# says that it is missing.
REMOVE_MET = Bulk("DELETE FROM dependency WHERE parent IN (VALUES $rows) AND NOT result", 1)
REMOVE_BATCHES = (
    "DELETE FROM batch WHERE id IN (SELECT value FROM json_each(?)) "
    "AND NOT EXISTS (SELECT 1 FROM job INDEXED BY job_batch WHERE job.batch = batch.id) "
    "RETURNING id"
)
REMOVE_BATCH_COUNTS = "DELETE FROM batch_counter WHERE batch IN (SELECT value FROM json_each(?))"


def list_batches(conditions: list[str]) -> str:
    """Numbers of batches, newest first; the last value is how many."""
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    return f"SELECT id FROM batch NOT INDEXED {where}ORDER BY id DESC LIMIT ?"
