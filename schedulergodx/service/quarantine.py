"""The quarantine: after a crash, redelivered envelopes are read one at a time.

The digest of each is on disk before it is read. So an envelope that ends the process that reads it
is known when the service is back, and after some times it goes to the dead letters instead of
ending it again. Once is not enough: a service that is killed by somebody dies reading something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.envelope import digest

if TYPE_CHECKING:
    from schedulergodx.service.tick import Arrival
    from schedulergodx.storage.base import Store

_SUSPECT = "suspect"
_RUNNING = "running"
_DEATHS = 3  # of services that were reading an envelope, before it is held to be the cause


class Quarantine:
    """Knows which envelope was being read when the service died.

    careful: whether there may be one to read alone
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.careful = False
        self._suspect = ""  # what the service before was reading when it died
        self._deaths = 0  # of how many services that is known
        self._accused = False

    def begin(self) -> bool:
        """Note that a service runs; the answer is whether the one before ended without a word."""
        self.careful = self._store.get_note(_RUNNING) == "yes"
        note = self._store.get_note(_SUSPECT) or "" if self.careful else ""
        self._suspect, _, deaths = note.partition(" ")
        self._deaths = int(deaths or 0)
        self._note(_RUNNING, "yes")
        return self.careful

    def end(self) -> None:
        """Note that the service ends in order."""
        self._note(_RUNNING, "no")

    def wants(self, arrival: Arrival) -> bool:
        """Whether this one must be read alone."""
        return self.careful and arrival.delivery is not None and arrival.delivery.redelivered

    def admit(self, arrivals: list[Arrival]) -> None:
        """Before a round: put the digest of one that is read alone on disk."""
        if not arrivals or not self.careful:
            return
        if self.wants(arrivals[0]):
            suspect = digest(arrivals[0].body).hex()
            deaths = self._deaths + 1 if suspect == self._suspect else 1
            self._note(_SUSPECT, f"{suspect} {deaths}")
            self._accused = True
        else:
            self.careful = False  # what was redelivered came first, and is through
            self._note(_SUSPECT, "")

    def acquit(self) -> None:
        """Inside a round that has taken one that is read alone: it did no harm."""
        if self._accused:
            self._accused = False
            self._store.set_note(_SUSPECT, "")

    def condemned(self, arrival: Arrival) -> bool:
        """Whether this is the one that ended the services before."""
        return self._deaths >= _DEATHS and digest(arrival.body).hex() == self._suspect

    def _note(self, key: str, text: str) -> None:
        self._store.begin()
        self._store.set_note(key, text)
        self._store.commit()
