"""Prints `head.sql`, for who has added a step: `python -m schedulergodx.storage.migrations`."""

from __future__ import annotations

import sqlite3

from schedulergodx.storage.migrations import script_of, take_steps

connection = sqlite3.connect(":memory:", isolation_level=None)
take_steps(connection)
print(script_of(connection), end="")
