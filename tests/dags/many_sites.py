"""Many small news sites on loopback, each on an address of its own, so slow that a crawl can be killed."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.pipelines.small_press import page_of

NETWORK = "127.0.3.0/24"


class ManySites:
    """Serves `sites` sites with `articles` articles each while the context is open; `asked` counts pages by URL."""

    def __init__(self, sites: int, articles: int, *, seconds_a_page: float) -> None:
        self.seconds_a_page = seconds_a_page
        self.asked: dict[str, int] = {}
        self.at_once: dict[str, int] = {}
        self._lock = threading.Lock()
        self._servers = [self._site(number, articles) for number in range(sites)]
        self.bases = [f"http://{server.server_address[0]!s}:{server.server_address[1]}" for server in self._servers]
        self.articles = {f"{base}/world/story-{number * 1000 + at}" for number, base in enumerate(self.bases)
                         for at in range(articles)}  # fmt: skip

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def catalogue(self, cadence: str) -> str:
        """All sites as a catalogue."""
        blocks = [
            f'[[source]]\nid = "site-{number}"\nname = "Site {number}"\nhomepage = "{base}/"\n'
            f'feeds = ["{base}/feed.xml"]\nsitemaps = []\nsections = []\ncadence = "{cadence}"\n'
            for number, base in enumerate(self.bases)
        ]
        return "[politeness]\ndelay_seconds = 0.05\nconcurrency = 1\n\n" + "\n".join(blocks)

    def count(self, url: str) -> None:
        with self._lock:
            self.asked[url] = self.asked.get(url, 0) + 1

    def _site(self, number: int, articles: int) -> ThreadingHTTPServer:
        world = self
        stories = [number * 1000 + at for at in range(articles)]

        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                base = f"http://{self.headers['Host']}"
                status, kind, body = 404, "text/plain", b"not here"
                if path == "/feed.xml":
                    status, kind, body = 200, "application/rss+xml", _feed(base, stories)
                elif path.startswith("/world/story-"):
                    time.sleep(world.seconds_a_page)
                    world.count(base + path)
                    status, kind, body = 200, "text/html; charset=utf-8", page_of(int(path.rpartition("-")[2])).html
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return ThreadingHTTPServer((f"127.0.3.{number + 1}", 0), Site)


def _feed(base: str, stories: list[int]) -> bytes:
    items = "".join(
        f"<item><title>Story {story}</title><link>{base}/world/story-{story}</link></item>" for story in stories
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>Site</title>{items}</channel></rss>'.encode()
