"""Names of queues as AMQP carries them.

RabbitMQ takes any name of up to 255 bytes, but the library below aio-pika knows only some letters.
Those that it does not know travel as `#` and two digits for each of their bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from schedulergodx.errors import BrokerError

_LONGEST = 255
_FOREIGN = re.compile(rb"[^a-zA-Z0-9_.:@,/+ -]")
_ESCAPED = re.compile(rb"#([0-9A-F]{2})")


@lru_cache(maxsize=4096)
def to_wire(name: str) -> str:
    """The name for the wire. Raises: BrokerError if it is too long"""
    wire = _FOREIGN.sub(lambda found: b"#%02X" % found.group()[0], name.encode())
    if len(wire) > _LONGEST:
        raise BrokerError(f"the name of a queue is too long, shorten the client's: {name!r}")
    return wire.decode("ascii")


def as_it_is(name: str) -> str:
    """The name of a queue that is not ours. Raises: BrokerError if it is too long"""
    if len(name.encode()) > _LONGEST:
        raise BrokerError(f"no queue has so long a name: {name[:80]!r}...")
    return name


def from_wire(wire: str) -> str:
    """The name that `to_wire` was given."""
    return _ESCAPED.sub(lambda found: bytes([int(found.group(1), 16)]), wire.encode()).decode()
