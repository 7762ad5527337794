"""Who speaks the wire without a client: sends what no client of ours would, and reads answers."""

from __future__ import annotations

import pickle
import secrets
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pika

from schedulergodx.core.code import Packer
from schedulergodx.core.envelope import MessageType, digest, seal, unseal
from schedulergodx.core.job import Spec
from schedulergodx.core.message import DeadLetter, JobItem, ResponsesBody, TaskBody, read_body
from schedulergodx.core.names import Names
from schedulergodx.core.request import Answer, AskList, AskView
from schedulergodx.core.signing import Signer
from schedulergodx.core.view import JobFilter, JobView
from tests.world import SECRET

if TYPE_CHECKING:
    from schedulergodx.client import Client
    from schedulergodx.core.envelope import Envelope
    from schedulergodx.core.message import Response
    from tests.acceptance.deployment import Deployment

EXPIRES = {"x-expires": 30 * 60 * 1000}  # of queues of responses, in milliseconds
PYTHON = str(sys.implementation.cache_tag)


class Stranger:
    """One connection, and a queue for what comes back."""

    def __init__(
        self, deployment: Deployment, name: str = "stranger", signer: Signer | None = None
    ) -> None:
        self.name = name
        self.instance = secrets.token_hex(4)
        self.names = Names(deployment.prefix)
        self._signer = signer or Signer(SECRET.encode())
        self._connection = pika.BlockingConnection(pika.URLParameters(deployment.broker))
        self._open_channel()
        self._home = self.names.responses(self.name, self.instance).name
        self.channel.queue_declare(self._home, durable=True, arguments=EXPIRES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(pika.exceptions.AMQPError):
            self.channel.queue_delete(self._home)
            self._connection.close()

    def response_queue(self, client: Client) -> str:
        """What a client reads, as its broker knows it."""
        return self.names.responses(client.name, client.instance).name

    def seal(self, type: int, body: object) -> bytes:
        """An envelope of any type with any body."""
        return seal(
            type,  # type: ignore[arg-type] # also numbers that are none
            body,
            uid=secrets.token_bytes(16),
            client=self.name,
            instance=self.instance,
            created=time.time(),
            signer=self._signer,
        )

    def task(
        self, *items: object, function: bytes | None = None, queue: str = "default", **spec: Any
    ) -> bytes:
        """A TASK envelope; `function` is what stands for a pickle, `abs` where it is left out."""
        if function is None:
            packed = Packer().pack_function(abs)
            key, units = packed.hash, packed.units
        else:
            key, units = digest(function), {digest(function): b"\0" + function}
        body = TaskBody(
            self.spec(key, **spec),
            dict(units),
            list(items),  # type: ignore[arg-type] # also items that are none
            queue,
        )
        return self.seal(MessageType.TASK, body)

    def spec(self, function: bytes, **fields: Any) -> Spec:
        """The spec of a task whose function is in the unit of that hash."""
        fields = {"name": "strange", "python": PYTHON, "serializer": "pickle/5"} | fields
        return Spec(function=function, **fields)

    def send(self, body: bytes, queue: str = "default") -> None:
        """Put any bytes into a queue; returns when they are confirmed and routed."""
        self.channel.basic_publish(
            "",
            self.names.requests(queue).name,
            body,
            pika.BasicProperties(delivery_mode=2),
            mandatory=True,
        )

    def read(self, timeout: float = 20) -> Envelope:
        """The next envelope that came back."""
        return unseal(self._get(self._home, timeout), self._signer)

    def outcomes(self, count: int = 1, timeout: float = 20) -> dict[bytes, Response]:
        """So many outcomes of jobs, by their uids."""
        found: dict[bytes, Response] = {}
        while len(found) < count:
            envelope = self.read(timeout)
            assert envelope.header.type == MessageType.RESPONSES, envelope
            body = msgspec.msgpack.decode(envelope.body, type=ResponsesBody)
            found |= {response.uid: response for response in body.responses}
        return found

    def jobs(self, **which: Any) -> list[JobView]:
        """The jobs of the store that a JobFilter lets through."""
        answer = self._ask(AskList(JobFilter(**which)))
        return msgspec.msgpack.decode(answer.value, type=list[JobView])

    def view(self, job: JobView) -> JobView:
        """All that is known of a job, its output as well."""
        answer = self._ask(AskView(job.uid.hex()))
        return msgspec.msgpack.decode(answer.value, type=JobView)

    def readers(self, queue: str) -> int:
        """How many read from a queue; 0 where there is none."""
        try:
            return int(self.channel.queue_declare(queue, passive=True).method.consumer_count)
        except pika.exceptions.ChannelClosedByBroker:
            self._open_channel()
            return 0

    def dead_letter(self, body: bytes, timeout: float = 20) -> DeadLetter:
        """The dead letter of a message; those before it are thrown away."""
        while True:
            data = self._get(self.names.dead().name, timeout)
            letter = msgspec.msgpack.decode(data, type=DeadLetter)
            if letter.body == body:
                return letter

    def _open_channel(self) -> None:
        self.channel = self._connection.channel()
        self.channel.confirm_delivery()

    def _ask(self, request: object) -> Answer:
        self.send(self.seal(MessageType.REQUEST, request))
        return read_body(self.read().body, Answer)

    def _get(self, queue: str, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            method, _, body = self.channel.basic_get(queue, auto_ack=True)
            if method is not None:
                assert body is not None
                return body
            self._connection.process_data_events(time_limit=0.01)
        raise AssertionError(f"nothing came into {queue} within {timeout} s")


def item(*args: object, uid: bytes | None = None, **more: Any) -> JobItem:
    """A job of a TASK."""
    return JobItem(uid or secrets.token_bytes(16), pickle.dumps((args, {})), **more)
