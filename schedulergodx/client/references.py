"""Clients, tasks and jobs travel as references: what is shipped is where to find them.

In the process that a client came from, a reference is that client again. In a worker it is a client
that talks through the worker, one for each reference.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from schedulergodx.client.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedulergodx.client.base import BaseClient
    from schedulergodx.client.base_batch import BaseBatch
    from schedulergodx.client.base_job import BaseJob
    from schedulergodx.client.finding import Finding
    from schedulergodx.client.launching import Launching
    from schedulergodx.core.message import BatchRef


@dataclass(frozen=True, slots=True)
class Reference:
    """All that makes two clients the same, without secrets.

    kind: "Client" or "AsyncClient"
    broker: its URL as given, without a password; None for the default
    """

    kind: str
    name: str
    core_name: str
    broker: str | None
    prefix: str
    options: Options


_known: weakref.WeakValueDictionary[Reference, BaseClient] = weakref.WeakValueDictionary()


def register(reference: Reference, client: BaseClient) -> None:
    """Remember which client a reference of this process means."""
    _known[reference] = client


def rebuild_client(reference: Reference) -> BaseClient:
    """The client that a reference means here."""
    client = _known.get(reference)
    if client is None:
        client = _make(reference)
        register(reference, client)
    return client


def rebuild_task(
    client: Launching, function: Callable[..., Any], name: str, options: Options
) -> object:
    """A task of that client. Its function may be an empty shell yet, which is filled later."""
    return client._make_task(function, name, options)


def rebuild_job(
    client: Finding, uid: bytes, label: str | None, queue: str, task: str
) -> BaseJob[Any]:
    """A job by its uid; the one that somebody here holds, if there is one."""
    held = client._awaited.held(uid)
    return held if held is not None else client._attach(uid, label=label, queue=queue, task=task)


def rebuild_batch(client: BaseClient, ref: BatchRef, queue: str) -> BaseBatch:
    """A batch, for other launches into it."""
    return client._batch_kind(client, ref, queue)


def without_password(url: str | None) -> str | None:
    """A URL as it may be shipped: a worker needs no password, it has its service."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _make(reference: Reference) -> BaseClient:
    import schedulergodx.client as home

    kind: type[BaseClient] = getattr(home, reference.kind)
    return kind._refer(reference)
