"""The embedded broker: a directory in which each envelope is a file."""

from __future__ import annotations

from schedulergodx.brokers.spool.broker import SpoolBroker

__all__ = ["SpoolBroker"]
