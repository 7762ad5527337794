"""Opening what a client shipped: the first moment in which foreign code can run."""

from __future__ import annotations

import threading
from types import CoroutineType
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.code import MissingModule, Unpacker
from schedulergodx.core.job import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from schedulergodx.core.job import Spec
    from schedulergodx.executors.frames import Order

Errors = tuple[type[BaseException], ...]


class Call(NamedTuple):
    """A function, what to call it with, and what its client said about its exceptions."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    retry_on: Errors
    give_up_on: Errors

    def run(self) -> Any:
        """What the function returns, a coroutine of it run to its end."""
        value = self.function(*self.args, **self.kwargs)
        if isinstance(value, CoroutineType):
            import asyncio  # late: see `child`

            value = asyncio.run(value)
        return value


class Unopened(Exception):
    """A function or its arguments can't be opened.

    code: MISSING_MODULE or UNREADABLE_CODE
    """

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class Opener:
    """Opens orders; a function is opened once. Any thread may use it."""

    def __init__(self) -> None:
        self._unpacker = Unpacker(in_worker=True)
        self._lock = threading.RLock()  # a thread may open while another one adds

    def add(self, forget: bool, units: dict[bytes, bytes]) -> None:
        """Keep units; `forget` those before."""
        with self._lock:
            if forget:
                self._unpacker.forget()
            for hash, body in units.items():
                self._unpacker.add_unit(hash, body)

    def open(self, order: Order, spec: Spec) -> Call:
        """The call that an order means.

        Raises: Unopened, MemoryError, and OSError where open files are limited
        """
        what = "function"
        try:
            with self._lock:
                function, retry_on, give_up_on = self._unpacker.load_function(spec.function)
                what = "arguments"
                args, kwargs = self._unpacker.load_arguments(
                    order.arguments, order.units, function=spec.function
                )
        except MissingModule as error:
            raise Unopened(ErrorCode.MISSING_MODULE, str(error)) from error
        except MemoryError:
            raise
        except BaseException as error:
            raise Unopened(ErrorCode.UNREADABLE_CODE, _why_not(what, spec, error)) from error
        return Call(function, args, kwargs, retry_on, give_up_on)


def _why_not(what: str, spec: Spec, error: BaseException) -> str:
    return (
        f"the {what} of task {spec.name!r} can't be opened here: "
        f"{type(error).__name__}: {safe_text(error)}"
    )


def safe_text(error: BaseException) -> str:
    """`str(error)`, whatever its class does in it."""
    try:
        return str(error)
    except BaseException as second:
        return f"<no text: str() raised {type(second).__name__}>"
