"""Dependencies, batches, unique keys, rates, paused queues, progress; see `storage/schema.py`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the table of jobs, and make what stands beside it."""
    _widen_job()
    _make_dependency()
    _make_batch()
    _make_unique_key()
    _make_limits()
    _order_ended_by_lane()
    _make_what_stands_alone()


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _widen_job() -> None:
    op.add_column("job", sa.Column("waits", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "job", sa.Column("children", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.add_column("job", sa.Column("batch", sa.Integer()))
    op.add_column(
        "job", sa.Column("results", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.drop_index("job_deadline", "job")
    for name, columns, where in (
        ("job_blocked", ["seq"], "status = 2"),
        ("job_batch", ["batch", "seq"], "batch IS NOT NULL"),
        (
            "job_deadline",
            ["deadline"],
            "deadline IS NOT NULL AND attempt = 0 AND status IN (1, 2, 3)",
        ),
    ):
        _make_partial_index(name, "job", columns, where)


def _make_partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _make_dependency() -> None:
    op.create_table(
        "dependency",
        sa.Column("parent", _number(), autoincrement=False, nullable=False),
        sa.Column("child", _number(), autoincrement=False, nullable=False),
        sa.Column("on_failure", sa.SmallInteger(), nullable=False),
        sa.Column("result", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("parent", "child"),
        sqlite_with_rowid=False,
    )
    op.create_index("dependency_child", "dependency", ["child"])


def _make_batch() -> None:
    op.create_table(
        "batch",
        sa.Column("id", _number(), nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("client", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workflow", sa.SmallInteger(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("state", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("expected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("callback", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index("batch_name", "batch", ["name", "client"])
    _make_partial_index("batch_callback", "batch", ["callback"], "callback IS NOT NULL")
    op.create_table(
        "batch_counter",
        sa.Column("batch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "status"),
        sqlite_with_rowid=False,
    )


def _make_unique_key() -> None:
    op.create_table(
        "unique_key",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.Double()),
        sa.Column("states", sa.Integer(), nullable=False),
        sa.Column("holds", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    for name, column, where, unique in (
        ("unique_key_holder", "key", "holds = 1", True),
        ("unique_key_until", "until", "until IS NOT NULL", False),
    ):
        condition = sa.text(where)
        op.create_index(
            name,
            "unique_key",
            [column],
            unique=unique,
            sqlite_where=condition,
            postgresql_where=condition,
        )
    op.create_table(
        "joined",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("first", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("joined_first", "joined", ["first", "seq"])


def _make_limits() -> None:
    op.create_table(
        "limit_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("concurrency", sa.Integer()),
        sa.Column("rate", sa.Integer()),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rate",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("next", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_index("rate_next", "rate", ["next"])


def _order_ended_by_lane() -> None:
    """So that jobs of queues that are kept for another time are passed over without a look."""
    op.drop_index("job_ended", "job")
    condition = sa.text("status > 4")
    op.create_index(
        "job_ended",
        "job",
        ["status", "finished", "lane"],
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _make_what_stands_alone() -> None:
    op.create_table(
        "queue",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused", sa.Double()),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "progress",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("done", sa.Double()),
        sa.Column("total", sa.Double()),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("checkpoint", sa.LargeBinary()),
        sa.Column("units", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("seq"),
    )
