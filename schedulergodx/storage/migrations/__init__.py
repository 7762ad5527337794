"""Brings the schema of a database to the one that this version knows.

Each file in `versions` is one step. Steps run in the process that opens the store, in one
transaction: a database has the old schema or the new one. Alembic is loaded only if there is a step
to take.
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
    _import_alembic()
    config = _config()
    if revision is not None and revision not in _known(config):
        raise StoreTooNew(
            f"{name} has schema {revision}, written by a newer version of schedulergodx; this "
            f"version knows schemas up to {HEAD}: install the newer version, or name another file"
        )
    _upgrade(connection, config)
    if revision is None:
        logger.info("%s: made, with schema %s", name, HEAD)
    else:
        logger.info("%s: schema %s became %s", name, revision, HEAD)


def revision_of(connection: sqlite3.Connection) -> str | None:
    """The step that was taken last; None for a new database."""
    there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if not connection.execute(there).fetchone():
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _import_alembic() -> None:
    try:
        import alembic  # noqa: F401  (it is loaded to learn whether it is there)
    except ImportError as error:
        raise StoreError(
            "a store needs SQLAlchemy and alembic to make its tables: "
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
