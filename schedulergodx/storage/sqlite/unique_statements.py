"""The SQL of keys that no two jobs have; see `statements` for how it is written."""

from __future__ import annotations

from schedulergodx.storage.sqlite.bulk import Bulk
from schedulergodx.storage.sqlite.statements import JOB
from schedulergodx.storage.states import BLOCKED, RUNNING

# Who has a key, or had it last; the job may be gone, and its key be held yet.
HOLDERS = Bulk(
    "SELECT held.key, job.uid, job.label, job.status, held.until FROM (VALUES $rows) AS given "
    "CROSS JOIN unique_key AS held INDEXED BY unique_key_holder "
    "ON held.key = given.column1 AND held.holds = 1 LEFT JOIN job ON job.seq = held.seq",
    1,
)
LET_GO = Bulk("UPDATE unique_key SET holds = 0 WHERE key IN (VALUES $rows) AND holds = 1", 1)
# Given (uid, key, until, states, holds).
ADD_KEYS = Bulk(
    "INSERT INTO unique_key (seq, key, until, states, holds) "
    "SELECT job.seq, given.column2, given.column3, given.column4, given.column5 "
    "FROM (VALUES $rows) AS given CROSS JOIN job ON job.uid = given.column1",
    5,
)
KEY_OF_JOB = "SELECT key, until, states FROM unique_key WHERE seq = ?"
TAKE_KEY = "UPDATE unique_key SET seq = ?, holds = 1 WHERE seq = ?"

# Given (uid, uid of the job that it is joined to).
ADD_JOINED = Bulk(
    "INSERT INTO joined (seq, first) SELECT job.seq, given.column2 "
    "FROM (VALUES $rows) AS given CROSS JOIN job ON job.uid = given.column1",
    2,
)
# Those whose first job has ended; what is joined waits as blocked, unless it was called off.
JOINED_TO_ENDED = (
    f"SELECT joined.seq, job.seq FROM joined CROSS JOIN job ON job.uid = joined.first "
    f"WHERE joined.first = ? AND job.status > {RUNNING} ORDER BY joined.seq LIMIT ?"
)
JOINED_JOBS = Bulk(
    f"SELECT {JOB} FROM (VALUES $rows) AS given CROSS JOIN job ON job.seq = given.column1 "
    f"WHERE job.status = {BLOCKED}",
    1,
)
STARTED = "SELECT started FROM job WHERE seq = ?"
FIRSTS = "SELECT DISTINCT first FROM joined INDEXED BY joined_first"

REMOVE_JOINED = Bulk("DELETE FROM joined WHERE seq IN (VALUES $rows)", 1)
REMOVE_KEYS = Bulk("DELETE FROM unique_key WHERE seq IN (VALUES $rows) AND until IS NULL", 1)
REMOVE_KEYS_UNTIL = (
    "DELETE FROM unique_key WHERE seq IN (SELECT seq FROM unique_key INDEXED BY unique_key_until "
    "WHERE until IS NOT NULL AND until <= ? LIMIT ?) RETURNING seq"
)
