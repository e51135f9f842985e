"""A small news site on loopback, and a hostile one: what a crawl is tested against.

    with LocalSite() as site:
        site.add_articles(3)                     # pages, and a feed that names them
        site.routes["/odd"] = Answer(status=302, headers={"Location": "/"})
        site.routes["/raw"] = some_function      # is given the request's handler and writes what it likes
        ...
        assert site.paths() == ["/robots.txt", "/feed.xml", ...]

Every site has an address of its own (127.0.3.x, or `host`), so that one may be allowed and another not.
"""

import gzip
import hashlib
import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

NETWORK = "127.0.3.0/24"
PUBLISHED = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What a path answers; with an ETag of its body, and 304 to whoever knows it already."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    has_etag: bool = True
    delay_seconds: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; `began` and `ended` on the monotonic clock."""

    path: str
    headers: Mapping[str, str]
    began: float
    status: int


Route = Answer | Callable[["SiteHandler"], None]


class LocalSite:
    """A site that runs while the context is open; `routes` may be changed at any time."""

    def __init__(self, host: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.host = host or f"127.0.3.{next(_numbers) % 250 + 1}"
        self.routes: dict[str, Route] = {}
        self.asked: list[Asked] = []
        self.links: list[str] = []
        self._tls = tls
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        site = self

        class Handler(SiteHandler):
            def __init__(self, *args: Any) -> None:
                self.site = site
                super().__init__(*args)

        self._server = _Server((self.host, 0), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def home(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return self.home + path

    def add_article(self, path: str | None = None, *, text: str = "The council met on Monday.") -> str:
        """A new article that the feed names; gives its path."""
        path = path or f"/world/2026/11/24/the-council-met-again-today-{len(self.links) + 10001}"
        self.routes[path] = Answer(article(path, text))
        self.name(path)
        return path

    def add_articles(self, number: int) -> list[str]:
        return [self.add_article() for _ in range(number)]

    def name(self, *links: str) -> None:
        """The feed names these paths or addresses too."""
        self.links += links
        self.routes["/feed.xml"] = feed([link if "://" in link else self.url(link) for link in self.links])

    def paths(self) -> list[str]:
        """What was asked, in order."""
        with self._lock:
            return [asked.path for asked in self.asked]

    def forget(self) -> None:
        """What was asked until now is not looked at any more."""
        with self._lock:
            self.asked.clear()

    def shortest_gap(self) -> float:
        """Seconds between the two requests that came closest after each other."""
        began = sorted(asked.began for asked in self.asked)
        return min(later - earlier for earlier, later in itertools.pairwise(began))

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)


class SiteHandler(BaseHTTPRequestHandler):
    """One connection to a LocalSite."""

    site: LocalSite
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        began = time.monotonic()
        route = self.site.routes.get(self.path, Answer(b"<h1>Not found</h1>", 404))
        if not isinstance(route, Answer):
            self.site.note(Asked(self.path, dict(self.headers), began, 0))
            self.close_connection = True
            route(self)
            return
        time.sleep(route.delay_seconds)
        etag = f'"{hashlib.sha256(route.body).hexdigest()[:16]}"'
        knows = route.has_etag and route.status == 200 and self.headers.get("If-None-Match") == etag
        status = 304 if knows else route.status
        self.site.note(Asked(self.path, dict(self.headers), began, status))
        body = b"" if knows else route.body
        self.send_response(status)
        headers = {"Content-Type": route.content_type, **route.headers}
        if route.has_etag and route.status == 200:
            headers["ETag"] = etag
        if not knows:
            headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests have their own way to look."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A crawler that hangs up in the middle is what many tests are about."""


def article(path: str, text: str = "The council met on Monday.") -> bytes:
    """An article page."""
    paragraphs = "".join(f"<p>{text} Paragraph {number} of {path}.</p>" for number in range(5))
    head = f"<!DOCTYPE html><html><head><title>{path}</title></head>"
    return f"{head}<body><h1>{path}</h1>{paragraphs}</body></html>".encode()


def feed(links: Iterable[str]) -> Answer:
    """An RSS feed that names the addresses, the first published last."""
    items = "".join(
        f"<item><title>Title of {link.rpartition('/')[2]}</title><link>{link}?utm_source=rss</link>"
        f"<pubDate>{format_datetime(PUBLISHED - timedelta(minutes=number))}</pubDate></item>"
        for number, link in enumerate(links)
    )
    text = f'<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>{items}</channel></rss>'
    return Answer(text.encode(), content_type="application/rss+xml")


def sitemap(links: Iterable[str], *, packed: bool = False, day: str = "2026-11-24") -> Answer:
    """A sitemap of the addresses, all changed on the day."""
    urls = "".join(f"<url><loc>{link}</loc><lastmod>{day}</lastmod></url>" for link in links)
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()
    return Answer(gzip.compress(text, mtime=0) if packed else text, content_type="application/xml")


def sitemap_index(sitemaps: Iterable[str]) -> Answer:
    """An index of sitemaps."""
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in sitemaps)
    text = f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'
    return Answer(text.encode(), content_type="application/xml")


def links_page(links: Iterable[str], head: str = "") -> Answer:
    """A page of links."""
    anchors = "".join(f'<li><a href="{link}">News of {link.rpartition("/")[2]}</a></li>' for link in links)
    return Answer(f"<!DOCTYPE html><html><head>{head}</head><body><ul>{anchors}</ul></body></html>".encode())


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": location})


def text(body: str) -> Answer:
    return Answer(body.encode(), content_type="text/plain")
