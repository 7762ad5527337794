"""Defaults of parameters that are found where a job runs: `def work(session=Session())`."""

from __future__ import annotations

from schedulergodx.client.args import Argument, Context, EnvArg, FuncArg, Return, Session, Task

__all__ = ["Argument", "Context", "EnvArg", "FuncArg", "Return", "Session", "Task"]
