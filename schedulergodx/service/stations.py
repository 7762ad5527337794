"""The stations of a round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.service.caretaker import Caretaker
    from schedulergodx.service.dispatcher import Dispatcher
    from schedulergodx.service.errands import Errands
    from schedulergodx.service.finisher import Finisher
    from schedulergodx.service.followers import Followers
    from schedulergodx.service.inbox import Inbox
    from schedulergodx.service.journal import Journal
    from schedulergodx.service.outbox import Outbox
    from schedulergodx.service.scheduler import Scheduler
    from schedulergodx.service.timekeeper import Timekeeper
    from schedulergodx.service.watchers import Watchers


@dataclass(slots=True)
class Stations:
    """The parts of the service that own the moves of jobs, in the order of a round."""

    inbox: Inbox
    scheduler: Scheduler
    dispatcher: Dispatcher
    finisher: Finisher
    outbox: Outbox
    caretaker: Caretaker
    errands: Errands
    watchers: Watchers
    timekeeper: Timekeeper
    followers: Followers
    journal: Journal
