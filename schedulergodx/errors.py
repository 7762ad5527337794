"""Every error of schedulergodx, in one tree.

    SchedulerGodXError
    ├── ConfigError              a setting or an argument is wrong  (ValueError)
    │   ├── BatchExists          the name of a batch is taken
    │   ├── BadRule              when a schedule fires can't be read, or never comes
    │   └── NotSubmitted         a job made by hand, of which no client knows yet
    ├── BrokerError              the broker did not do what it was asked
    │   ├── BrokerUnavailable    it can't be reached  (ConnectionError)
    │   ├── BrokerClosed         this end was closed and is used again
    │   └── Unroutable           it has no queue of that name
    ├── LaunchError              a launch did not arrive; carries the jobs
    │   ├── LaunchUnconfirmed    nobody knows whether it did: `client.resend(job)`
    │   └── UnknownQueue         no service serves that queue
    ├── ShipError                code or a value can't travel  (TypeError)
    │   └── TooLarge             it is larger than a message may be
    ├── UnreadableCode           code or a value that came can't be opened
    │   └── MissingModule        for want of an installed package  (ImportError)
    ├── EnvelopeError            a message can't be read  (ValueError)
    │   └── BadSignature         it is not signed with the key of the reader
    ├── JobError                 the job ended without a value and without an exception of its own
    │   ├── RemoteError          its exception can't be raised here: type, text and traceback
    │   ├── JobTimeout           it outlived its lifetime
    │   ├── JobCancelled         it was called off
    │   ├── JobExpired           it was not started in time
    │   ├── JobInterrupted       its process died, and no attempt was left
    │   └── JobRefused           it could not be run at all: see `code`
    │       ├── UnknownFunction  no function has the name that it gives  (ValueError)
    │       └── NotAllowed       its service takes no such jobs
    ├── UnknownJob               no store knows that id  (LookupError)
    ├── UnknownBatch             no store knows a batch of that name  (LookupError)
    ├── UnknownSchedule          no store knows that schedule  (LookupError)
    ├── ResultTimeout            the wait was over before the job was  (TimeoutError)
    ├── NoAnswer                 no service answered a question in time  (TimeoutError)
    ├── StoreError               the database of a service can't be used
    │   ├── StoreLocked          another service holds it
    │   ├── StoreFull            its disk has no room
    │   └── StoreTooNew          a newer version of schedulergodx wrote it
    ├── CommandFailed            a command of a job did not end with 0
    └── ServiceError             a service can't start
        ├── QueueOwned           another store serves one of its queues
        └── SecretRequired       the broker is not on this machine, and there is no secret

Each text says what happened and what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class SchedulerGodXError(Exception):
    """The root of the tree."""


class ConfigError(SchedulerGodXError, ValueError):
    """A setting or an argument is wrong."""


class BatchExists(ConfigError):
    """The client has another batch of that name, which is open or has not ended."""


class BadRule(ConfigError):
    """The rule of a schedule can't be read, or can never hold.

    rule: its text
    place: index of the character in it that is wrong, None if it is the whole
    """

    def __init__(self, text: str, rule: str, place: int | None = None) -> None:
        super().__init__(text)
        self.rule = rule
        self.place = place

    def __str__(self) -> str:
        text = str(self.args[0])
        if self.place is None:
            return f"{text}\n    {self.rule}" if self.rule else text
        before, after = self.rule[: self.place], self.rule[self.place :]
        start = before.rpartition("\n")[2].expandtabs()
        line = start + after.partition("\n")[0].expandtabs()
        return f"{text}\n    {line}\n    {' ' * len(start)}^"


class NotSubmitted(ConfigError):
    """A job that was made by hand is not submitted, so there is nothing to ask or to wait for."""


class BrokerError(SchedulerGodXError):
    """The broker did not do what it was asked."""


class BrokerUnavailable(BrokerError, ConnectionError):
    """The broker can't be reached."""


class BrokerClosed(BrokerError):
    """This end of the broker was closed and is used again."""


