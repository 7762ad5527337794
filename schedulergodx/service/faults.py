"""What can be wrong with the jobs of an envelope; a client of ours sends none of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import structs

from schedulergodx.core.identity import UID_BYTES
from schedulergodx.core.job import Execution
from schedulergodx.core.limit import LONGEST_KEY, is_name, limit_fault
from schedulergodx.core.message import LONGEST_DESCRIPTION
from schedulergodx.core.unique import unique_fault

if TYPE_CHECKING:
    from schedulergodx.core.job import Spec
    from schedulergodx.core.message import JobItem

_LONGEST_NAME_OF_JOB = 200
_LONGEST_NAME = 1000  # characters of the name of a task


def item_fault(item: JobItem) -> str | None:
    """What is wrong with one job."""
    if len(item.uid) != UID_BYTES:
        return f"its uid has {len(item.uid)} bytes and must have {UID_BYTES}"
    if (item.due is not None and not math.isfinite(item.due)) or (
        item.deadline is not None and not math.isfinite(item.deadline)
    ):
        return f"its times are none: due {item.due}, deadline {item.deadline}"
    if item.parents and any(len(parent.uid) != UID_BYTES for parent in item.parents):
        return f"a job that it depends on has a uid that has not {UID_BYTES} bytes"
    if item.about is not None and (
        not 0 < len(item.about.name) <= _LONGEST_NAME_OF_JOB
        or len(item.about.description) > LONGEST_DESCRIPTION
    ):
        return (
            f"the name of a job has 1 to {_LONGEST_NAME_OF_JOB} characters, and its description at "
            f"most {LONGEST_DESCRIPTION}"
        )
    if item.limit_key and not is_name(item.limit_key, LONGEST_KEY):
        return f"the key of its limit is not 1 to {LONGEST_KEY} printable characters"
    return None if item.unique is None else unique_fault(item.unique)


def storable(spec: Spec) -> Spec:
    """The spec, with a name of a bounded length: jobs with a longer one are refused."""
    if len(spec.name) <= _LONGEST_NAME:
        return spec
    return structs.replace(spec, name=spec.name[:_LONGEST_NAME])


def spec_fault(spec: Spec) -> str | None:
    """What is wrong with the options of a task."""
    rule = spec.retry
    if len(spec.name) > _LONGEST_NAME:
        return f"the name of a task has at most {_LONGEST_NAME} characters, this {len(spec.name)}"
    if spec.execution is Execution.MAIN:
        return "only functions that the service's operator registered run in the service itself"
    if spec.lifetime is not None and not 0 < spec.lifetime < math.inf:
        return f"a lifetime of {spec.lifetime} s is none: give more than 0, or None for no limit"
    if rule.attempts < 1:
        return f"{rule.attempts} attempts are none: give at least 1"
    if not (0 <= rule.delay < math.inf and 0 <= rule.max_delay < math.inf and rule.backoff > 0):
        return "the waits between attempts must be neither negative nor infinite"
    if not 0 <= rule.jitter <= 1:
        return f"a jitter of {rule.jitter} is none: give a share, from 0 to 1"
    return None if spec.limit is None else limit_fault(spec.limit)
