"""How Scrapy behaves, each setting that differs from its default with the reason; and what one run is.

The politeness of a source (delay, concurrency) is added by the spider from the catalogue.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from pipelines.model import SourceFacts
from pipelines.settings import ArchiveSettings

BOT_NAME = "worldwire"
SPIDER_MODULES = ["crawlers.spiders"]
DEFAULT_CONTACT = "https://worldwire.example/contact"
ROBOTS_AGENT = "worldwire"

# One generic resolver and handler, so that no connection leaves without the address being looked at.
TWISTED_DNS_RESOLVER = "crawlers.address_guard.GuardedResolver"
DOWNLOAD_HANDLERS = {
    "http": "crawlers.address_guard.GuardedDownloadHandler",
    "https": "crawlers.address_guard.GuardedDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
HTTPPROXY_ENABLED = False  # a proxy resolves names itself: nobody would see the address
DOWNLOAD_VERIFY_CERTIFICATES = True  # what is archived is what the site signed

DOWNLOADER_MIDDLEWARES = {
    "crawlers.middlewares.BoundsMiddleware": 50,
    "crawlers.middlewares.RobotsMiddleware": 100,
    "crawlers.middlewares.PoliteRetryMiddleware": 550,
    "crawlers.middlewares.TransferMiddleware": 590,
    "crawlers.middlewares.BoundedRedirectMiddleware": 600,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,  # ours knows RFC 9309 and Crawl-delay
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": None,  # the handler sets it
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,  # pages are kept as transferred
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,
}
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,  # the spider counts what is not 200
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
}
EXTENSIONS = {
    "crawlers.middlewares.PoliteThrottle": 0,
    "scrapy.extensions.throttle.AutoThrottle": None,
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,  # no door into a running crawl
    "scrapy.extensions.feedexport.FeedExporter": None,
    "scrapy.extensions.logstats.LogStats": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
}
ITEM_PIPELINES = {"crawlers.item_pipelines.CapturePipeline": 100}

DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"  # the spider asks for each link once; the frontier remembers
CONCURRENT_REQUESTS = 16
DOWNLOAD_DELAY_JITTER = 0  # a delay is a promise, not a mean
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 0.0  # no less than DOWNLOAD_DELAY in any case
AUTOTHROTTLE_MAX_DELAY = 15.0

DOWNLOAD_TIMEOUT = 20
LINK_SECONDS = 55  # one link with its redirects and retries
MAX_REQUESTS = 2000  # of one source in one run, robots.txt, redirects and retries included
MAX_PAGE_BYTES = 10_000_000  # as transferred, and again when unpacked
MAX_INDEX_BYTES = 50_000_000  # of a feed or sitemap
DOWNLOAD_MAXSIZE = MAX_PAGE_BYTES
DOWNLOAD_WARNSIZE = 0
REDIRECT_MAX_TIMES = 5
RETRY_TIMES = 2
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"  # counted by name in the run's report
MAX_RETRY_AFTER_SECONDS = 30  # a host that asks for more is left in peace until the next run
RUN_SECONDS = 1500

DEFAULT_REQUEST_HEADERS = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LOG_LEVEL = "INFO"
LOG_FORMATTER = "crawlers.middlewares.QuietLogFormatter"
STATS_DUMP = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRun:
    """One crawl of one source: whose pages, where they go, under which name."""

    source: SourceFacts
    archive: ArchiveSettings
    run_id: str
    started_at: datetime
    user_agent: str
    dag_run_id: str | None = None


def user_agent(environ: Mapping[str, str] | None = None) -> str:
    """The name we give ourselves, with the page where a site's owner finds us (WORLDWIRE_CONTACT)."""
    env = os.environ if environ is None else environ
    contact = "".join(env.get("WORLDWIRE_CONTACT", "").split()) or DEFAULT_CONTACT
    return f"worldwire/{_short_version()} (+{contact})"


def source_settings(run: CrawlRun, *, delay_seconds: float, concurrency: int, allow_private: str) -> dict[str, Any]:
    """The settings of one run, beside those of this module."""
    return {
        "USER_AGENT": run.user_agent,
        "ALLOW_PRIVATE": allow_private,
        "CRAWL_RUN": run,
        "DOWNLOAD_DELAY": delay_seconds,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": float(concurrency),
    }


def _short_version() -> str:
    return ".".join(version("worldwire").split(".")[:2])