class Unroutable(BrokerError):
    """The broker took a message and has no queue to put it into.

    address: the queue that was named
    """

    def __init__(self, address: str) -> None:
        super().__init__(f"the broker has no queue {address!r}")
        self.address = address


class LaunchError(SchedulerGodXError):
    """A launch did not arrive.

    jobs: the jobs that were in it
    """

    def __init__(self, text: str, jobs: Sequence[object] = ()) -> None:
        super().__init__(text)
        self.jobs = tuple(jobs)

    @property
    def job(self) -> object:
        """The first of the jobs; the only one, outside of pipelines."""
        return self.jobs[0]


class LaunchUnconfirmed(LaunchError):
    """No confirm came in time: the launch may have arrived or not.

    `client.resend(job)` sends it again under the same uid, so that it can't become two jobs.
    """


class UnknownQueue(LaunchError):
    """No service serves the queue that was named."""


class ShipError(SchedulerGodXError, TypeError):
    """A function, an argument or a result can't travel."""


class TooLarge(ShipError):
    """A function, an argument or a result is larger than a message may be."""


class UnreadableCode(SchedulerGodXError):
    """A unit of code, arguments or a value can't be opened here."""


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


class EnvelopeError(SchedulerGodXError, ValueError):
    """A message can't be read: truncated, of another version, or not one of ours."""


class BadSignature(EnvelopeError):
    """A message is not signed, or not with the key of its reader."""


class JobError(SchedulerGodXError):
    """A job ended without a value and without an exception of its own.

    code: the number of its reason, an `ErrorCode`
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class RemoteError(JobError):
    """The exception of a task, where it can't be rebuilt in this process, or would end it.

    type: the dotted name of its class
    text: what `str()` said of it
    traceback: the remote traceback, as text
    """

    def __init__(self, type: str, text: str, traceback: str = "", code: int = 4) -> None:
        super().__init__(f"{type}: {text}", code)
        self.type = type
        self.text = text
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.args[0]}\n\n{self.traceback}" if self.traceback else str(self.args[0])


class JobTimeout(JobError):
    """The job outlived its lifetime and was stopped."""


class JobCancelled(JobError):
    """The job was called off."""


class JobExpired(JobError):
    """The job was not started in time."""


class JobInterrupted(JobError):
    """The process that ran the job died, and no attempt was left."""


class JobRefused(JobError):
    """The job could not be run at all: its code says why."""


class UnknownFunction(JobRefused, ValueError):
    """No function has the name that the job gives."""


class NotAllowed(JobRefused):
    """The service takes no such jobs: no shipped code, or not by that path."""


class UnknownJob(SchedulerGodXError, LookupError):
    """No store that answered knows a job of that id."""


class UnknownBatch(SchedulerGodXError, LookupError):
    """No store that answered knows a batch of that name."""


class UnknownSchedule(SchedulerGodXError, LookupError):
    """No store that answered has a schedule of that name or id."""


class ResultTimeout(SchedulerGodXError, TimeoutError):
    """The wait for an outcome was over before the job was. The job goes on."""


class NoAnswer(SchedulerGodXError, TimeoutError):
    """No service answered a question or a wish in time. A wish may still be fulfilled later.

    sent: whether the broker has it, for a service that comes
    """

    def __init__(self, text: str, *, sent: bool = False) -> None:
        super().__init__(text)
        self.sent = sent


class StoreError(SchedulerGodXError):
    """The database of a service can't be used."""


class StoreLocked(StoreError):
    """Another process holds the database."""


class StoreFull(StoreError):
    """The disk under the database has no room. Nothing was acknowledged; free some."""


class StoreTooNew(StoreError):
    """A newer version of schedulergodx wrote the database."""


class CommandFailed(SchedulerGodXError):
    """A command of a job did not end with 0: with which code, and what it wrote to stderr."""


class ServiceError(SchedulerGodXError):
    """A service can't start."""


class QueueOwned(ServiceError):
    """Another store serves one of the queues."""


class SecretRequired(ServiceError):
    """The broker is reachable from other machines, and no secret is set."""
