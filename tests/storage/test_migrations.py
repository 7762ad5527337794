"""The schema of a file becomes the one that this version knows, or the file is left as it is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from schedulergodx.core.job import Status
from schedulergodx.errors import StoreError, StoreTooNew
from schedulergodx.storage import make_store, migrations
from schedulergodx.storage.schema import metadata
from schedulergodx.storage.states import NUMBERS
from tests.storage.making import add
from tests.storage.stores import new_file


def schema_of(path: Path) -> dict[str, str]:
    """The SQL of each table and index, without what Alembic and SQLite add."""
    reader = sqlite3.connect(path)
    rows = reader.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    reader.close()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


def dump(connection: sqlite3.Connection) -> list[str]:
    """All that a database holds, as statements."""
    return [" ".join(line.removesuffix(";").split()) for line in connection.iterdump()]


def connect(path: Path | str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes(new_file())
    return path


@pytest.fixture
def stepped(tmp_path: Path) -> Path:
    """A database that all steps have made, one after the other."""
    path = tmp_path / "stepped.db"
    with connect(path) as connection:
        migrations.take_steps(connection)
    return path


def test_all_steps_together_make_the_schema(stepped: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    metadata.create_all(create_engine(f"sqlite:///{fresh}"))
    assert schema_of(stepped) == schema_of(fresh)


def test_a_new_database_is_what_all_steps_make(stepped: Path) -> None:
    with connect(":memory:") as new, connect(stepped) as old:
        migrations.migrate(new, "new")
        remedy = "python -m schedulergodx.storage.migrations > FILE, and make FILE its head.sql"
        assert dump(new) == dump(old), remedy


def test_a_new_database_is_made_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "HEAD", object())  # the last statement of all fails
    with connect(":memory:") as new:
        with pytest.raises(sqlite3.Error):
            migrations.migrate(new, "new")
        assert migrations.script_of(new) == ""


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_older_database_becomes_what_a_new_one_is(
    revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(":memory:") as new, connect(":memory:") as old:
        migrations.migrate(new, "new")
        with monkeypatch.context() as before:
            before.setattr(migrations, "HEAD", revision)
            migrations.take_steps(old)
        assert migrations.revision_of(old) == revision
        migrations.migrate(old, "old")
        assert dump(old) == dump(new)


def test_alembic_finds_nothing_left_to_do(stepped: Path) -> None:
    with create_engine(f"sqlite:///{stepped}").connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, metadata)
    assert [d for d in differences if d[0] != "remove_table"] == []


def test_the_head_is_the_newest_step() -> None:
    folder = Path(migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_heads() == [migrations.HEAD]


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    writer = sqlite3.connect(path)
    writer.execute("UPDATE alembic_version SET version_num = '9999'")
    writer.commit()
    writer.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        make_store(path).open()
    text = str(caught.value)
    assert "schema 9999" in text
    assert f"up to {migrations.HEAD}" in text
    assert "install the newer version, or name another file" in text
    assert path.read_bytes() == before


def test_a_step_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    half = sqlite3.connect(path)
    half.execute("PRAGMA application_id = 0x53475832")
    half.execute("CREATE TABLE note (in_the_way)")  # the last table of the first step
    half.commit()
    half.close()
    before = schema_of(path)
    with pytest.raises(StoreError, match="note already exists"):
        make_store(path).open()
    assert schema_of(path) == before


@pytest.mark.parametrize("is_new", [False, True])
def test_opening_a_file_of_this_version_or_a_new_one_loads_no_alembic(
    path: Path, is_new: bool
) -> None:
    if is_new:
        path.unlink()
    program = (
        "import sys; from schedulergodx.storage import make_store; "
        f"make_store({str(path)!r}).open(); "
        "sys.exit('alembic' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    root = Path(__file__).parent.parent.parent
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0


def test_a_new_database_gives_free_pages_back_and_keeps_a_log(path: Path) -> None:
    store = make_store(path)
    store.open()
    add(store)
    store.close()
    reader = sqlite3.connect(path)
    assert reader.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()


def test_foreign_keys_are_on_after_a_migration() -> None:
    with connect(":memory:") as connection:
        migrations.take_steps(connection)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_the_numbers_of_states_never_change() -> None:
    assert NUMBERS == {
        Status.SCHEDULED: 1,
        Status.BLOCKED: 2,
        Status.PENDING: 3,
        Status.RUNNING: 4,
        Status.COMPLETED: 5,
        Status.FAILED: 6,
        Status.TIMEOUT: 7,
        Status.CANCELLED: 8,
        Status.EXPIRED: 9,
    }
