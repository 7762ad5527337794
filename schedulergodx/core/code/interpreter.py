"""What wrote a pickle: compared before anything is opened, for bytecode is of one minor version."""

from __future__ import annotations

import sys

import dill


def interpreter_tag() -> str:
    """The Python of this process, as "cpython-311"."""
    return sys.implementation.cache_tag or f"{sys.implementation.name}-unknown"


def serializer_tag() -> str:
    """The serializer of this process and its version, as "dill/0.4.1"."""
    return f"dill/{dill.__version__}"
