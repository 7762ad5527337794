"""For the tests of programs that use this system: a client and a service on a clock of one's own.

from schedulergodx.testing import Harness

with Harness() as harness:
    task = harness.client.task(remind)
    job = task.options(delay="3 days").launch("milk")
    harness.advance(days=3)
    assert job.result() == "reminded of milk"
"""

from __future__ import annotations

from schedulergodx.testing.clock import Clock
from schedulergodx.testing.harness import Harness
from schedulergodx.testing.launches import Launch

__all__ = ["Clock", "Harness", "Launch"]
