"""What the programs of schedulergodx have in common: a name, a logger, and an end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from schedulergodx.utils.logger import LoggerConstructor


class Program:
    """A client or a service: it has a name that others know, and says what it does.

    name: how it identifies itself to its peers
    core_name: the module of the user that it works for, the first part of its logger's name
    """

    name: str
    core_name: str
    logger: LoggerConstructor


class Closing(ABC):
    """Holds something until `close()`; the end of a `with` block closes it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it. Calling it again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClosing(ABC):
    """The same on an event loop, with `async with`."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of it. Calling it again does nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
