"""What `sgx doctor` finds on this machine: Python, packages, the secret, the database."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from schedulergodx.cli.finding import Finding, note, ok, problem
from schedulergodx.cli.health import health_path, read_health, sqlite_path
from schedulergodx.cli.versions import installed_versions
from schedulergodx.config import Settings
from schedulergodx.errors import ConfigError
from schedulergodx.quantity import format_size
from schedulergodx.storage import make_store
from schedulergodx.storage.migrations import HEAD, revision_of
from schedulergodx.storage.sqlite.connection import APPLICATION_ID

OLDEST_SQLITE = (3, 35)  # the first that knows RETURNING
LEAST_ROOM = 256 << 20  # bytes free on the disk of the database
_SHORTEST_SECRET = 16


def check_machine() -> list[Finding]:
    """Python, the system, SQLite and the packages."""
    return [_check_python(), _check_system(), _check_sqlite(), *_check_packages()]


def check_secret(settings: Settings) -> Finding:
    """Whether messages can be signed; the secret itself is not shown."""
    if settings.secret is None:
        return ok("secret", "none is set; only a broker beyond this machine needs one")
    origin = settings.origin("secret")
    if len(settings.secret.encode()) < _SHORTEST_SECRET:
        advice = "make one: python -c 'import secrets; print(secrets.token_hex(32))'"
        return problem("secret", f"that of {origin} is shorter than 16 bytes", advice)
    return ok("secret", f"set by {origin}")


def check_store(settings: Settings) -> list[Finding]:
    """The database file and its disk. It is looked at, never opened for writing."""
    path = sqlite_path(settings.db)
    if path is None:
        return [_check_name(settings)]
    folder = path.parent
    if not folder.is_dir():
        return [problem("database", f"there is no folder {folder}", f"make it: mkdir -p {folder}")]
    return [_check_file(path, folder), _check_room(folder)]


def check_health(settings: Settings) -> list[Finding]:
    """Whether the service of these settings is well; nothing, if it writes nowhere."""
    try:
        path = health_path(settings)
    except ConfigError:
        return []
    health = read_health(path, time.time())
    if health.well:
        return [ok("service", health.why)]
    advice = "start one: sgx service run" if not path.exists() else "see its log; restart it"
    return [note("service", health.why, advice)]


def _check_python() -> Finding:
    text = f"{platform.python_implementation()} {platform.python_version()}"
    if platform.python_implementation() != "CPython":
        return problem("python", text, "code is shipped as bytecode of CPython: use that")
    return ok("python", text)


def _check_system() -> Finding:
    text = f"{platform.system()} {platform.release()}"
    if sys.platform != "linux":
        return note("system", text, "clients run here; a service needs Linux")
    return ok("system", text)


def _check_sqlite() -> Finding:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        advice = f"a service needs {needed}: take a newer Python or a newer system"
        return problem("sqlite", sqlite3.sqlite_version, advice)
    return ok("sqlite", sqlite3.sqlite_version)


_NEEDED_BY = {
    "SQLAlchemy": ("a service", "schedulergodx[service]"),
    "alembic": ("a service", "schedulergodx[service]"),
    "aio-pika": ("AsyncClient", "schedulergodx[async]"),
}


def _check_packages() -> list[Finding]:
    found = installed_versions()
    return [
        ok("package", f"{name} {found[name]}")
        if found[name]
        else note("package", f"{name} is not installed", f'{who} needs it: pip install "{extra}"')
        for name, (who, extra) in _NEEDED_BY.items()
    ]


def _check_name(settings: Settings) -> Finding:
    try:
        make_store(settings.db)
    except ConfigError as error:
        return problem("database", str(error), f"see {settings.origin('db')}")
    return ok("database", "in memory: its jobs end with the service")


def _check_file(path: Path, folder: Path) -> Finding:
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = "let the user of the service write there: chown it, or choose another --db"
        return problem("database", f"{folder} can't be written", advice)
    if not path.exists():
        return ok("database", f"{path} is not there yet; a service makes it")
    if not path.is_file():
        return problem("database", f"{path} is no file", "name another --db")
    if not os.access(path, os.R_OK | os.W_OK):
        return problem("database", f"{path} can't be read and written", "see its owner and mode")
    return _read_file(path)


def _read_file(path: Path) -> Finding:
    try:
        url = f"{path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(url, uri=True)) as connection:
            [application] = connection.execute("PRAGMA application_id").fetchone()
            [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            schema = revision_of(connection)
    except sqlite3.Error as error:
        advice = "is it an SQLite database? Restore it from a backup, or name another --db"
        return problem("database", f"{path} can't be read: {error}", advice)
    if tables and application != APPLICATION_ID:
        return problem("database", f"{path} is of another program", "name another --db")
    if schema is not None and schema > HEAD:
        text = f"{path} has schema {schema}, of a newer version than this one, which knows {HEAD}"
        return problem("database", text, "install the newer version, or name another --db")
    about = f"{format_size(path.stat().st_size)}, schema {schema or 'none yet'}"
    return ok("database", f"{path}, {about}, can be read and written")


def _check_room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):.1f} GiB free under {folder}"
    if free < LEAST_ROOM:
        advice = "free some: a service whose disk is full takes no jobs until there is room"
        return problem("disk", text, advice)
    return ok("disk", text)
