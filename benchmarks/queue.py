"""What a crawl weighs with many links before it: the largest resident size of its process, as the kernel tells.

    python -m benchmarks.queue [--links 100000] [--pages 2000]

A site on loopback names so many articles in sitemaps of 50 000 and serves a few of them; the rest waits.
"""

import argparse
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from crawlers.catalogue import Source
from crawlers.launch import Launch, new_run
from crawlers.launch.nursery import Child, Nursery
from pipelines.settings import ArchiveSettings

HOST, NETWORK = "127.0.3.9", "127.0.3.0/24"
A_SITEMAP = 50_000
PAGE = b"<!doctype html><html><title>A page</title><p>" + b"Words that stand for an article. " * 100


class Site(BaseHTTPRequestHandler):
    """Sitemaps of numbered articles."""

    protocol_version = "HTTP/1.1"
    links = 0

    def do_GET(self) -> None:
        found = re.fullmatch(r"/map-(\d+)\.xml", self.path)
        body = self._sitemap(int(found[1])) if found else PAGE if self.path.startswith("/world/") else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _sitemap(self, number: int) -> bytes:
        first, host = number * A_SITEMAP, f"http://{HOST}:{self.server.server_address[1]}"
        urls = "".join(
            f"<url><loc>{host}/world/2026/11/24/some-words-that-make-a-slug-of-usual-length-{at:07d}</loc>"
            f"<lastmod>2026-11-24T12:{at % 60:02d}:00Z</lastmod></url>"
            for at in range(first, min(first + A_SITEMAP, self.links))
        )
        return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class Watch(threading.Thread):
    """Notes what the children weigh until it is stopped; bytes."""

    def __init__(self, child: Child) -> None:
        super().__init__(daemon=True)
        self._child = child
        self.first = self.peak = 0

    def run(self) -> None:
        while not self._child.wait(0.02):
            if not self._child.process_id:
                continue
            try:
                status = Path(f"/proc/{self._child.process_id}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):  # it ends just now
                continue
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            self.peak = int(found[1]) * 1024 if found else self.peak
            self.first = self.first or self.peak


@contextmanager
def watched_children() -> Iterator[list[Watch]]:
    """A watch of each child that any nursery starts meanwhile; all have ended with their children at the end."""
    watches: list[Watch] = []
    start = Nursery.start

    def watched(self: Nursery, job: Any) -> Child:
        child = start(self, job)
        watches.append(Watch(child))
        watches[-1].start()
        return child

    Nursery.start = watched  # type: ignore[method-assign]
    try:
        yield watches
    finally:
        Nursery.start = start  # type: ignore[method-assign]
    for watch in watches:
        watch.join()


def measure(links: int, pages: int) -> tuple[float, float, float, int]:
    """Megabytes at the start and at most, seconds, links found."""
    Site.links = links
    server = ThreadingHTTPServer((HOST, 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://{HOST}:{server.server_address[1]}/"
    maps = [f"{home}map-{number}.xml" for number in range(-(-links // A_SITEMAP))]
    with tempfile.TemporaryDirectory() as folder, Nursery() as nursery, watched_children() as watches:
        archive = ArchiveSettings(uri=f"{folder}/archive", spool=Path(folder) / "spool")
        source = Source.model_validate(
            {"id": "bench", "name": "Bench", "homepage": home, "feeds": [], "sitemaps": maps}
            | {"delay_seconds": 0, "concurrency": 4, "max_pages": pages}
        )
        run = new_run(source, archive, started_at=None, allow_private=NETWORK, dag_run_id=None)
        began = time.monotonic()
        report = Launch(source, run, lambda line: None, lambda counts: None, 300).run_to_end(nursery)
    server.shutdown()
    return watches[0].first / 1e6, watches[0].peak / 1e6, time.monotonic() - began, report.discovered


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--links", type=int, default=100_000)
    words.add_argument("--pages", type=int, default=2000)
    given = words.parse_args()
    print("links      at start   at most    seconds")
    for links in (1000, given.links):
        start, peak, seconds, found = measure(links, given.pages)
        print(f"{found:<10} {start:7.0f} MB {peak:7.0f} MB {seconds:8.1f}")


if __name__ == "__main__":
    main()
