"""A job that tells how far it is, and goes on from its checkpoint when an attempt fails."""

import time

from schedulergodx import Client, NoJob, Output, Progress, StatusChange, current_job

client = Client("progress")


@client.task(max_attempts=2, retry_delay=0.5)
def copy(files: int) -> str:
    job = current_job() or NoJob()
    done = job.saved or 0
    print(f"attempt {job.attempt} begins at file {done}")
    for number in range(done, files):
        if number == 3 and job.attempt == 1:
            raise ConnectionError("the disk was pulled out")
        time.sleep(0.05)
        job.progress(number + 1, files, f"file {number}")
        job.checkpoint(number + 1)
    return f"{files - done} of {files} files in the last attempt"


if __name__ == "__main__":
    job = copy.launch(6)
    for event in job.follow(timeout=60):
        match event:
            case Output(text):
                print("it prints:", text, end="")
            case Progress(done, total, note):
                print(f"{done:g} of {total:g}: {note}")
            case StatusChange(status, attempt, text):
                print(f"{status}, attempt {attempt}: {text}".rstrip(": "))
    print(job.result(timeout=30))

    later = copy.options(delay="1 h").launch(6)
    print(f"why does it not run? {later.why()}")
    later.cancel()
    client.close()
