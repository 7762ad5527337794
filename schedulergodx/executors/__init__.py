"""Running user code, in processes that can be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schedulergodx.executors.pool import ProcessExecutor
    from schedulergodx.executors.settings import ExecutorSettings

__all__ = ["ExecutorSettings", "ProcessExecutor"]


def __getattr__(name: str) -> object:
    """Import late: the fork server imports this package too, and must stay small."""
    if name == "ExecutorSettings":
        from schedulergodx.executors.settings import ExecutorSettings

        return ExecutorSettings
    if name == "ProcessExecutor":
        from schedulergodx.executors.pool import ProcessExecutor

        return ProcessExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
