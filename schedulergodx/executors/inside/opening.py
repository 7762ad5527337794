"""Opening what a client shipped: the first moment in which foreign code can run."""

from __future__ import annotations

import threading
from types import CoroutineType
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.allow_list import NO_CODE
from schedulergodx.core.code import MissingModule, Unpacker
from schedulergodx.core.job import ErrorCode
from schedulergodx.executors.inside.named import NamedFunctions, open_arguments
from schedulergodx.executors.inside.unopened import Unopened, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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


class Opener:
    """Opens orders; a function is opened once. Any thread may use it.

    imports: which functions may be called by a path, see `core.allow_list`
    accept_code: whether anything that was pickled is opened
    """

    def __init__(self, imports: Iterable[str] = (), *, accept_code: bool = True) -> None:
        self._named = NamedFunctions(imports)
        self._unpacker = Unpacker(in_worker=True) if accept_code else None
        self._lock = threading.RLock()  # a thread may open while another one adds
        if self._unpacker is not None:
            self._unpacker.before_forks()

    def add(self, forget: bool, units: dict[bytes, bytes]) -> None:
        """Keep units; `forget` those before."""
        if self._unpacker is None:
            return
        with self._lock:
            if forget:
                self._unpacker.forget()
            for hash, body in units.items():
                self._unpacker.add_unit(hash, body)

    def open(self, order: Order, spec: Spec) -> Call:
        """The call that an order means.

        Raises: Unopened, MemoryError, and OSError where open files are limited
        """
        if spec.named:
            with self._lock:
                return Call(self._named.find(spec.name), *open_arguments(order), (), ())
        if self._unpacker is None:
            raise Unopened(ErrorCode.NOT_ALLOWED, NO_CODE)
        what = "function"
        try:
            with self._lock:
                function, retry_on, give_up_on = self._unpacker.load_function(spec.function)
                what = "arguments"
                args, kwargs = self._open_arguments(order, spec)
        except MissingModule as error:
            raise Unopened(ErrorCode.MISSING_MODULE, str(error)) from error
        except (MemoryError, Unopened):
            raise
        except BaseException as error:
            raise Unopened(ErrorCode.UNREADABLE_CODE, _why_not(what, spec, error)) from error
        return Call(function, args, kwargs, retry_on, give_up_on)

    def _open_arguments(self, order: Order, spec: Spec) -> tuple[tuple[Any, ...], dict[str, Any]]:
        assert self._unpacker is not None
        if order.arguments.startswith(b"["):  # JSON, which no pickle looks like
            return open_arguments(order)
        return self._unpacker.load_arguments(order.arguments, order.units, function=spec.function)


def _why_not(what: str, spec: Spec, error: BaseException) -> str:
    return (
        f"the {what} of task {spec.name!r} can't be opened here: "
        f"{type(error).__name__}: {safe_text(error)}"
    )
