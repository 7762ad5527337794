"""Schedules, their versions, changes and fires, and what their rules wait for; jobs by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of schedules, and that of what people say about jobs."""
    _make_schedule()
    _make_schedule_version()
    _make_schedule_change()
    _make_fire()
    _make_happenings()
    _make_about()


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[int]:
    return sa.Column("schedule", _number(), autoincrement=False, nullable=False)


def _make_schedule() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", _number(), nullable=False),
        sa.Column("uid", sa.LargeBinary(), nullable=False),
        sa.Column("client", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("next", sa.Double()),
        sa.Column("last", sa.LargeBinary()),
        sa.Column("fires", sa.Integer(), server_default="0", nullable=False),
        sa.Column("consumed", sa.LargeBinary()),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    for name, columns, where, unique in (
        ("schedule_name", ["name", "client"], "state < 4", True),
        ("schedule_deleted", ["since"], "state = 4", False),
        ("schedule_next", ["next"], "state = 1 AND next IS NOT NULL", False),
    ):
        _make_partial_index(name, "schedule", columns, where, unique=unique)


def _make_partial_index(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def _make_schedule_version() -> None:
    op.create_table(
        "schedule_version",
        _key(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "number"),
    )


def _make_schedule_change() -> None:
    op.create_table(
        "schedule_change",
        sa.Column("id", _number(), nullable=False),
        sa.Column("schedule", _number(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("schedule_change_of", "schedule_change", ["schedule", "id"])


def _make_fire() -> None:
    op.create_table(
        "fire",
        _key(),
        sa.Column("instant", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("job", sa.LargeBinary()),
        sa.Column("unfinished", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "instant"),
        sqlite_with_rowid=False,
    )
    op.create_index("fire_at", "fire", ["at"])
    _make_partial_index("fire_unfinished", "fire", ["schedule", "instant"], "unfinished = 1")


def _make_happenings() -> None:
    op.create_table(
        "listener",
        sa.Column("task", sa.Text(), nullable=False),
        _key(),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task", "schedule"),
        sqlite_with_rowid=False,
    )
    op.create_index("listener_schedule", "listener", ["schedule"])
    op.create_table(
        "happening",
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("action", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("task", "action", "number"),
        sqlite_with_rowid=False,
    )


def _make_about() -> None:
    op.create_table(
        "about",
        sa.Column("seq", _number(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
