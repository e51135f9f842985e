"""What others would write to fetch and extract news pages; each a command, so that its whole CPU time can be taken.

    python -m benchmarks.pipeline_peers fetch|callback|pool|whole OUT --feeds URL...
    python -m benchmarks.pipeline_peers unchanged OUT --feeds URL... --etags FILE
    python -m benchmarks.pipeline_peers memory OUT --sites FILE...

OUT is a folder; rows go to OUT/rows.jsonl. The files are those that `page_sites` prepares.
"""

import argparse
import asyncio
import io
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trafilatura
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess

from benchmarks.page_sites import bodies

SETTINGS = {
    "LOG_LEVEL": "ERROR",
    "ROBOTSTXT_OBEY": False,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "DOWNLOAD_DELAY": 0,
    "TELNETCONSOLE_ENABLED": False,
    "HTTPERROR_ALLOWED_CODES": [304],
}
_SHINGLE = 5
Row = dict[str, Any]


def extract(body: bytes, url: str) -> Row | None:
    """Text and metadata by trafilatura's defaults, as a row."""
    found = trafilatura.bare_extraction(body, url=url, with_metadata=True)
    if found is None:
        return None
    return {name: getattr(found, name) for name in ("title", "author", "date", "text")} | {"url": url}


@dataclass
class Whole:
    """WARC by warcio, copies by datasketch, Parquet by pyarrow: what everyone writes round trafilatura."""

    out: Path
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        from datasketch import MinHashLSH
        from warcio.warcwriter import WARCWriter

        self._file = (self.out / "pages.warc.gz").open("wb")
        self._warc = WARCWriter(self._file, gzip=True)
        self._copies = MinHashLSH(threshold=0.5, num_perm=128)

    def archive(self, response: Any) -> None:
        from warcio.statusandheaders import StatusAndHeaders

        pairs = [(name.decode("latin-1"), values[0].decode("latin-1")) for name, values in response.headers.items()]
        headers = StatusAndHeaders(f"{response.status} OK", pairs, protocol="HTTP/1.1")
        payload = io.BytesIO(response.body)
        record = self._warc.create_warc_record(response.url, "response", payload=payload, http_headers=headers)
        self._warc.write_record(record)

    def take(self, row: Row) -> None:
        from datasketch import MinHash

        sketch = MinHash(num_perm=128)
        words = (row["text"] or "").lower().split()
        for at in range(max(1, len(words) - _SHINGLE + 1)):
            sketch.update(" ".join(words[at : at + _SHINGLE]).encode())
        same = self._copies.query(sketch)
        self._copies.insert(row["url"], sketch)
        self.rows.append(row | {"copy_of": same[0] if same else None})

    def close(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._file.close()
        pq.write_table(pa.Table.from_pylist(self.rows), self.out / "articles.parquet", compression="zstd")


class PagesSpider(Spider):
    """Follows every item of the feeds; what it does with a page is the contender's."""

    name = "pages"

    def __init__(self, feeds: list[str], mode: str, out: Path, known: Mapping[str, str]) -> None:
        super().__init__()
        self.start_urls = feeds
        self.mode = mode
        self.known = known
        self.rows = (out / "rows.jsonl").open("w")
        self.pool = ProcessPoolExecutor(2) if mode == "pool" else None
        self.whole = Whole(out) if mode == "whole" else None

    def parse(self, response: Any) -> Any:
        for link in response.xpath("//item/link/text()").getall():
            headers = {"If-None-Match": self.known[link]} if self.known else {}
            yield Request(link, callback=self.take_page, headers=headers)

    async def take_page(self, response: Any) -> None:
        if self.mode in ("fetch", "unchanged"):
            assert response.status == (304 if self.known else 200)
            return
        if self.whole is not None:
            self.whole.archive(response)
        if self.pool is not None:
            row = await asyncio.wrap_future(self.pool.submit(extract, response.body, response.url))
        else:
            row = extract(response.body, response.url)
        if row is not None:
            self.rows.write(json.dumps(row) + "\n")
            if self.whole is not None:
                self.whole.take(row)

    def closed(self, reason: str) -> None:
        self.rows.close()
        if self.pool is not None:
            self.pool.shutdown()
        if self.whole is not None:
            self.whole.close()


def crawl(mode: str, out: Path, feeds: list[str], known: Mapping[str, str]) -> None:
    process = AsyncCrawlerProcess(SETTINGS)
    process.crawl(PagesSpider, feeds=feeds, mode=mode, out=out, known=known)
    process.start()


def extract_from_memory(out: Path, sites: Iterable[Path]) -> None:
    """trafilatura alone: two processes, pages in memory, nothing fetched, nothing kept but rows."""
    urls, pages = zip(*bodies(list(sites)), strict=True)
    with ProcessPoolExecutor(2) as pool, (out / "rows.jsonl").open("w") as file:
        for row in pool.map(extract, pages, urls, chunksize=8):
            if row is not None:
                file.write(json.dumps(row) + "\n")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("name")
    words.add_argument("out", type=Path)
    words.add_argument("--sites", nargs="+", type=Path, default=[])
    words.add_argument("--feeds", nargs="+", default=[])
    words.add_argument("--etags", type=Path)
    given = words.parse_args()
    if given.name == "memory":
        extract_from_memory(given.out, given.sites)
    else:
        crawl(given.name, given.out, given.feeds, json.loads(given.etags.read_text()) if given.etags else {})


if __name__ == "__main__":
    main()
