"""Why something can't be written."""

from __future__ import annotations

from pickle import PicklingError


class Refused(PicklingError):
    """A pickler does not write a thing. It ends in a `ShipError`, which says where the thing is.

    thing: what it is
    remedy: what to do, if it is something particular
    """

    def __init__(self, reason: str, thing: object, remedy: str = "") -> None:
        super().__init__(reason)
        self.thing = thing
        self.remedy = remedy
