"""A client inside a running job: what it sends goes out through its worker."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schedulergodx.client.parcel import Parcel
from schedulergodx.client.sealing import Sealer
from schedulergodx.core import context
from schedulergodx.core.signing import Signer

if TYPE_CHECKING:
    from schedulergodx.client.question import Question
    from schedulergodx.client.reader import Reader
    from schedulergodx.core.context import Outlet
    from schedulergodx.core.names import Names

_readers: weakref.WeakSet[Reader] = weakref.WeakSet()
_subscribed: Outlet | None = None


@contextmanager
def place_is_free() -> Iterator[None]:
    """A block that waits: inside a job, its place may be used meanwhile."""
    outlet = context.outlet
    if outlet is None:
        yield
        return
    outlet.waiting(True)
    try:
        yield
    finally:
        outlet.waiting(False)


class OutletSealer(Sealer):
    """Seals in the name of the client whose job runs; it has no key, and the service needs none.

    name: where it can't be told whose job that is, as in a thread that a job started
    """

    def __init__(self, outlet: Outlet, name: str, identify: Callable[[], bytes]) -> None:
        super().__init__(name, outlet.instance, signer=Signer(), identify=identify, clock=time.time)
        self._outlet = outlet

    @property
    def client(self) -> str:
        """The name to launch in."""
        return self._outlet.client or self._client


class OutletLine:
    """Sends through the worker; each envelope is on disk at the service when `submit` returns."""

    alive = True

    def __init__(self, outlet: Outlet, names: Names, reader: Reader, sealer: OutletSealer) -> None:
        self.sealer: Sealer = sealer
        self._outlet = outlet
        self._names = names
        _listen(outlet, reader)

    def submit(self, outgoing: Parcel | Question) -> None:
        """Send it, and settle it."""
        if isinstance(outgoing, Parcel):
            queue = outgoing.template.queue
            address = self._names.requests(queue).name if queue else self._names.everywhere()
            data = outgoing.data or self.sealer.seal_parcel(outgoing)
        else:
            address = outgoing.address or self._names.fanout()
            data = outgoing.data
        try:
            self._outlet.send(address, data)
        except Exception as error:
            outgoing.settle(error)
        else:
            outgoing.settle(None)


class AsyncOutletLine(OutletLine):
    """The same for an event loop: a thread does the waiting."""

    def __init__(self, outlet: Outlet, names: Names, reader: Reader, sealer: OutletSealer) -> None:
        from concurrent.futures import ThreadPoolExecutor  # late: few come here

        super().__init__(outlet, names, reader, sealer)
        self._thread = ThreadPoolExecutor(1, "schedulergodx outlet")  # one: in their order

    def submit(self, outgoing: Parcel | Question) -> None:
        """Have it sent, and settled. It is sealed here, where it is known whose job this is."""
        if isinstance(outgoing, Parcel) and not outgoing.data:
            outgoing.data = self.sealer.seal_parcel(outgoing)
        self._thread.submit(super().submit, outgoing)


def _listen(outlet: Outlet, reader: Reader) -> None:
    """Have a reader see what comes back; an outlet is subscribed to once."""
    global _subscribed
    _readers.add(reader)
    if _subscribed is not outlet:
        _subscribed = outlet
        outlet.subscribe(_read)


def _read(data: bytes) -> None:
    for reader in list(_readers):
        reader.read(data)
