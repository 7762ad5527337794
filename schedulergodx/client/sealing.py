"""Makes the envelopes of one process of a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.client.question import Notice, Question
from schedulergodx.core.envelope import MessageType, read_header, seal
from schedulergodx.core.signing import Signer
from schedulergodx.errors import EnvelopeError

if TYPE_CHECKING:
    from schedulergodx.client.parcel import Parcel
    from schedulergodx.core.any_request import Request


class Sealer:
    """Puts bodies into envelopes, in the name of a client.

    instance: the address of answers
    identify: gives a fresh uid
    """

    def __init__(
        self,
        client: str,
        instance: str,
        *,
        signer: Signer,
        identify: Callable[[], bytes],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self.instance = instance
        self._signer = signer
        self._identify = identify
        self._clock = clock

    @property
    def client(self) -> str:
        """The name that goes into the headers."""
        return self._client

    def seal(self, type: MessageType, body: object) -> tuple[bytes, bytes]:
        """(uid, bytes) of a new envelope."""
        uid = self._identify()
        data = seal(
            type,
            body,
            uid=uid,
            client=self.client,
            instance=self.instance,
            created=self._clock(),
            signer=self._signer,
        )
        return uid, data

    def seal_parcel(self, parcel: Parcel) -> bytes:
        """The envelope of a parcel; its jobs remember it."""
        uid, data = self.seal(*parcel.message())
        parcel.mark(uid)
        return data

    def sign(self, data: bytes) -> bytes:
        """An envelope that was made without a key, in the name of this client; others as they are.

        Its uid stays: answers name it.
        """
        try:
            header, _, body, signature = read_header(data)
        except EnvelopeError:
            return data
        if signature:
            return data
        return seal(
            MessageType(header.type),
            msgspec.Raw(body),
            uid=header.uid,
            client=self.client,
            instance=self.instance,
            created=header.created,
            signer=self._signer,
        )

    def ask(
        self,
        request: Request,
        address: str | None,
        *,
        queue: str = "",
        timeout: float | None = None,
        every: bool = False,
    ) -> Question:
        """A request that is to be sent; see `Question` for the arguments."""
        uid, data = self.seal(MessageType.REQUEST, request)
        return Question(
            uid, data, address, request=request, queue=queue, timeout=timeout, every=every
        )

    def announce(self, request: Request, address: str) -> Notice:
        """A wish whose answer nobody waits for: it is done when a service reads it."""
        uid, data = self.seal(MessageType.REQUEST, request)
        return Notice(uid, data, address)
