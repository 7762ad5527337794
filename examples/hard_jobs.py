"""Hard jobs: a fresh process each, with limits of its own, stopped with all that it started."""

import os
import subprocess
import time

from schedulergodx import Client
from schedulergodx.errors import JobError, JobTimeout

client = Client("hard-jobs")


@client.task(hard=True)
def tell_process() -> int:
    return os.getpid()


@client.task(hard=True, memory="256 MiB")
def eat(megabytes: int) -> int:
    return len(bytes(megabytes << 20))


@client.task(hard=True, lifetime=1)
def dawdle() -> None:
    subprocess.Popen(["sleep", "3600"])  # it is stopped as well
    time.sleep(3600)


if __name__ == "__main__":
    processes = {job.result(timeout=30) for job in tell_process.starmap([()] * 3)}
    print(f"3 jobs in {len(processes)} processes")

    print(f"ate {eat.launch(10).result(timeout=30)} bytes")
    try:
        eat.launch(1000).result(timeout=30)
    except (JobError, MemoryError) as error:
        print(f"1000 MiB: {type(error).__name__}")

    try:
        dawdle.launch().result(timeout=30)
    except JobTimeout as error:
        print(f"an hour in a second: {type(error).__name__}")
    client.close()
