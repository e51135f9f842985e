"""The download handler: every request of the crawl leaves through here, and nothing else connects.

It waits for the host's turn, holds the bounds of a link and of the run, and counts what was asked.
"""

from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from scrapy.exceptions import CannotResolveHostError, StopDownload
from scrapy.signals import bytes_received
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS, ParseError

from crawlers.address_guard.resolver import GuardedResolver, ascii_host
from crawlers.middlewares.outcomes import FailedError, RefusedError
from crawlers.middlewares.pace import Paces, rest_after
from crawlers.middlewares.patience import PatienceMiddleware

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

_LEAST_SECONDS = 0.2
# Where other protocols are spoken, in which a request could mean something: those that browsers refuse,
# https://fetch.spec.whatwg.org/#port-blocking, and in the last lines those of files, databases, queues and machines.
BAD_PORTS = frozenset(
    {
        *(15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104),
        *(109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515),
        *(526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049),
        *(3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        *(445, 873, 1433, 1521, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 5900, 5984, 5985, 5986, 6379),
        *(9042, 9092, 9200, 9300, 10250, 11211, 27017, 50000),
    }
)
_MAX_HEAD_BYTES = 128 * 1024  # of all headers of an answer, interim answers included


class PoliteDownloadHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP handler within our bounds.

    `meta["link_seconds_left"]` is what redirects and retries of one link have left; it goes along with the request.
    `meta["cut_at_bytes"]` ends a body there and calls that an answer.
    """

    lazy = True

    def __init__(self, crawler: "Crawler") -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._link_seconds = settings.getfloat("LINK_SECONDS")
        self._max_requests = settings.getint("MAX_REQUESTS")
        self._deadline = monotonic() + settings.getfloat("RUN_SECONDS")
        self._paces: Paces = settings["PACES"]
        self._asked = 0
        self._pool._factory = _BoundedHeadFactory
        crawler.signals.connect(self._cut, signal=bytes_received)

    async def download_request(self, request: "Request") -> "Response":
        if urlsplit(request.url).port in BAD_PORTS:
            raise RefusedError("bad_port")
        if request.meta.get("link_seconds_left", self._link_seconds) < _LEAST_SECONDS:
            raise RefusedError("link_time")
        async with self._paces.of(request.url).turn(self._deadline, self._is_running):
            self._patience.check(request)
            if self._asked >= self._max_requests:
                raise RefusedError("request_budget")
            self._asked += 1
            self._crawler.stats.inc_value("worldwire/asked")
            return await self._download(request)

    async def close(self) -> None:
        await self._paces.leave()
        await super().close()

    async def _download(self, request: "Request") -> "Response":
        left = request.meta.get("link_seconds_left", self._link_seconds)
        request.meta["download_timeout"] = min(self._timeout, left)
        request.meta["received_bytes"] = 0
        started = monotonic()
        try:
            response = await super().download_request(request)
            if not 200 <= response.status <= 999:
                raise FailedError("bad_response")
            return response
        except CannotResolveHostError as cause:
            host = ascii_host(urlsplit(request.url).hostname or "")
            address = _refused_address(host)
            if address is None:
                raise
            raise RefusedError("private_address", f"{host} is at {address}, which is not a public address") from cause
        finally:
            took = monotonic() - started
            self._patience.note(request, took)
            request.meta["link_seconds_left"] = left - took - rest_after(took)  # the rest that the link itself made due

    @property
    def _patience(self) -> PatienceMiddleware:
        patience = self._crawler.get_downloader_middleware(PatienceMiddleware)
        assert patience is not None
        return patience

    def _is_running(self) -> bool:
        return self._crawler.engine.running

    def _cut(self, data: bytes, request: "Request", **_: Any) -> None:
        limit = request.meta.get("cut_at_bytes")
        if limit is not None:
            request.meta["received_bytes"] += len(data)
            if request.meta["received_bytes"] > limit:
                raise StopDownload(fail=False)


class _BoundedHeadProtocol(_LenientHTTP11ClientProtocol):
    """Twisted bounds a header line, not how many there are."""

    _head_bytes = 0

    def request(self, request: Any) -> Any:
        self._head_bytes = 0
        answer = super().request(request)
        if self._parser is not None:
            self._parser.lineLengthExceeded = lambda line: self._refuse("a line without end")  # type: ignore[method-assign]
        return answer

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self._is_in_head():
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES + len(data):  # what came last may be of the body
                self._refuse("too many headers")
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self._head_bytes and self._is_in_head():
            reason = Failure(ParseError("an answer that ends in its head", b""))  # type: ignore[no-untyped-call]
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _is_in_head(self) -> bool:
        return self._parser is not None and self._parser.state in (STATUS, HEADER)

    def _refuse(self, why: str) -> None:
        self._giveUp(Failure(ParseError(why, b"")))  # type: ignore[no-untyped-call]


class _BoundedHeadFactory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> _BoundedHeadProtocol:  # noqa: N802 - Twisted's name
        return _BoundedHeadProtocol(self._quiescentCallback)  # type: ignore[no-untyped-call]


def _refused_address(host: str) -> str | None:
    from twisted.internet import reactor  # the one that is installed by now

    resolver = reactor.nameResolver
    return resolver.refused.get(host) if isinstance(resolver, GuardedResolver) else None
