"""What others would write to fetch and extract news pages; each a command, so that its whole CPU time can be taken.

python -m benchmarks.pipeline_peers NAME OUT URL_OF_FEED...       NAME: fetch, callback, pool, memory
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import trafilatura
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from twisted.internet.defer import Deferred

from benchmarks.page_sites import read_pages, vary

SETTINGS = {
    "LOG_LEVEL": "ERROR",
    "ROBOTSTXT_OBEY": False,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0,
    "TELNETCONSOLE_ENABLED": False,
}


def extract(body: bytes, url: str) -> dict[str, Any] | None:
    """Text and metadata by trafilatura's defaults, as a row."""
    found = trafilatura.bare_extraction(body, url=url, with_metadata=True)
    return (
        None if found is None else {name: getattr(found, name) for name in ("url", "title", "author", "date", "text")}
    )


class PagesSpider(Spider):
    """Follows every item of the feeds; what it does with a page is the contender's."""

    name = "pages"

    def __init__(self, feeds: list[str], mode: str, out: Path) -> None:
        super().__init__()
        self.start_urls = feeds
        self.mode = mode
        self.pages = 0
        self.out = out.open("w")
        self.pool = ProcessPoolExecutor(2) if mode == "pool" else None

    def parse(self, response: Any) -> Any:
        for link in response.xpath("//item/link/text()").getall():
            yield Request(link, callback=self.take_page)

    async def take_page(self, response: Any) -> None:
        self.pages += 1
        if self.mode == "fetch":
            return
        if self.pool is None:
            row = extract(response.body, response.url)
        else:
            import asyncio

            row = await asyncio.wrap_future(self.pool.submit(extract, response.body, response.url))
        if row is not None:
            self.out.write(json.dumps(row) + "\n")

    def closed(self, reason: str) -> Deferred[None] | None:
        self.out.close()
        if self.pool is not None:
            self.pool.shutdown()
        print(self.pages)
        return None


def crawl(mode: str, out: Path, feeds: list[str]) -> None:
    process = AsyncCrawlerProcess(SETTINGS)
    process.crawl(PagesSpider, feeds=feeds, mode=mode, out=out)
    process.start()


def extract_from_memory(out: Path, folders: list[Path], copies: int) -> None:
    """trafilatura alone: two processes, pages in memory, nothing fetched, nothing kept but rows."""
    pages = [vary(page, copy) for copy in range(copies) for page in read_pages(folders)]
    with ProcessPoolExecutor(2) as pool, out.open("w") as file:
        urls = [f"http://127.0.3.1/{number}" for number in range(len(pages))]
        for row in pool.map(extract, pages, urls, chunksize=8):
            if row is not None:
                file.write(json.dumps(row) + "\n")
    print(len(pages))


if __name__ == "__main__":
    name, target, *rest = sys.argv[1:]
    if name == "memory":
        extract_from_memory(Path(target), [Path(folder) for folder in rest[1:]], int(rest[0]))
    else:
        crawl(name, Path(target), rest)
