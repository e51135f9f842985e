"""The world on the network: every site on its own loopback address, with 304, gzip and a record of who asked for what.

On any site `GET /__stats` tells what was asked for, and `POST /__advance` brings the next round of pages at once.
"""

import errno
import gzip
import hashlib
import json
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from crawlers.demo.editions import ROUND
from crawlers.demo.sites import SITES, Site
from crawlers.demo.world import Answer, World
from pipelines.errors import ConfigurationError

NETWORK = "127.0.2.0/24"
_FALLBACK_NETWORK = "127.0.0.1/32"  # where 127.0.2.x is not configured (all systems but Linux)
_TRIES_FOR_A_PORT = 20
_IDLE_SECONDS = 30
_SPAN = ROUND * 8  # longer than the world goes on publishing


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What was asked of the sites. `paths` counts by URL without query, `min_gap_seconds` is by host and port.

    A host that was asked once has no gap.
    """

    requests: int
    paths: Mapping[str, int]
    statuses: Mapping[int, int]
    agents: Mapping[str, int]
    min_gap_seconds: Mapping[str, float]


class DemoWorld:
    """The world, serving from `__enter__` to `__exit__`.

    Its time stands still unless a `clock` is given; `advance` moves it on by one round. `port=0` takes a free one.
    Without `started_at` and `clock`, it starts so long ago that no page it will ever publish lies in the future.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        sites: int = len(SITES),
        seed: int = 1,
        started_at: datetime | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        start = started_at or (clock() if clock else datetime.now(UTC) - _SPAN)
        self._clock = clock or (lambda: start)
        self._ahead = timedelta(0)
        self._record = _Record()
        self._servers: list[_SiteServer] = []
        self._threads: list[threading.Thread] = []
        chosen = SITES[:sites]
        self._servers = _bind(self, chosen, port)
        bases = [f"http://{server.server_address[0]!s}:{server.server_address[1]}" for server in self._servers]
        self._world = World(chosen, bases, started_at=start, seed=seed)
        self.started_at = self._world.started_at
        self.catalogue = self._world.catalogue()
        self.truth = self._world.truth()
        self.bases = self._world.bases
        self.allow_private = NETWORK if "//127.0.2." in bases[0] else _FALLBACK_NETWORK

    def __enter__(self) -> Self:
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all serving; connections that are still open are cut."""
        for server in self._servers:
            if self._threads:
                server.shutdown()
            server.cut_connections()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def now(self) -> datetime:
        """The world's own time."""
        return self._clock() + self._ahead

    def advance(self) -> int:
        """Bring the next round of pages at once; gives how many pages are out then (the first so many of `truth`)."""
        now = self.now()
        self._ahead += self._world.next_round(now) - now
        return self.shown()

    def shown(self) -> int:
        """How many pages are out: the first so many of `truth`."""
        return len(self._world.out(self.now()))

    def stats(self) -> Stats:
        """What was asked since the start or the last `forget`."""
        return self._record.stats()

    def forget(self) -> None:
        """Begin the record of requests anew."""
        self._record.clear()

    def answer(self, site: Site, path: str) -> Answer:
        """What the site answers now."""
        return self._world.answer(site, path, self.now())

    def note(self, base: str, path: str, status: int, agent: str) -> None:
        """Keep a request in mind."""
        self._record.note(base, path, status, agent)


