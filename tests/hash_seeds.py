"""A program under several hash seeds: what it says must not hang on the order of sets."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.world import ROOT


def answers(program: str) -> set[str]:
    """What a program writes, of processes with different seeds."""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
