"""Jobs that launch jobs: each page launches a job for each page that it links to."""

from schedulergodx import Client

client = Client("crawler")
SITE = {
    "index": ["news", "shop"],
    "news": ["today", "archive"],
    "shop": ["cart"],
    "today": [],
    "archive": [],
    "cart": [],
}


@client.task
def crawl(page: str) -> list[str]:
    """The page, and all below it."""
    below = [crawl.launch(link) for link in SITE[page]]
    return [page, *(found for job in below for found in job.result(timeout=30))]


if __name__ == "__main__":
    pages = crawl.launch("index").result(timeout=60)
    print(f"{len(pages)} pages: {', '.join(pages)}")
    client.close()
