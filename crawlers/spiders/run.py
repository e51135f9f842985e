"""One spider's run in this process: the class for a source, Scrapy around it, a log of one line a run."""

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawlers.catalogue import Source
from crawlers.settings import CrawlRun
from crawlers.spiders.news import NewsSpider
from crawlers.spiders.past_days import PastDaysSpider
from pipelines.errors import StorageError
from pipelines.log_lines import log_to_stderr


def spider_of(source_id: str) -> type[NewsSpider]:
    """The class for a source: its own if it has one, else the generic spider."""
    name = f"{__package__}.{source_id.replace('-', '_')}"
    if find_spec(name) is None:
        return NewsSpider
    own = [
        kind for kind in vars(import_module(name)).values() if isinstance(kind, type) and issubclass(kind, NewsSpider)
    ]
    return next((kind for kind in own if kind.source_id == source_id), NewsSpider)


def run_spider(source: Source, run: CrawlRun, tell: Callable[[Mapping[str, Any]], None]) -> int:
    """Crawls and gives the process's exit code; `tell` hears of counts, of the stored report, or why there is none."""
    settings = Settings()
    settings.setmodule("crawlers.settings", priority="project")
    settings.set("LOG_INSTALL_ROOT_HANDLER", False, priority="cmdline")
    settings.set("ALLOW_PRIVATE", run.allow_private, priority="cmdline")
    process = AsyncCrawlerProcess(settings)
    log_to_stderr(logging.INFO)
    for name in ("scrapy", "twisted"):  # which Scrapy has just set to DEBUG
        logging.getLogger(name).setLevel(logging.ERROR)
    kind = spider_of(source.id) if run.days is None else PastDaysSpider
    task = process.crawl(kind, source=source, run=run, tell=tell)
    process.start()
    error = task.exception() if task.done() and not task.cancelled() else None
    if isinstance(error, StorageError):
        tell({"storage_error": str(error)})
        return error.exit_code
    if error is not None:
        raise error
    return 0
