"""Jobs on a file, without a server: a store with the embedded broker beside it."""

from __future__ import annotations

from schedulergodx.local.job_queue import JobQueue
from schedulergodx.local.worker import ClaimFilter, Worker

__all__ = ["ClaimFilter", "JobQueue", "Worker"]
