"""`AsyncClient` in a program on asyncio, as a web application uses it.

The client is made once and closed with the application. A request launches a job and answers with
its id; another asks for the outcome. Here the requests are calls, so that the example needs no
framework: with one, `submit` and `outcome` are its routes, and `lifespan` is its lifespan.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schedulergodx import AsyncClient

client = AsyncClient("web")


@client.task
async def resize(picture: str, width: int) -> str:
    await asyncio.sleep(0.05)  # an `async def` task runs beside a thousand others
    return f"{picture} at {width} px"


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    try:
        yield
    finally:
        await client.close()


async def submit(picture: str, width: int) -> dict[str, str]:
    job = await resize.launch(picture, width)
    return {"id": job.id}


async def outcome(id: str) -> dict[str, str]:
    job = await client.job(id)
    return {"id": id, "result": await job.result(timeout=30)}


async def main() -> None:
    async with lifespan():
        answers = await asyncio.gather(*(submit("cat.jpg", width) for width in (100, 200, 400)))
        for found in await asyncio.gather(*(outcome(answer["id"]) for answer in answers)):
            print(found["result"])


if __name__ == "__main__":
    asyncio.run(main())
