"""How Scrapy behaves, each setting that differs from its default with the reason; and what one run is.

The spider adds what belongs to its source: USER_AGENT and PACES, the politeness of every host.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from uuid import uuid4

from pipelines.model import SourceFacts
from pipelines.settings import ArchiveSettings

BOT_NAME = "worldwire"
SPIDER_MODULES = ["crawlers.spiders"]
DEFAULT_CONTACT = "https://worldwire.example/contact"
ROBOTS_AGENT = "worldwire"
# What can end a crawl early: reasons that say nothing of the links they leave unasked.
BOUNDS = ("request_budget", "page_budget", "run_time", "host_busy", "slow_feeds", "slow_sitemaps")

# One resolver and one handler, so that no connection leaves without its address being looked at.
TWISTED_DNS_RESOLVER = "crawlers.address_guard.resolver.GuardedResolver"
DOWNLOAD_HANDLERS = {
    "http": "crawlers.middlewares.download.PoliteDownloadHandler",
    "https": "crawlers.middlewares.download.PoliteDownloadHandler",
    "data": None,
    "file": None,
    "ftp": None,
    "s3": None,
}
ALLOW_PRIVATE = os.environ.get("WORLDWIRE_ALLOW_PRIVATE", "")  # for `scrapy crawl`; `launch` sets it per run
DOWNLOAD_VERIFY_CERTIFICATES = True  # what is archived is what the site signed

# All that takes part, in place of Scrapy's own lists: what is only switched off there is imported all the same (0.8 s a
# crawl). Left out are: robots.txt, retries, throttling (ours keep promises that theirs do not), redirects (the spider
# follows them: a target may be known), decompression (pages are kept as transferred), cookies, proxies (they would
# resolve names themselves), credentials, and every door into a running crawl.
DOWNLOADER_MIDDLEWARES_BASE: dict[str, int] = {}
DOWNLOADER_MIDDLEWARES = {
    "crawlers.middlewares.takedowns.TakedownMiddleware": 50,
    "crawlers.middlewares.patience.PatienceMiddleware": 60,
    "crawlers.middlewares.robots.RobotsMiddleware": 100,
    "crawlers.middlewares.browser.BrowserMiddleware": 120,
    "crawlers.middlewares.opt_out.ReservationMiddleware": 150,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "crawlers.middlewares.retry.PoliteRetryMiddleware": 550,
}
SPIDER_MIDDLEWARES_BASE: dict[str, int] = {}
EXTENSIONS_BASE: dict[str, int] = {}
ITEM_PIPELINES = {"crawlers.item_pipelines.CapturePipeline": 100}

DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"  # the spider asks for each link once; the frontier remembers
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"  # the latest news, which come first, go first
CONCURRENT_REQUESTS = 16
CONCURRENT_REQUESTS_PER_DOMAIN = 16  # `middlewares.pace` gives the turns, by the catalogue and robots.txt
DOWNLOAD_DELAY = 0
CONCURRENT_ITEMS = 2  # of one answer; Scrapy starts that many tasks for each, and most give one page
REACTOR_THREADPOOL_MAXSIZE = 8  # name lookups

DOWNLOAD_TIMEOUT = 20
LINK_SECONDS = 55  # one link with its redirects and retries
MAX_REQUESTS = 2000  # of one source in one run, robots.txt, redirects and retries included
MAX_PAGE_BYTES = 10_000_000  # as transferred, and again when unpacked
MAX_INDEX_BYTES = 50_000_000  # of a feed or sitemap
DOWNLOAD_MAXSIZE = MAX_PAGE_BYTES
DOWNLOAD_WARNSIZE = 0
SLOW_DOCUMENTS_SECONDS = 60  # of one run, in all: the feeds and, apart, the sitemaps that a site names and that hang
RETRY_TIMES = 2
RUN_SECONDS = 1500  # then no new request is sent

DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",  # what `pipelines.capture.decoded_body` undoes
}
WARN_ON_GENERATOR_RETURN_VALUE = False
LOG_VERSIONS: list[str] = []
LOG_LEVEL = "INFO"
STATS_DUMP = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRun:
    """One crawl of one source: whose pages, where they go, under which name; `allow_private` as in the environment.

    `scheduled`: it comes round by itself, and asks only what is due; one by hand asks all. `days`: it asks only the
    sitemaps, for articles from the first to the last of them (UTC).
    """

    source: SourceFacts
    archive: ArchiveSettings
    run_id: str
    started_at: datetime
    user_agent: str
    allow_private: str = ""
    dag_run_id: str | None = None
    scheduled: bool = False
    days: tuple[date, date] | None = None


def user_agent(environ: Mapping[str, str] | None = None) -> str:
    """The name we give ourselves, with the page where a site's owner finds us (WORLDWIRE_CONTACT)."""
    env = os.environ if environ is None else environ
    contact = "".join(env.get("WORLDWIRE_CONTACT", "").split()) or DEFAULT_CONTACT
    return f"worldwire/{_short_version()} (+{contact})"


def new_run_id(started_at: datetime) -> str:
    """The name of a run: sorts by time, and no two runs share it."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"


def _short_version() -> str:
    return ".".join(version("worldwire").split(".")[:2])
