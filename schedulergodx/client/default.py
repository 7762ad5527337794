"""One client for a whole program, made at its first use, and functions that use it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Unpack

from schedulergodx.client.client import Client
from schedulergodx.client.naming import EXPIRES
from schedulergodx.utils.configuration import Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schedulergodx.client.batch import Batch
    from schedulergodx.client.job import Job
    from schedulergodx.client.named import Arguments
    from schedulergodx.client.options import Duration, TaskOptions

_lock = threading.RLock()
_config: Config | None = None
_client: Client | None = None
_stand_in: ContextVar[Client | None] = ContextVar("schedulergodx_client", default=None)


def configure(**given: Any) -> None:
    """Change settings of the default client. It connects anew at its next use.

    Raises: ConfigError
    """
    global _client
    with _lock:
        default_config().configure(**given)
        old, _client = _client, None
    if old is not None:
        old.close()


def default_config() -> Config:
    """The settings of the default client."""
    global _config
    with _lock:
        if _config is None:
            _config = Config()
        return _config


def default_client() -> Client:
    """The client of this program. Raises: ConfigError; and what `Client.connect` raises"""
    global _client
    other = _stand_in.get()
    if other is not None:
        return other
    with _lock:
        if _client is None:
            _client = Client(settings=default_config().settings)
        return _client


@contextmanager
def standing_in(client: Client) -> Iterator[None]:
    """Inside, that client is taken for the one of the program: for the jobs of tests."""
    before = _stand_in.set(client)
    try:
        yield
    finally:
        _stand_in.reset(before)


def execute(
    name: str, arguments: Arguments | None = None, /, **options: Unpack[TaskOptions]
) -> Job[Any]:
    """Run a function by its name; see `Client.execute`."""
    return default_client().execute(name, arguments, **options)


def batch(name: str) -> Batch:
    """Many jobs under one name; see `Client.batch`."""
    return default_client().batch(name)


def attach(name: str) -> Batch:
    """The newest batch of a name; see `Client.attach`."""
    return default_client().attach(name)


def publish(
    channel: str,
    function: str,
    data: Any = None,
    expires: Duration | datetime | None = EXPIRES,
    **options: Any,
) -> Job[Any]:
    """Run a function by its path, with `data` as its only argument; see `Client.publish`.

    channel: the queue
    """
    return default_client().publish(channel, function, data, expires, **options)


def broadcast(name: str, data: Any = None, /, **options: Unpack[TaskOptions]) -> Job[Any]:
    """Run a function once for each store; see `Client.broadcast`."""
    return default_client().broadcast(name, data, **options)


publish_task = publish  # as the document of Taskit prints it
