"""robots.txt: asked once a host and run, obeyed for every link, redirect and feed.

RFC 9309: 4xx means that all is allowed, 5xx that nothing is; 500 KiB are read; five redirects are followed, also to
other hosts. A host that cannot be reached at all gives its own reason (dns, timeout …) to every link on it.
Source: https://www.rfc-editor.org/rfc/rfc9309.html
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit, urlunsplit

from protego import Protego
from scrapy import Request

from crawlers.discovery.pages import MAX_ROBOTS_BYTES
from crawlers.middlewares.answers import raw_page
from crawlers.middlewares.outcomes import REDIRECTS, FailedError, PutOffError, RefusedError, redirect_target
from crawlers.middlewares.pace import Paces
from crawlers.middlewares.patience import SLOW_SHARE
from crawlers.settings import ROBOTS_AGENT, CrawlRun
from pipelines.capture import decoded_body
from pipelines.errors import InputError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

# A name with a version, as "worldwire/1.0", means the same.
_VERSION = re.compile(rf"(?im)^([ \t]*user-agent[ \t]*:[ \t]*{ROBOTS_AGENT})[/*][^\r\n]*")
_PRIORITY = 1000
_ONE_TRY = 99  # more than any number of tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """A host's rules; `body` is the text of its robots.txt, empty where there is none."""

    rules: Protego | None
    is_reachable: bool = True
    body: bytes = b""

    def allows(self, url: str) -> bool:
        addresses = {url, _with_dots_resolved(url)}
        return self.rules is None or all(self.rules.can_fetch(address, ROBOTS_AGENT) for address in addresses)

    @property
    def delay_seconds(self) -> float:
        """What the host asks for between two requests; 0 if nothing."""
        seconds = (self.rules.crawl_delay(ROBOTS_AGENT) if self.rules else None) or 0.0
        return seconds if seconds > 0 else 0.0  # which "nan" is not either


def read_robots(body: bytes) -> Robots:
    """The rules of a robots.txt, whatever stands in it."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    lines = _VERSION.sub(r"\1", body.decode("utf-8", "replace").replace("\x00", ""))
    return Robots(rules=Protego.parse(lines), body=body)


class RobotsMiddleware:
    """Refuses what robots.txt disallows and tells the host's pace of its Crawl-delay."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._paces: Paces = crawler.settings["PACES"]
        self._soon_seconds = SLOW_SHARE * crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        self._asked_at: dict[str, float] = {}
        self._hosts: dict[str, asyncio.Task[Robots]] = {}

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("kind") == "robots":
            return
        is_expendable = request.meta.get("is_found") and not request.meta["is_last"]
        if is_expendable and not await self._answers_soon(request.url):
            raise PutOffError
        robots = await self.robots_of(request.url)
        if not robots.is_reachable:
            raise RefusedError("robots_unreachable")
        if not robots.allows(request.url):
            raise RefusedError("robots")

    async def robots_of(self, url: str) -> Robots:
        """The robots.txt that holds for the URL. Raises what the network raised if its host cannot be reached."""
        error = await self._error_of(url)
        if error is not None:
            raise error
        return self._hosts[_origin(url)].result()

    async def text_of(self, url: str) -> bytes:
        """The text of that robots.txt; empty if there is none."""
        return b"" if await self._error_of(url) else self._hosts[_origin(url)].result().body

    async def _answers_soon(self, url: str) -> bool:
        """Whether the robots.txt is there before others have waited too long for the place that the request takes."""
        task = self._asked_for(url)
        waited = monotonic() - self._asked_at[_origin(url)]
        done, _ = await asyncio.wait({task}, timeout=max(self._soon_seconds - waited, 0.0))
        return bool(done)

    async def _error_of(self, url: str) -> BaseException | None:
        task = self._asked_for(url)
        await asyncio.wait({task})
        return task.exception()

    def _asked_for(self, url: str) -> asyncio.Task[Robots]:
        origin = _origin(url)
        if origin not in self._hosts:
            self._hosts[origin] = asyncio.create_task(self._read(origin))
            self._asked_at[origin] = monotonic()
        return self._hosts[origin]

    async def _read(self, host: str) -> Robots:
        try:
            status, body = await fetch_text(self._crawler, f"{host}/robots.txt", "robots", MAX_ROBOTS_BYTES)
        except FailedError as error:
            logger.info("the robots.txt of %s is passed over: %s", host, error)
            return Robots(rules=None)  # RFC 9309 2.3.1.2: then it may be taken as unavailable
        except InputError as error:
            logger.info("the robots.txt of %s cannot be read: %s", host, error)
            return Robots(rules=None, is_reachable=False)
        if status >= 500 or status == 429:
            return Robots(rules=None, is_reachable=False)
        if status != 200:
            return Robots(rules=None)
        robots = read_robots(body)
        self._paces.of(host).promise(robots.delay_seconds)
        return robots


async def fetch_text(
    crawler: "Crawler", url: str, kind: str, max_bytes: int, max_seconds: float | None = None
) -> tuple[int, bytes]:
    """Status and first bytes of a small file that a host keeps for robots; five redirects are followed.

    Asked for in plain, but servers that pack it all the same are understood. Raises what the network raised,
    FailedError, and what `decoded_body` raises.
    """
    chain: tuple[str, ...] = (url,)
    meta: dict[str, Any] = {"kind": kind, "cut_at_bytes": max_bytes, "download_maxsize": 0}
    if max_seconds is not None:
        meta |= {"link_seconds_left": max_seconds, "tries": _ONE_TRY}
    request = Request(url, meta=meta, headers={"Accept-Encoding": "identity"}, priority=_PRIORITY)
    while True:
        response = await crawler.engine.download_async(request)
        if response.status not in REDIRECTS:
            break
        target = redirect_target(response, chain)
        chain = (*chain, target)
        request = request.replace(url=target, meta={**request.meta, "tries": meta.get("tries", 0)})
    if response.status != 200:
        return response.status, b""
    run: CrawlRun = cast("Any", crawler.spider).run
    return 200, decoded_body(raw_page(run, response, datetime.now(UTC)))[:max_bytes]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _with_dots_resolved(url: str) -> str:
    """The address as many servers understand it: `%2e` is a dot, and two of them lead a step up."""
    parts = urlsplit(url)
    path = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE)
    steps: list[str] = []
    for step in path.split("/")[1:]:
        if step == "..":
            del steps[-1:]
        elif step != ".":
            steps.append(step)
    return urlunsplit(parts._replace(path="/" + "/".join(steps)))
