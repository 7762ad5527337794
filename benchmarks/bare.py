"""What this machine can do with nothing in the way. Run as a program, so that it is small.

python -m benchmarks.bare forks COUNT MB     processes made, ended and waited for, a second
python -m benchmarks.bare syncs FOLDER       seconds of one fdatasync after a small write
python -m benchmarks.bare burns COUNT LOOPS CORES    seconds of so much computing on all cores
"""

import os
import sys
import time


def forks(count: int, megabytes: int) -> float:
    """Processes that were forked, ended and waited for, a second, by one that is larger by that.

    What a fork costs grows with the pages of who forks.
    """
    ballast = bytearray(os.urandom(1) * (megabytes << 20))
    begin = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
    taken = time.perf_counter() - begin
    del ballast
    return count / taken


def syncs(folder: str) -> float:
    """Seconds that a durable write of one page takes."""
    path = os.path.join(folder, "synced")  # noqa: PTH118 # pathlib is as large as the rest
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    page = bytes(4096)
    count = 200
    begin = time.perf_counter()
    for _ in range(count):
        os.pwrite(file, page, 0)
        os.fdatasync(file)
    taken = time.perf_counter() - begin
    os.close(file)
    os.unlink(path)  # noqa: PTH108
    return taken / count


def burns(count: int, loops: int, cores: int) -> float:
    """Seconds that bare processes, one a core, need for the computing of so many jobs."""
    begin = time.perf_counter()
    for core in range(cores):
        if not os.fork():
            for value in range(core, count, cores):
                number = value
                for turn in range(loops):
                    number = (number * 31 + turn) & 0xFFFFFFFF
            os._exit(0)
    for _ in range(cores):
        os.wait()
    return time.perf_counter() - begin


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    if what == "forks":
        print(forks(*map(int, numbers)))
    elif what == "syncs":
        print(syncs(numbers[0]))
    else:
        print(burns(*map(int, numbers)))
