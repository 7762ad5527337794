"""All that can be asked of a service, and how it reads that."""

from __future__ import annotations

import msgspec

from schedulergodx.core.batch import (
    AskBatch,
    AskBatches,
    AskCancelBatch,
    AskCloseBatch,
    AskJobsOfBatch,
    AskRequeueBatch,
)
from schedulergodx.core.envelope import UNREADABLE
from schedulergodx.core.follow import AskFollow
from schedulergodx.core.request import (
    AskAnnotate,
    AskCancel,
    AskChange,
    AskClear,
    AskCounts,
    AskList,
    AskOutcomes,
    AskPause,
    AskQueues,
    AskRequeue,
    AskStatus,
    AskStop,
    AskView,
)
from schedulergodx.core.schedule import AskAboutSchedule
from schedulergodx.core.why import AskWhy
from schedulergodx.errors import EnvelopeError

Request = (
    AskOutcomes
    | AskStatus
    | AskCancel
    | AskChange
    | AskRequeue
    | AskView
    | AskList
    | AskCounts
    | AskBatch
    | AskBatches
    | AskJobsOfBatch
    | AskCloseBatch
    | AskCancelBatch
    | AskRequeueBatch
    | AskAnnotate
    | AskClear
    | AskPause
    | AskQueues
    | AskFollow
    | AskWhy
    | AskAboutSchedule
    | AskStop
)

_open: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


def read_request(body: bytes) -> Request:
    """The body of a REQUEST, each field checked. Raises: EnvelopeError"""
    try:
        return _open.decode(body)
    except UNREADABLE as error:
        raise EnvelopeError(f"the request can't be read: {error}") from error
