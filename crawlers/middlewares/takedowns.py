"""What was taken down is not asked for again: no link, no redirect hop, no feed of a source that is gone."""

from typing import TYPE_CHECKING, Any, Self, cast

from crawlers.middlewares.outcomes import RefusedError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class TakedownMiddleware:
    """Refuses an address that the archive's list of takedowns covers; comes before robots.txt is asked."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    def process_request(self, request: "Request") -> None:
        spider = cast("Any", self._crawler.spider)
        addresses = {request.url, request.meta.get("key", request.url)}
        if spider.takedowns.covers(spider.run.source.id, *addresses):
            raise RefusedError("taken_down")
