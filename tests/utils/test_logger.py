"""`LoggerConstructor`: one logger for each name, and nothing opened before it is needed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from schedulergodx.utils.logger import LoggerConstructor


@pytest.fixture
def name() -> Iterator[str]:
    name = f"schedulergodx.test.{uuid4().hex}"
    yield name
    for handler in logging.getLogger(name).handlers:
        handler.close()


def test_it_writes_lines_of_the_documents_form(name: str, tmp_path: Path) -> None:
    """S31: it writes lines of the documents form."""
    file = tmp_path / "a.log"
    logger = LoggerConstructor(name, log_file=file)
    assert not file.exists()
    logger.info("%d jobs", 3)
    logger.debug("too quiet")
    [line] = file.read_text().splitlines()
    time, _, rest = line.partition(" - ")
    assert time[:2] == "20"
    assert rest == f"INFO - {name}:3 jobs"


def test_made_twice_it_writes_once(name: str, tmp_path: Path) -> None:
    for _ in range(3):
        logger = LoggerConstructor(name, log_file=tmp_path / "a.log")
    logger.error("once")
    assert (tmp_path / "a.log").read_text().count("once") == 1


def test_its_default_file_is_in_the_working_directory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    LoggerConstructor(name).warning("here")
    assert [path.name for path in tmp_path.iterdir()] == ["schedulergodx.log"]


def test_levels_handlers_and_filters(name: str) -> None:
    """S31: levels handlers and filters."""
    logger = LoggerConstructor(name, log_file=None, log_level=logging.DEBUG)
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    logger.addFilter(lambda record: record.getMessage() != "no")
    for level in ("debug", "info", "warning", "error", "critical", "fatal"):
        getattr(logger, level)(level)
    logger.info("no")
    assert [record.levelname for record in records] == [
        "DEBUG",
        "INFO",
        "WARNING",
        "ERROR",
        "CRITICAL",
        "CRITICAL",
    ]
    assert handler.formatter is not None
    assert logger.getLogger() is logging.getLogger(name)
