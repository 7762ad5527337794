"""Attempts with growing waits between them, and errors that nobody should try again."""

import tempfile
from pathlib import Path

from schedulergodx import Client

client = Client("retries")


@client.task(max_attempts=4, retry_delay=0.1, retry_backoff=2, give_up_on=PermissionError)
def fetch(counter: str, fails: int) -> int:
    """Fails so many times, as a server that is starting does; then says which attempt it was."""
    path = Path(counter)
    attempt = 1 + (int(path.read_text()) if path.exists() else 0)
    path.write_text(str(attempt))
    if attempt <= fails:
        raise ConnectionError(f"attempt {attempt}: nobody is there")
    return attempt


@client.task(max_attempts=4, give_up_on=PermissionError)
def enter() -> None:
    raise PermissionError("no entry")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        job = fetch.launch(f"{folder}/a", fails=2)
        print(f"attempt {job.result(timeout=30)} went well")
        for attempt in job.attempts():
            print(f"  before: {attempt.text}")

        error = fetch.launch(f"{folder}/b", fails=9).exception(timeout=30)
        print(f"no attempt is left: {error}")

    closed = enter.launch()
    print(f"given up on at once: {closed.exception(timeout=30)!r}")
    client.close()
