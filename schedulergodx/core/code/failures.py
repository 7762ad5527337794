"""Why code or a value that arrived can't be opened, and why something can't be written."""

from __future__ import annotations

from pickle import PicklingError

from schedulergodx.errors import SchedulerGodXError


class UnreadableCode(SchedulerGodXError):
    """A unit, arguments or a value can't be opened here."""


class MissingModule(UnreadableCode, ImportError):
    """An installed package that travels by reference is not installed here.

    name: of the module
    """

    name: str

    def __init__(self, name: str) -> None:
        ImportError.__init__(
            self,
            f"the module {name!r} is not installed here: install it where the job runs, or, if it "
            f"is code of your own, ship it with by_value=[{name.partition('.')[0]!r}]",
            name=name,
        )


class Refused(PicklingError):
    """A pickler does not write a thing. It ends in a `ShipError`, which says where the thing is.

    thing: what it is
    remedy: what to do, if it is something particular
    """

    def __init__(self, reason: str, thing: object, remedy: str = "") -> None:
        super().__init__(reason)
        self.thing = thing
        self.remedy = remedy
