"""Many jobs under one name: progress, a job at the end, and a program that is started anew."""

import time

from schedulergodx import Client
from schedulergodx.errors import UnknownBatch

client = Client("batch")


@client.task
def develop(picture: str) -> str:
    time.sleep(0.1)
    if picture == "dark.raw":
        raise ValueError("there is nothing to see")
    return picture.replace(".raw", ".jpg")


@client.task
def tell(name: str) -> str:
    return f"the {name} are ready"


if __name__ == "__main__":
    with client.batch("pictures") as batch:
        ready = batch.then(tell, "pictures")
        develop.options(batch=batch).map(["cat.raw", "dog.raw", "dark.raw", "sun.raw"])
    batch.progress(timeout=60)
    print(f"then: {ready.result(timeout=30)}")
    for value in batch.results(return_exceptions=True):
        print(f"  {value!r}")

    again = client.attach("pictures")  # as this program would do that was started anew
    print(f"attached to {again.name}: active is {again.active}, {again.status()}")
    print(f"requeued {again.requeue()}, and now {again.wait(timeout=60).counts}")

    try:
        client.attach("paintings")
    except UnknownBatch as error:
        print(f"UnknownBatch: {error}")
    client.close()
