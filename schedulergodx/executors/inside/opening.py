"""Opening what a client shipped: the first moment in which foreign code can run."""

from __future__ import annotations

import threading
from types import CoroutineType
from typing import TYPE_CHECKING, NamedTuple

from schedulergodx.core.allow_list import NO_CODE
from schedulergodx.core.code import MissingModule, Unpacker
from schedulergodx.core.job import ErrorCode
from schedulergodx.core.json_data import read_json
from schedulergodx.core.results import results_at_hand
from schedulergodx.executors.inside.named import NamedFunctions, open_arguments
from schedulergodx.executors.inside.unopened import Unopened, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from schedulergodx.core.job import Spec
    from schedulergodx.core.results import ParentResult
    from schedulergodx.executors.frames import Order, Saved

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
    kinds: tags of what jobs may run beside functions, see `core.kinds`
    """

    def __init__(
        self, imports: Iterable[str] = (), *, accept_code: bool = True, kinds: Iterable[str] = ()
    ) -> None:
        self._named = NamedFunctions(imports, kinds)
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
        values = self._open_results(order) if order.results else {}
        if spec.named:
            with self._lock:
                return Call(self._named.find(spec), *open_arguments(order, values), (), ())
        if self._unpacker is None:
            raise Unopened(ErrorCode.NOT_ALLOWED, NO_CODE)
        what = "function"
        try:
            with self._lock:
                function, retry_on, give_up_on = self._unpacker.load_function(spec.function)
                what = "arguments"
                args, kwargs = self._open_arguments(order, spec, values)
        except (MemoryError, Unopened):
            raise
        except BaseException as error:
            raise _unopened(f"the {what} of task {spec.name!r}", error) from error
        return Call(function, args, kwargs, retry_on, give_up_on)

    def _open_arguments(
        self, order: Order, spec: Spec, values: Mapping[bytes, object]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        assert self._unpacker is not None
        if order.arguments.startswith(b"["):  # JSON, which no pickle looks like
            return open_arguments(order, values)
        load = self._unpacker.load_arguments
        if not order.results:
            return load(order.arguments, order.units, function=spec.function)
        with results_at_hand(values):
            return load(order.arguments, order.units, function=spec.function)

    def _open_results(self, order: Order) -> dict[bytes, object]:
        """The values of jobs that it depends on, by their uids; None where one has none."""
        if any(result.withheld for result in order.results):
            text = "the results of the jobs that it depends on are too large to be handed over"
            raise Unopened(
                ErrorCode.RESULT_TOO_LARGE, f"{text}: let them return where their results are"
            )
        with self._lock:
            return {result.uid: self._open_result(result) for result in order.results}

    def _open_result(self, result: ParentResult) -> object:
        if result.value is None:
            return None
        what = f"the result of job {result.id}, on which it depends,"
        try:
            if result.named:
                return read_json(result.value)
            if self._unpacker is None:
                raise Unopened(ErrorCode.NOT_ALLOWED, f"{what} is a pickle: {NO_CODE}")
            return self._unpacker.load_value(result.value, result.units)
        except (MemoryError, Unopened):
            raise
        except BaseException as error:
            raise _unopened(what, error) from error

    def open_saved(self, saved: Saved, spec: Spec) -> Any:
        """The value of a checkpoint, with the classes that the function has; None without one.

        Raises: UnreadableCode
        """
        if saved.value is None:
            return None
        if spec.named or self._unpacker is None:
            return read_json(saved.value)
        with self._lock:
            for hash, body in saved.bodies.items():
                self._unpacker.add_unit(hash, body)
            return self._unpacker.load_value(saved.value, saved.units, function=spec.function)


def _unopened(what: str, error: BaseException) -> Unopened:
    """Why something of a job can't be opened."""
    if isinstance(error, MissingModule):
        return Unopened(ErrorCode.MISSING_MODULE, str(error))
    text = f"{what} can't be opened here: {type(error).__name__}: {safe_text(error)}"
    return Unopened(ErrorCode.UNREADABLE_CODE, text)
