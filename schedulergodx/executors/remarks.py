"""Reads what workers say in the name of their running jobs, and believes none of it unseen."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import msgspec

from schedulergodx.core.context import LARGEST_CHECKPOINT
from schedulergodx.core.request import LONGEST_NOTE
from schedulergodx.executors.base import Kept, Printed, Progressed, Recalled, Remark
from schedulergodx.executors.frames import FrameError, Keep, Progress, Recall, Say
from schedulergodx.executors.frames import Printed as PrintedFrame

if TYPE_CHECKING:
    from schedulergodx.executors.worker import Worker

_read_progress = msgspec.msgpack.Decoder(Progress).decode
_read_keep = msgspec.msgpack.Decoder(Keep).decode
_read_recall = msgspec.msgpack.Decoder(Recall).decode
_read_printed = msgspec.msgpack.Decoder(PrintedFrame).decode


def read_remark(worker: Worker, kind: int, payload: bytes) -> Remark | None:
    """The report of a frame; None of a job that this worker does not have any more.

    Raises: FrameError, and what is UNREADABLE
    """
    match kind:
        case Say.PROGRESS:
            return _progress(worker, _read_progress(payload))
        case Say.KEEP:
            return _keep(worker, _read_keep(payload))
        case Say.RECALL:
            recall = _read_recall(payload)
            key = _key(worker, recall.token)
            return key and Recalled(worker.number, recall.number, *key)
        case Say.PRINTED:
            printed = _read_printed(payload)
            key = _key(worker, printed.token)
            return key and Printed(*key, max(0, printed.start), printed.data)
    raise FrameError(f"a frame of kind {kind}")


def _progress(worker: Worker, said: Progress) -> Progressed | None:
    if not all(number is None or isfinite(number) for number in (said.done, said.total)):
        raise FrameError("progress that is no number")
    key = _key(worker, said.token)
    return key and Progressed(*key, said.done, said.total, said.note[:LONGEST_NOTE])


def _keep(worker: Worker, keep: Keep) -> Kept | None:
    if len(keep.value) > LARGEST_CHECKPOINT:
        raise FrameError(f"a checkpoint of {len(keep.value)} bytes")
    key = _key(worker, keep.token)
    return key and Kept(worker.number, keep.number, *key, keep.value, keep.units, keep.bodies)


def _key(worker: Worker, token: int) -> tuple[int, int] | None:
    """(seq, attempt) of a job."""
    given = worker.jobs.get(token)
    return None if given is None else (given.work.seq, given.work.attempt)
