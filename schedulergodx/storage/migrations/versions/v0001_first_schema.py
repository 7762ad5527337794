"""The first schema. `storage/schema.py` says what each column is for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _make_job()
    _make_what_hangs_on_a_job()
    _make_attempt()
    _make_what_jobs_share()
    _make_counter_and_note()


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _make_job() -> None:
    op.create_table(
        "job",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("client", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("spec", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Integer()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("due", sa.Double()),
        sa.Column("deadline", sa.Double()),
        sa.Column("deadline_code", sa.SmallInteger()),
        sa.Column("started", sa.Double()),
        sa.Column("finished", sa.Double()),
        sa.Column("code", sa.Integer()),
        sa.Column("cancel_asked", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("job_uid", "job", ["uid"], unique=True)
    _index_job("job_label", ["label", "client", "created"], "label IS NOT NULL")
    _index_job("job_pending", ["lane", sa.literal_column("priority DESC"), "seq"], "status = 3")
    _index_job("job_scheduled", ["due"], "status = 1")
    _index_job(
        "job_deadline",
        ["deadline"],
        "deadline IS NOT NULL AND attempt = 0 AND status IN (1, 3)",
    )
    _index_job("job_running", ["seq"], "status = 4")
    _index_job("job_ended", ["status", "finished"], "status > 4")


def _index_job(name: str, columns: list[str | sa.ColumnElement[object]], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "job", columns, sqlite_where=condition, postgresql_where=condition)


def _make_what_hangs_on_a_job() -> None:
    op.create_table(
        "payload",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("arguments", sa.LargeBinary(), nullable=False),
        sa.Column("units", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "result",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _make_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", _number(), nullable=False),
        sa.Column("seq", _number(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Integer(), nullable=False),
        sa.Column("started", sa.Double()),
        sa.Column("finished", sa.Double(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["job.seq"], onupdate="CASCADE", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_job", "attempt", ["seq"])


def _make_what_jobs_share() -> None:
    op.create_table(
        "client",
        sa.Column("id", _number(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "lane",
        sa.Column("id", _number(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("execution", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("queue", "execution", "key"),
    )
    op.create_table(
        "spec",
        sa.Column("id", _number(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("spec_name", "spec", ["name"])
    op.create_table(
        "unit",
        sa.Column("id", _number(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
    )


def _make_counter_and_note() -> None:
    op.create_table(
        "counter",
        sa.Column("lane", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "note",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
