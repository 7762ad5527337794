"""A usual disk: 8 ms are added to each fsync and fdatasync of the processes that are told to.

The disks of virtual machines often answer in a tenth of a millisecond, which hides what a design
pays for durability. The preloaded library waits after the real call, as the disk would.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

MS = 8
VARIABLE = "LD_PRELOAD"
_SOURCE = f"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int after(const char *name, int file) {{
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    int answer = real(file);
    struct timespec wait = {{0, {MS} * 1000000L}};
    nanosleep(&wait, 0);
    return answer;
}}

int fsync(int file) {{ return after("fsync", file); }}
int fdatasync(int file) {{ return after("fdatasync", file); }}
"""


def why_missing() -> str:
    """Why there can be none here."""
    return "" if shutil.which("cc") else "there is no C compiler (cc) to make a slow disk with"


def environ(folder: Path) -> dict[str, str]:
    """What tells a process to have a slow disk; its children have one too."""
    library = folder / "slow_disk.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), "-xc", "-", "-ldl"]
    subprocess.run(command, input=_SOURCE, text=True, check=True)
    return {VARIABLE: os.pathsep.join(filter(None, (str(library), os.environ.get(VARIABLE))))}