class _Record:
    """Requests as they came; used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._paths: Counter[str] = Counter()
            self._statuses: Counter[int] = Counter()
            self._agents: Counter[str] = Counter()
            self._last: dict[str, float] = {}
            self._gaps: dict[str, float] = {}

    def note(self, base: str, path: str, status: int, agent: str) -> None:
        moment = time.monotonic()
        with self._lock:
            self._paths[base + path] += 1
            self._statuses[status] += 1
            self._agents[agent] += 1
            if base in self._last:
                gap = moment - self._last[base]
                self._gaps[base] = min(gap, self._gaps.get(base, gap))
            self._last[base] = moment

    def stats(self) -> Stats:
        with self._lock:
            return Stats(
                requests=self._paths.total(),
                paths=dict(self._paths),
                statuses=dict(self._statuses),
                agents=dict(self._agents),
                min_gap_seconds={urlsplit(base).netloc: gap for base, gap in self._gaps.items()},
            )


class _SiteServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], demo: DemoWorld, site: Site) -> None:
        self.demo = demo
        self.site = site
        self._open: set[socket.socket] = set()
        super().__init__(address, _SiteHandler)
        self.base = f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's own also looks up the host's name, which may take long

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: tuple[str, int] | str
    ) -> None:
        if isinstance(request, socket.socket):
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _SiteHandler(BaseHTTPRequestHandler):
    server: _SiteServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # header and body in one packet
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/__stats":
            self._send_json(asdict(self.server.demo.stats()))
            return
        answer = self.server.demo.answer(self.server.site, path)
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
        headers = {"ETag": etag, "Content-Type": answer.content_type, "Cache-Control": "max-age=60"}
        if answer.modified_at is not None:
            headers["Last-Modified"] = format_datetime(answer.modified_at, usegmt=True)
        if answer.status == 200 and self._is_unchanged(etag, headers.get("Last-Modified")):
            self._send(304, headers, b"")
            return
        body = answer.body
        if "gzip" in self.headers.get("Accept-Encoding", "") and answer.content_type.startswith(
            ("text/", "application/")
        ):
            body = gzip.compress(body, 5, mtime=0)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        self._send(answer.status, headers, body)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1 << 16))
        if urlsplit(self.path).path != "/__advance":
            self._send(405, {"Allow": "GET, HEAD", "Content-Type": "text/plain"}, b"")
            return
        self._send_json({"shown": self.server.demo.advance(), "total": len(self.server.demo.truth)})

    def log_message(self, format: str, *args: object) -> None:
        """No line per request: the record keeps them."""

    def _is_unchanged(self, etag: str, modified: str | None) -> bool:
        if "If-None-Match" in self.headers:
            return etag in self.headers["If-None-Match"]
        return modified is not None and self.headers.get("If-Modified-Since") == modified

    def _send_json(self, value: object) -> None:
        self._send(200, {"Content-Type": "application/json"}, json.dumps(value).encode(), noted=False)

    def _send(self, status: int, headers: Mapping[str, str], body: bytes, *, noted: bool = True) -> None:
        if noted:
            path = urlsplit(self.path).path
            self.server.demo.note(self.server.base, path, status, self.headers.get("User-Agent", "-"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _bind(demo: DemoWorld, sites: tuple[Site, ...], port: int) -> list[_SiteServer]:
    """A server for each site, all on one port. Raises ConfigurationError if the port is taken."""
    for attempt in range(_TRIES_FOR_A_PORT):
        servers: list[_SiteServer] = []
        try:
            for place, site in enumerate(sites):
                chosen = servers[0].server_address[1] if servers else port
                servers.append(_server(demo, site, place, chosen))
        except OSError as cause:
            for server in servers:
                server.server_close()
            if cause.errno == errno.EADDRINUSE and port == 0 and attempt < _TRIES_FOR_A_PORT - 1:
                continue
            raise ConfigurationError(
                f"The demo world cannot listen on port {port}: {cause.strerror}; stop what uses it or take another."
            ) from cause
        return servers
    raise AssertionError("the last attempt returns or raises")


def _server(demo: DemoWorld, site: Site, place: int, port: int) -> _SiteServer:
    try:
        return _SiteServer((f"127.0.2.{place + 1}", port), demo, site)
    except OSError as cause:
        if cause.errno != errno.EADDRNOTAVAIL:
            raise
        return _SiteServer(("127.0.0.1", port + place if port else 0), demo, site)
