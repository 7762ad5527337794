"""The tables of a store, for any database that SQLAlchemy speaks.

A job is a row of small columns, because an UPDATE rewrites its whole row. What can be large lies
apart under the same `seq`: its arguments in `payload`, its outcome in `result`. What it shares with
others stands once, in `spec`, `client` and `lane`. Statements are written by hand beside the store
that runs them (`sqlite/statements.py`): what makes them quick, the literals of partial indexes and
the order of joins, is what Core has no words for.

Only `attempt` has a foreign key: it is written when an attempt fails. The others would be looked up
once for each job.

A change here needs a new file in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schedulergodx.storage.states import ACTIVE, BLOCKED, DELETED, PENDING, RUNNING, SCHEDULED

metadata = MetaData()

# SQLite makes a column the number of the row itself only if its type is spelled INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")


def _partial(name: str, *columns: ColumnElement[Any], where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


job = Table(
    "job",
    metadata,
    # its place in the order of arrival, given by the store; a requeued job gets a new one
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("uid", LargeBinary, nullable=False),
    Column("label", Text),  # the id that the client's own generator gave
    Column("client", Integer, nullable=False),
    Column("reply", Text, nullable=False),  # the instance of the client that waits; "" for none
    Column("spec", Integer, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),  # 1 while the first runs
    Column("worker", Integer),  # that ran the last attempt
    Column("created", Double, nullable=False),
    Column("due", Double),
    Column("deadline", Double),  # until when its first attempt must have started
    Column("deadline_code", SmallInteger),  # an ErrorCode: why it may not start later
    Column("started", Double),  # of the last attempt
    Column("finished", Double),
    Column("code", Integer),  # of the failure that it ended with
    Column("cancel_asked", SmallInteger, nullable=False, server_default="0"),
    Column("waits", Integer, nullable=False, server_default="0"),  # for so many other jobs
    Column("children", SmallInteger, nullable=False, server_default="0"),  # 1: others wait for it
    Column("batch", Integer),
    Column("results", SmallInteger, nullable=False, server_default="0"),  # 1: of parents, wanted
)

Index("job_uid", job.c.uid, unique=True)
_partial("job_label", job.c.label, job.c.client, job.c.created, where="label IS NOT NULL")
_partial("job_pending", job.c.lane, job.c.priority.desc(), job.c.seq, where=f"status = {PENDING}")
_partial("job_scheduled", job.c.due, where=f"status = {SCHEDULED}")
_partial(
    "job_deadline",
    job.c.deadline,
    where=f"deadline IS NOT NULL AND attempt = 0 AND status IN ({SCHEDULED}, {BLOCKED}, {PENDING})",
)
_partial("job_blocked", job.c.seq, where=f"status = {BLOCKED}")
_partial("job_batch", job.c.batch, job.c.seq, where="batch IS NOT NULL")
_partial("job_running", job.c.seq, where=f"status = {RUNNING}")
_partial("job_ended", job.c.status, job.c.finished, job.c.lane, where=f"status > {RUNNING}")

payload = Table(
    "payload",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("arguments", LargeBinary, nullable=False),
    Column("units", LargeBinary),  # msgpack of the hashes that the arguments need
)

result = Table(
    "result",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("outcome", LargeBinary, nullable=False),  # msgpack of an Outcome
)

outbox = Table(  # a line is an outcome that somebody waits for and was not told
    "outbox",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
)

dependency = Table(  # one job waits for another, or has waited
    "dependency",
    metadata,
    Column("parent", _Number, primary_key=True, autoincrement=False),
    Column("child", _Number, primary_key=True, autoincrement=False),
    Column("on_failure", SmallInteger, nullable=False),
    Column("result", SmallInteger, nullable=False),  # 1: the child is given the parent's value
    Index("dependency_child", "child"),
    sqlite_with_rowid=False,
)

batch = Table(
    "batch",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("uid", LargeBinary, nullable=False),
    Column("client", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("workflow", SmallInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("state", SmallInteger, nullable=False, server_default="0"),  # see `states`
    Column("expected", Integer, nullable=False, server_default="0"),  # jobs, at the least
    Column("callback", LargeBinary),  # the uid of a job that waits for the end of all others
    UniqueConstraint("uid"),
)

Index("batch_name", batch.c.name, batch.c.client)
_partial("batch_callback", batch.c.callback, where="callback IS NOT NULL")

batch_counter = Table(
    "batch_counter",
    metadata,
    Column("batch", Integer, primary_key=True, autoincrement=False),
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("jobs", Integer, nullable=False),
    sqlite_with_rowid=False,
)

unique_key = Table(  # of jobs that have one; at most one of a key holds it
    "unique_key",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
    Column("until", Double),  # held until then; None: as long as the job is here
    Column("states", Integer, nullable=False),  # in which another one keeps it: a bit for each
    Column("holds", SmallInteger, nullable=False),
)

_partial("unique_key_holder", unique_key.c.key, where="holds = 1", unique=True)
_partial("unique_key_until", unique_key.c.until, where="until IS NOT NULL")

joined = Table(  # a launch that has the outcome of another job, until that one ends
    "joined",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("first", LargeBinary, nullable=False),  # uid
    Index("joined_first", "first", "seq"),
)

limit_rule = Table(  # what the newest launches say of a limit
    "limit_rule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("concurrency", Integer),
    Column("rate", Integer),
    Column("seconds", Double, nullable=False),
    sqlite_with_rowid=False,
)

rate = Table(  # of limits on starts: what the generic cell rate algorithm remembers
    "rate",
    metadata,
    Column("key", Text, primary_key=True),
    Column("next", Double, nullable=False),
    Index("rate_next", "next"),
    sqlite_with_rowid=False,
)

queue = Table(  # what its operators have said about it
    "queue",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused", Double),  # since when
    sqlite_with_rowid=False,
)

progress = Table(  # what a job says of itself while it runs, and what it leaves to its next attempt
    "progress",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("done", Double),
    Column("total", Double),
    Column("note", Text, nullable=False, server_default=""),
    Column("checkpoint", LargeBinary),
    Column("units", LargeBinary),  # msgpack of the hashes that the checkpoint needs
)

about = Table(  # what people call a job that was made by hand
    "about",
    metadata,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
)

attempt = Table(  # those that failed, and those after them
    "attempt",
    metadata,
    Column("id", _Number, primary_key=True),
    Column(
        "seq",
        _Number,
        ForeignKey("job.seq", onupdate="CASCADE", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("number", Integer, nullable=False),  # begins again at 1 when a job is requeued
    Column("worker", Integer, nullable=False),
    Column("started", Double),
    Column("finished", Double, nullable=False),
    Column("outcome", LargeBinary, nullable=False),  # without its value and its exception
    Index("attempt_job", "seq"),
)

spec = Table(
    "spec",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("hash", LargeBinary, nullable=False),  # BLAKE2b of `body`, 16 bytes
    Column("name", Text, nullable=False),  # of the task
    Column("body", LargeBinary, nullable=False),  # msgpack of a Spec
    UniqueConstraint("hash"),
    Index("spec_name", "name"),
)

client = Table(
    "client",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("name", Text, nullable=False),
    UniqueConstraint("name"),
)

lane = Table(  # what is claimed in one order: a queue and what runs it
    "lane",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("execution", Text, nullable=False),
    Column("key", Text, nullable=False),  # of a limit, "" where there is none
    UniqueConstraint("queue", "execution", "key"),
)

counter = Table(  # how many jobs; counting a million rows takes 240 ms
    "counter",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("jobs", Integer, nullable=False),
    sqlite_with_rowid=False,
)

unit = Table(
    "unit",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("hash"),
)

note = Table(
    "note",
    metadata,
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)

schedule = Table(
    "schedule",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("uid", LargeBinary, nullable=False),
    Column("client", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),  # see `states`
    Column("made", Double, nullable=False),
    Column("since", Double, nullable=False),  # from when on its rule counts
    Column("version", Integer, nullable=False),
    Column("next", Double),  # when it is to be looked at
    Column("last", LargeBinary),  # msgpack of a Fired
    Column("fires", Integer, nullable=False, server_default="0"),
    Column("consumed", LargeBinary),  # msgpack of a list of (action, task, number)
    Column("trouble", Text, nullable=False, server_default=""),
    UniqueConstraint("uid"),
)

_partial(
    "schedule_name", schedule.c.name, schedule.c.client, where=f"state < {DELETED}", unique=True
)
_partial("schedule_deleted", schedule.c.since, where=f"state = {DELETED}")
_partial("schedule_next", schedule.c.next, where=f"state = {ACTIVE} AND next IS NOT NULL")

schedule_version = Table(  # all that were: its history says what each changed
    "schedule_version",
    metadata,
    Column("schedule", _Number, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("rule", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("policy", LargeBinary, nullable=False),  # msgpack of a Policy
    Column("task", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),  # msgpack of a TaskBody with one job, no units
)

schedule_change = Table(
    "schedule_change",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("schedule", _Number, nullable=False),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Index("schedule_change_of", "schedule", "id"),
)

fire = Table(
    "fire",
    metadata,
    Column("schedule", _Number, primary_key=True, autoincrement=False),
    Column("instant", Double, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("job", LargeBinary),  # uid
    Column("unfinished", SmallInteger, nullable=False),  # 0: its job is known to have ended
    Index("fire_at", "at"),
    sqlite_with_rowid=False,
)

_partial("fire_unfinished", fire.c.schedule, fire.c.instant, where="unfinished = 1")

listener = Table(  # a schedule that is to hear what happens to jobs of a task
    "listener",
    metadata,
    Column("task", Text, primary_key=True),
    Column("schedule", _Number, primary_key=True, autoincrement=False),
    Column("heard", Integer, nullable=False),  # the newest happening before it listened
    Index("listener_schedule", "schedule"),
    sqlite_with_rowid=False,
)

happening = Table(  # to a job of a task that is listened to
    "happening",
    metadata,
    Column("task", Text, primary_key=True),
    Column("action", SmallInteger, primary_key=True, autoincrement=False),  # see `states`
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    sqlite_with_rowid=False,
)
