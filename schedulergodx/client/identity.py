"""What a client is called where its user gives it no name."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from pathlib import Path

from schedulergodx.errors import ConfigError

LONGEST_NAME = 150  # the name is a part of the name of a queue, which has at most 255 bytes


def default_client_name() -> str:
    """`user@host:program`: the same for each run of a program, and never one shared by all."""
    name = f"{_user()}@{socket.gethostname()}:{_program()}"
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


def check_name(name: str) -> str:
    """The name itself. Raises: ConfigError if no queue can be named after it"""
    if not 0 < len(name.encode()) <= LONGEST_NAME or not name.isprintable():
        raise ConfigError(
            f"name={name!r}: the name of a client is a text of 1 to {LONGEST_NAME} bytes"
        )
    return name


def new_instance() -> str:
    """What tells the processes of one client apart: 12 hex digits."""
    return os.urandom(6).hex()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container whose user has no name
        return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _program() -> str:
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m package.module
        return str(spec.name).removesuffix(".__main__")
    file = Path(sys.argv[0] if sys.argv else "").name
    return "python" if file in ("", "-", "-c") else file
