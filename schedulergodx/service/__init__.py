"""The service: keeps jobs, runs them when they are due, and tells their outcomes."""

from schedulergodx.service.service import Service

__all__ = ["Service"]
