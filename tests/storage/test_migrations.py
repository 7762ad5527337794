"""The schema of a file becomes the one that this version knows, or the file is left as it is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes(new_file())
    return path


def test_all_steps_together_make_the_schema(path: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    metadata.create_all(create_engine(f"sqlite:///{fresh}"))
    assert schema_of(path) == schema_of(fresh)


def test_alembic_finds_nothing_left_to_do(path: Path) -> None:
    with create_engine(f"sqlite:///{path}").connect() as connection:
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


def test_opening_a_file_of_this_version_loads_no_alembic(path: Path) -> None:
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


def test_foreign_keys_are_on_after_a_migration(tmp_path: Path) -> None:
    store = make_store(tmp_path / "new.db")
    store.open()
    raw = store._connection.raw  # type: ignore[attr-defined]  # looked at from inside
    assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
    store.close()


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
