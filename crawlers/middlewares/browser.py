"""Pages that only JavaScript makes: rendered in the system's Chromium, which has no network of its own.

In: the answer to an article, section or homepage of a source with `browser = true`. Out: the same answer with the page
as it stands once its scripts have run. Everything that the page asks for is taken from Chromium and asked by the crawl
itself, so that robots.txt, pace, address guard, bounds of size and time, and the budget of requests hold for it as for
any link; images, styles and media are not asked for at all. What could get round that finds a proxy that does not
exist and names that do not resolve.
"""

import asyncio
import logging
import os
import shutil
from contextlib import suppress
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, cast

import psutil
from scrapy import Request
from scrapy.http import HtmlResponse, Response

from crawlers.frontier import Role
from crawlers.middlewares.answers import plain_response, raw_page
from crawlers.middlewares.outcomes import REDIRECTS, FailedError, RefusedError, reason_of, redirect_target
from crawlers.settings import MAX_PAGE_BYTES
from pipelines.errors import ConfigurationError, WorldwireError

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Route
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

MAX_SUBREQUESTS = 60  # of one page
MAX_SUBREQUEST_BYTES = 5_000_000
MAX_SECONDS = 40.0  # of one page, its requests included
_QUIET_SECONDS = 10.0  # so long a page may go on asking once it is there
_CLOSE_SECONDS = 5.0
_ASKED_FOR = frozenset({"document", "script", "xhr", "fetch"})
_RENDERED = frozenset({Role.ARTICLE, Role.SECTION, Role.HOMEPAGE})
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-gpu",
    "--no-first-run",
    "--js-flags=--max-old-space-size=256",
)


def check_browser(source_id: str) -> None:
    """Raises ConfigurationError if pages cannot be rendered here."""
    if find_spec("playwright") is None:
        raise ConfigurationError(
            f"The source {source_id!r} has browser = true, which needs an extra: pip install worldwire[browser]."
        )
    if _chromium() is None:
        raise ConfigurationError(
            f"The source {source_id!r} has browser = true, but there is no Chromium here: apt-get install chromium."
        )


class BrowserMiddleware:
    """Renders one page at a time; Chromium starts with the first."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._turn = asyncio.Lock()
        self._playwright: Any = None
        self._browser: Browser | None = None

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        from scrapy import signals

        middleware = cls(crawler)
        crawler.signals.connect(middleware.close, signal=signals.spider_closed)
        return middleware

    async def process_response(self, request: Request, response: Response) -> Response:
        spider = cast("Any", self._crawler.spider)
        if not spider.source.browser or request.meta.get("role") not in _RENDERED or response.status != 200:
            return response
        if b"html" not in (response.headers.get("Content-Type") or b"html").lower():
            return response
        plain = plain_response(response.replace(request=request), raw_page(spider.run, response, spider.run.started_at))
        async with self._turn:
            try:
                html = await asyncio.wait_for(self._render(plain), MAX_SECONDS)
            except TimeoutError as cause:
                await self.close()  # a script that never ends holds its process
                raise FailedError("rendering_time") from cause
        body = html.encode("utf-8", "replace")
        if len(body) > MAX_PAGE_BYTES:
            raise RefusedError("too_large")
        headers = plain.headers.copy()
        headers["Content-Type"] = "text/html; charset=utf-8"
        request.meta["hints"] = {**request.meta.get("hints", {}), "rendered": "1"}
        return HtmlResponse(
            response.url,
            status=200,
            headers=headers,
            body=body,
            request=request,
            ip_address=response.ip_address,
            encoding="utf-8",
        )

    async def close(self) -> None:
        """Ends Chromium; the next page starts it again."""
        browser, playwright = self._browser, self._playwright
        self._browser = self._playwright = None
        started = psutil.Process().children(recursive=True) if playwright else []
        for ending in (browser.close() if browser else None, playwright.stop() if playwright else None):
            if ending is not None:
                try:
                    await asyncio.wait_for(ending, _CLOSE_SECONDS)
                except TimeoutError:
                    logger.warning("Chromium does not end by itself")
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    async def _render(self, response: Response) -> str:
        from playwright.async_api import Error

        try:
            browser = await self._started()
            context = await browser.new_context(service_workers="block", accept_downloads=False)
            try:
                page = await context.new_page()
                await page.route("**/*", _Answering(self._crawler, response).answer)
                await self._settled(page, response.url)
                return await page.content()
            finally:
                await context.close()
        except Error as cause:
            logger.info("%s cannot be rendered: %s", response.url, cause.message.partition("\n")[0])
            raise FailedError("rendering") from cause

    async def _settled(self, page: "Page", url: str) -> None:
        from playwright.async_api import TimeoutError as BrowserTimeoutError

        await page.goto(url, wait_until="domcontentloaded", timeout=MAX_SECONDS * 1000)
        try:
            await page.wait_for_load_state("networkidle", timeout=_QUIET_SECONDS * 1000)
        except BrowserTimeoutError:
            logger.debug("%s does not come to rest", url)

    async def _started(self) -> "Browser":
        from playwright.async_api import async_playwright

        if self._browser is None or not self._browser.is_connected():
            self._playwright = await async_playwright().start()
            self._browser = await self._playwright.chromium.launch(
                executable_path=_chromium(), args=[*_ARGUMENTS], chromium_sandbox=os.geteuid() != 0
            )
        return self._browser


class _Answering:
    """Answers what one page asks for: itself with what was fetched, the rest by requests of the crawl."""

    def __init__(self, crawler: "Crawler", response: Response) -> None:
        self._crawler = crawler
        self._response = response
        self._left = MAX_SUBREQUESTS
        self._deadline = monotonic() + MAX_SECONDS

    async def answer(self, route: "Route") -> None:
        asked = route.request
        if asked.url.partition("#")[0] == self._response.url and asked.is_navigation_request():
            await _fulfil(route, self._response)
            return
        if asked.resource_type not in _ASKED_FOR or asked.method != "GET" or self._left <= 0:
            await route.abort()
            return
        self._left -= 1
        response = await self._fetch(asked.url)
        if response is None:
            await route.abort()
        else:
            await _fulfil(route, response)

    async def _fetch(self, url: str) -> Response | None:
        """The answer at the end of all redirects, decoded; None for whatever is refused or fails."""
        spider = cast("Any", self._crawler.spider)
        chain: tuple[str, ...] = (url,)
        while True:
            meta = {
                "kind": "browser",
                "download_maxsize": MAX_SUBREQUEST_BYTES,
                "link_seconds_left": self._deadline - monotonic(),
            }
            fetching = asyncio.ensure_future(self._crawler.engine.download_async(Request(chain[-1], meta=meta)))
            await asyncio.wait({fetching})
            error = fetching.exception()
            if error is not None:
                logger.debug("%s is not given to a page: %s", chain[-1], reason_of(error)[1])
                return None
            try:
                if fetching.result().status not in REDIRECTS:
                    response = fetching.result()
                    return plain_response(response, raw_page(spider.run, response, spider.run.started_at))
                chain = (*chain, redirect_target(fetching.result(), chain))
            except WorldwireError as wrong:
                logger.debug("%s is not given to a page: %s", chain[-1], wrong)
                return None


async def _fulfil(route: "Route", response: Response) -> None:
    headers = {
        name.decode("latin-1"): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
        if name.lower() not in (b"content-length", b"transfer-encoding", b"set-cookie", b"refresh")
    }
    await route.fulfill(status=response.status, headers=headers, body=response.body)


def _chromium() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)
