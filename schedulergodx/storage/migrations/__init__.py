"""Brings the schema of a database to the one that this version knows.

Each file in `versions` is one step. Steps run in the process that opens the store, in one
transaction: a database has the old schema or the new one. Alembic is loaded only if there is a step
to take. A new database takes none: `head.sql` is what all of them make, at a hundredth of the time.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from schedulergodx.errors import StoreError, StoreTooNew

if TYPE_CHECKING:
    import sqlite3

    from alembic.config import Config

logger = logging.getLogger(__name__)

HEAD = "0003"  # the newest file in `versions`; a test compares


def migrate(connection: sqlite3.Connection, name: str) -> None:
    """Run the steps that a database needs.

    connection: outside of a transaction
    name: of the database, for messages

    Raises: StoreTooNew, StoreError
    """
    revision = revision_of(connection)
    if revision == HEAD:
        return
    if revision is None and not script_of(connection):
        _make(connection)
        logger.info("%s: made, with schema %s", name, HEAD)
        return
    _import_alembic()
    config = _config()
    if revision is not None and revision not in _known(config):
        raise StoreTooNew(
            f"{name} has schema {revision}, written by a newer version of schedulergodx; this "
            f"version knows schemas up to {HEAD}: install the newer version, or name another file"
        )
    _upgrade(connection, config)
    logger.info("%s: schema %s became %s", name, revision, HEAD)


def take_steps(connection: sqlite3.Connection) -> None:
    """Run all steps on an empty database, as `migrate` runs those that are left."""
    _upgrade(connection, _config())


def script_of(connection: sqlite3.Connection) -> str:
    """The statements that make the tables and indexes of a database."""
    found = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
    return "".join(f"{_tidy(text)};\n" for (text,) in found)


def revision_of(connection: sqlite3.Connection) -> str | None:
    """The step that was taken last; None for a new database."""
    there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if not connection.execute(there).fetchone():
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _tidy(statement: str) -> str:
    lines = statement.strip().replace("\t", "    ").splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _make(connection: sqlite3.Connection) -> None:
    """Make what all steps together make, or nothing."""
    script = Path(__file__).with_name("head.sql").read_text()
    with connection:  # it commits, or rolls back
        connection.execute("BEGIN IMMEDIATE")
        for statement in script.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def _import_alembic() -> None:
    try:
        import alembic  # noqa: F401  (it is loaded to learn whether it is there)
    except ImportError as error:
        raise StoreError(
            "a store needs SQLAlchemy and alembic to change its tables: "
            "pip install 'schedulergodx[service]'"
        ) from error


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent).replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config


def _known(config: Config) -> set[str]:
    from alembic.script import ScriptDirectory

    return {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}


def _upgrade(connection: sqlite3.Connection, config: Config) -> None:
    from alembic import command
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    # The module sqlite3 begins no transaction before a CREATE TABLE, so it is begun by hand.
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    connection.execute("PRAGMA foreign_keys = OFF")  # a table that is made anew deletes no rows
    try:
        with engine.begin() as transaction:
            config.attributes["connection"] = transaction
            command.upgrade(config, HEAD)
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
