"""Other crawlers of news, each as its own documentation calls it, pointed at the local sites.

    PYTHON benchmarks/pipeline_others.py newsplease|fundus OUT FEED...

PYTHON is that of an environment of their own, where news-please and fundus are installed. Rows go to OUT/rows.jsonl.
fundus has a parser for each of its publishers and none for others: here it has one that takes every paragraph.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

Row = dict[str, Any]


def newsplease(feeds: Sequence[str]) -> Iterator[Row]:
    from newsplease import NewsPlease

    urls = [url for feed in feeds for url in re.findall(r"<link>(\S+html)</link>", urlopen(feed).read().decode())]
    for url, found in NewsPlease.from_urls(urls, request_args={"timeout": 30}, fetch_images=False).items():
        yield {"url": url, "text": getattr(found, "maintext", None) or ""}


def fundus(feeds: Sequence[str]) -> Iterator[Row]:
    from fundus import Crawler, RSSFeed
    from fundus.parser import ArticleBody, BaseParser, ParserProxy, attribute
    from fundus.parser.utility import extract_article_body_with_selector
    from fundus.publishers.base_objects import Publisher
    from lxml.etree import XPath

    class EveryParagraph(ParserProxy):
        class V1(BaseParser):
            @attribute
            def body(self) -> ArticleBody | None:
                return extract_article_body_with_selector(self.precomputed.doc, paragraph_selector=XPath("//p"))

            @attribute
            def title(self) -> str | None:
                return self.precomputed.meta.get("og:title")

    sites = [
        Publisher(f"Bench {feed}", feed.removesuffix("/feed.xml"), EveryParagraph, [RSSFeed(feed)]) for feed in feeds
    ]
    for article in Crawler(*sites, delay=0.0, ignore_robots=True).crawl(only_complete=False):
        yield {"url": article.html.requested_url, "text": article.plaintext or ""}


def main() -> None:
    name, out, *feeds = sys.argv[1:]
    crawlers = {"newsplease": newsplease, "fundus": fundus}
    with (Path(out) / "rows.jsonl").open("w") as file:
        for row in crawlers[name](feeds):
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
