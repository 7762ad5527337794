"""The command line: `schedulergodx`, and the same under its short name, `sgx`.

One file holds one group of commands. Exit codes: 0 it worked, 1 it did not, 2 it was asked wrongly.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

INTERRUPTED = 130  # exit code after Ctrl+C, as shells have it
_NEEDED = frozenset({"click", "rich"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit. arguments: None for those of this process"""
    try:
        _run(arguments)
    except KeyboardInterrupt:  # while modules are loaded; commands see to it themselves
        sys.exit(INTERRUPTED)


def _run(arguments: Sequence[str] | None) -> None:
    try:
        from schedulergodx.cli.program import program
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        sys.exit(f'The command line needs {error.name}: pip install "schedulergodx[cli]"')
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # an installed script has its own folder there instead
    program.main(args=None if arguments is None else list(arguments), prog_name=_own_name())


def _own_name() -> str:
    name = Path(sys.argv[0]).name
    return name if name in {"sgx", "schedulergodx"} else "sgx"
