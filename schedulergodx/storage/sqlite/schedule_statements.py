"""The SQL of schedules; see `statements` for how it is written."""

from __future__ import annotations

from schedulergodx.storage.sqlite.bulk import Bulk
from schedulergodx.storage.states import ACTIVE, DELETED, PENDING, RUNNING

# -- what clients do with them -------------------------------------------------------------------

ADD_SCHEDULE = (
    "INSERT INTO schedule (uid, client, name, state, made, since, version) "
    f"VALUES (?, ?, ?, {ACTIVE}, ?, ?, 1) RETURNING id"
)
ADD_VERSION = (
    "INSERT INTO schedule_version (schedule, number, at, rule, zone, policy, task, queue, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SCHEDULE_OF_UID = "SELECT id FROM schedule WHERE uid = ?"
SCHEDULE_OF_CLIENT = (
    "SELECT id FROM schedule INDEXED BY schedule_name "
    f"WHERE name = ? AND client = (SELECT id FROM client WHERE name = ?) AND state < {DELETED}"
)
SCHEDULE_OF_NAME = (
    "SELECT id FROM schedule INDEXED BY schedule_name "
    f"WHERE name = ? AND state < {DELETED} ORDER BY id DESC LIMIT 1"
)
REVISE = "UPDATE schedule SET version = version + 1, trouble = '' WHERE id = ? RETURNING version"
BEGIN_ANEW = "UPDATE schedule SET since = ?, last = NULL, consumed = NULL, next = NULL WHERE id = ?"
SET_BACK = "UPDATE schedule SET since = min(since, ?), last = ?, next = ? WHERE id = ?"
TURN = "UPDATE schedule SET state = ?, next = NULL WHERE id = ?"
DELETED_AT = "UPDATE schedule SET since = ? WHERE id = ?"
NOTE_CHANGE = "INSERT INTO schedule_change (schedule, at, who, what) VALUES (?, ?, ?, ?)"

# -- what fires them -----------------------------------------------------------------------------

_OF_VERSION = (
    "CROSS JOIN schedule_version ON schedule_version.schedule = schedule.id "
    "AND schedule_version.number = schedule.version"
)
SCHEDULE = (
    "SELECT schedule.uid, schedule.name, schedule.client, schedule.state, schedule.since, "
    "schedule.version, schedule.next, schedule.last, schedule.fires, schedule.consumed, "
    "schedule_version.rule, schedule_version.zone, schedule_version.policy, "
    "schedule_version.task, schedule_version.queue, schedule_version.body "
    f"FROM schedule {_OF_VERSION} WHERE schedule.id = ?"
)
HEARD_BEFORE = "SELECT task, heard FROM listener INDEXED BY listener_schedule WHERE schedule = ?"
_WAITING = f"FROM schedule INDEXED BY schedule_next WHERE state = {ACTIVE} AND next IS NOT NULL"
DUE = f"SELECT id {_WAITING} AND next <= ? ORDER BY next LIMIT ?"
NEXT_CHANGE = f"SELECT next {_WAITING} ORDER BY next LIMIT 1"
ACTIVE_AFTER = (
    f"SELECT id FROM schedule NOT INDEXED WHERE id > ? AND state = {ACTIVE} ORDER BY id LIMIT ?"
)
PLAN = "UPDATE schedule SET next = ?, trouble = ? WHERE id = ?"
ADD_FIRES = Bulk(
    "INSERT INTO fire (schedule, instant, at, why, job, unfinished) VALUES $rows "
    "ON CONFLICT (schedule, instant) DO NOTHING",
    6,
)
COUNT_FIRES = "UPDATE schedule SET fires = fires + ? WHERE id = ?"
SET_LAST = "UPDATE schedule SET last = ?, consumed = ? WHERE id = ?"
FIRED = Bulk(
    "SELECT fire.instant FROM (VALUES $rows) AS given CROSS JOIN fire "
    "ON fire.schedule = given.column1 AND fire.instant = given.column2",
    2,
)
UNFINISHED = (
    "SELECT fire.instant, fire.job, job.status FROM fire INDEXED BY fire_unfinished "
    "LEFT JOIN job ON job.uid = fire.job "
    "WHERE fire.schedule = ? AND fire.unfinished = 1 ORDER BY fire.instant"
)
HAS_ENDED = Bulk(
    "UPDATE fire SET unfinished = 0 FROM (VALUES $rows) AS given "
    "WHERE fire.schedule = given.column1 AND fire.instant = given.column2",
    2,
)

# -- what rules wait for -------------------------------------------------------------------------

LISTENERS = "SELECT task, schedule FROM listener"
LISTEN = Bulk("INSERT INTO listener (task, schedule, heard) VALUES $rows", 3)
STOP_LISTENING = "DELETE FROM listener WHERE task = ? AND schedule = ?"
ADD_HAPPENINGS = Bulk("INSERT INTO happening (task, action, number, at) VALUES $rows", 4)
LATEST = (
    "SELECT number, at FROM happening WHERE task = ? AND action = ? AND at < ? "
    "ORDER BY number DESC LIMIT 1 OFFSET ?"
)
FIRST_AFTER = (
    "SELECT number, at FROM happening WHERE task = ? AND action = ? AND number > ? "
    "ORDER BY number LIMIT 1"
)
_OF_TASK = "spec IN (SELECT id FROM spec WHERE name = ?)"
RUNNING_OF = (
    "SELECT (SELECT count(*) FROM job INDEXED BY job_running "
    f"WHERE status = {RUNNING} AND {_OF_TASK}) + (SELECT count(*) FROM job INDEXED BY job_pending "
    f"WHERE status = {PENDING} AND {_OF_TASK})"
)

# -- what people look at -------------------------------------------------------------------------

_VIEW = (
    "SELECT schedule.id, schedule.uid, schedule.name, schedule.client, schedule_version.task, "
    "schedule_version.queue, schedule_version.rule, schedule_version.zone, "
    "schedule_version.policy, schedule.state, schedule.made, schedule.version, schedule.next, "
    f"schedule.last, schedule.fires, schedule.trouble FROM schedule NOT INDEXED {_OF_VERSION}"
)
SCHEDULE_VIEW = f"{_VIEW} WHERE schedule.id = ?"
FIRES = (
    "SELECT fire.instant, fire.at, fire.why, fire.job, job.status FROM fire "
    "LEFT JOIN job ON job.uid = fire.job "
    "WHERE fire.schedule = ? AND fire.instant < ? ORDER BY fire.instant DESC LIMIT ?"
)
CHANGES = (
    "SELECT at, who, what FROM schedule_change INDEXED BY schedule_change_of "
    "WHERE schedule = ? ORDER BY id DESC LIMIT ?"
)


def list_schedules(conditions: list[str]) -> str:
    """Views by number; the last value is how many."""
    return f"{_VIEW} WHERE {' AND '.join(conditions)} ORDER BY schedule.id LIMIT ?"


# -- caretaker -----------------------------------------------------------------------------------

# One whose job has not ended stays: what is still running is counted by it.
REMOVE_FIRES = (
    "DELETE FROM fire WHERE (schedule, instant) IN (SELECT schedule, instant FROM fire "
    "INDEXED BY fire_at WHERE at < ? AND unfinished = 0 ORDER BY at LIMIT ?) RETURNING instant"
)
OLD_HAPPENINGS = (
    "DELETE FROM happening WHERE task = ? AND action = ? AND number IN ("
    "SELECT number FROM happening WHERE task = ? AND action = ? AND at < ? AND number < ? "
    "ORDER BY number LIMIT ?) RETURNING number"
)
REMOVE_SCHEDULES = (
    "DELETE FROM schedule WHERE id IN (SELECT id FROM schedule INDEXED BY schedule_deleted "
    f"WHERE state = {DELETED} AND since < ? "
    "AND NOT EXISTS (SELECT 1 FROM fire WHERE fire.schedule = schedule.id) "
    "ORDER BY since LIMIT ?) RETURNING id"
)
REMOVE_VERSIONS = Bulk("DELETE FROM schedule_version WHERE schedule IN (VALUES $rows)", 1)
REMOVE_CHANGES = Bulk("DELETE FROM schedule_change WHERE schedule IN (VALUES $rows)", 1)
