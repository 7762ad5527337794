"""The document's modules are there, and lead where things live."""

from __future__ import annotations

from pathlib import Path

import pytest

from schedulergodx import utils
from schedulergodx.client.message import MessageConstructor
from schedulergodx.core.job import ErrorCode
from schedulergodx.utils import abstractions, id_generators, logger, message, rmq_property, storage
from schedulergodx.utils.abstractions import AsyncClosing, Closing, Program


def test_each_name_of_the_document_is_found() -> None:
    assert utils.MessageConstructor is message.MessageConstructor is MessageConstructor
    assert utils.DB is storage.DB
    assert utils.RmqConnect is rmq_property.RmqConnect
    assert utils.LoggerConstructor is logger.LoggerConstructor
    for name in utils.__all__:
        assert getattr(utils, name)
    assert id_generators.autoincrement
    assert abstractions.Program


def test_the_numbers_of_the_document_are_kept() -> None:
    """S23, S24, S28: the numbers of the document are kept."""
    types = ["INITIALIZATION", "INFO", "ERROR", "TASK"]
    assert [message.Message[name] for name in types] == [0, 1, 2, 3]
    assert message.MessageInfoStatus.OK == 0
    assert message.MessageErrorStatus is ErrorCode
    assert [ErrorCode(n).name for n in range(6)] == [
        "BAD_INITIALIZATION",
        "INCORRECT_TYPE",
        "UNREGISTERED_CLIENT",
        "INVALID_TASK",
        "ERROR_IN_TASK",
        "TASK_TIMEOUT_ERROR",
    ]


def test_a_database_is_named_and_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S29: a database is named and not opened."""
    monkeypatch.chdir(tmp_path)
    assert storage.DB().path == "sqlite:///SchedulerGodX.db"
    assert list(tmp_path.iterdir()) == []


def test_programs_inherit_from_the_abstractions() -> None:
    """S33: programs inherit from the abstractions."""
    from schedulergodx.client import AsyncClient, Client

    assert issubclass(Client, Program)
    assert issubclass(Client, Closing)
    assert issubclass(AsyncClient, AsyncClosing)
