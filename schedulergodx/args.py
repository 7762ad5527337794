"""Defaults of parameters that are found where a job runs: `def work(session=Session())`."""

from __future__ import annotations

from schedulergodx.client.args import (
    Arg,
    Argument,
    CliArg,
    Context,
    EnvArg,
    FuncArg,
    Return,
    Session,
    Task,
)

__all__ = [
    "Arg",
    "Argument",
    "CliArg",
    "Context",
    "EnvArg",
    "FuncArg",
    "Return",
    "Session",
    "Task",
]
