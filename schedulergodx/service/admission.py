"""Admission: which jobs a service takes, and how a message in JSON becomes an envelope.

Nothing is imported here to see whether it is there: names are compared, workers look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedulergodx.core.allow_list import NO_CODE, AllowList
from schedulergodx.core.job import ErrorCode, Failure
from schedulergodx.core.json_task import read_json_task, sender_of, to_envelope
from schedulergodx.core.kinds import read_kind
from schedulergodx.core.signing import SIGNATURE_HEADER
from schedulergodx.errors import BadSignature, EnvelopeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from schedulergodx.core.envelope import Envelope, Header
    from schedulergodx.core.job import Spec
    from schedulergodx.core.names import Names
    from schedulergodx.core.properties import Properties
    from schedulergodx.core.signing import Signer
    from schedulergodx.service.tick import Arrival


class Admission:
    """Looks at what comes in before it is stored.

    imports: which functions may be called by a path, see `core.allow_list`
    registered: the names of those that may be called by a name
    accept_code: whether jobs may bring their own code
    kinds: tags of what jobs may run beside functions, see `core.kinds`
    """

    def __init__(
        self,
        signer: Signer,
        names: Names,
        *,
        imports: Iterable[str],
        registered: Callable[[], Collection[str]],
        accept_code: bool,
        kinds: Collection[str] = (),
    ) -> None:
        self._signer = signer
        self._names = names
        self._allowed = AllowList(imports)
        self._registered = registered
        self._accept_code = accept_code
        self._kinds = kinds

    def refusal(self, spec: Spec) -> Failure | None:
        """Why no job of that kind is taken; None if they are."""
        if spec.named and spec.function:
            kind = read_kind(spec.function, self._kinds)
            return kind if isinstance(kind, Failure) else None
        if spec.named:
            return self._allowed.judge(spec.name, self._registered())
        return None if self._accept_code else Failure(ErrorCode.NOT_ALLOWED, NO_CODE)

    def open(self, arrival: Arrival, properties: Properties, now: float) -> Envelope:
        """The envelope that a message in JSON stands for. Raises: EnvelopeError, BadSignature"""
        self._verify(arrival.body, properties)
        task = read_json_task(arrival.body, properties)
        if self._names.is_service(task.reply_to):
            raise EnvelopeError(
                f"`reply_to` is {task.reply_to!r}, a queue of services: take another"
            )
        return to_envelope(task, self._names.lane_of(arrival.queue), now)

    def sender(self, arrival: Arrival, properties: Properties) -> Header | None:
        """Who is told that a message in JSON can't be taken; None if nobody can be."""
        return sender_of(arrival.body, properties)

    def _verify(self, body: bytes, properties: Properties) -> None:
        said = properties.headers.get(SIGNATURE_HEADER, "")
        try:
            signature = bytes.fromhex(said)
        except ValueError:
            raise BadSignature(f"the header {SIGNATURE_HEADER} is no hex: {said[:80]!r}") from None
        self._signer.verify(body, signature)
