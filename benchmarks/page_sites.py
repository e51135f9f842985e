"""News sites on loopback that serve saved pages fast: the same bytes for every contender of `benchmarks/pipeline.py`.

Pages come from a folder of the measuring sets' form (`pages.jsonl.gz`: url, html as latin-1 of the bytes). Each page is
served several times, with the capitalised words of its text exchanged, so that copies of one page are different
stories. A process of its own, so that its CPU time is nobody's:

    python -m benchmarks.page_sites FOLDER... --port P --sites 2 --copies 4
"""

import argparse
import asyncio
import gzip
import hashlib
import html
import json
import random
import re
import signal
from pathlib import Path

from aiohttp import web

_TEXT = re.compile(r">([^<>]{40,})<")
_NAME = re.compile(r"\b[A-Z][a-z]{3,}\b")


def read_pages(folders: list[Path]) -> list[bytes]:
    """The pages' bytes, in the order of the files."""
    pages: list[bytes] = []
    for folder in folders:
        with gzip.open(folder / "pages.jsonl.gz", "rt", encoding="utf-8") as lines:
            pages += [json.loads(line)["html"].encode("latin-1") for line in lines]
    return pages


def vary(page: bytes, copy: int) -> bytes:
    """The page with the names in its text exchanged for one another, differently for every copy; copy 0 is the page."""
    if not copy:
        return page
    text = page.decode("latin-1")
    names = sorted(set(_NAME.findall(text)))
    shuffled = names.copy()
    random.Random(copy).shuffle(shuffled)
    other = dict(zip(names, shuffled, strict=True))
    swapped = _TEXT.sub(
        lambda found: f">{_NAME.sub(lambda name: other[name[0]], found[1])} {copy * 7919 + found.start()}<", text
    )
    return swapped.encode("latin-1")


class Site:
    """One site: /feed.xml, /robots.txt and its pages, with ETags and 304s, gzip-encoded where the client takes it."""

    def __init__(self, address: str, pages: list[bytes]) -> None:
        self.address = address
        self._bodies: dict[str, tuple[str, bytes, bytes]] = {}
        for number, page in enumerate(pages):
            self._add(f"/2026/11/20/some-words-that-make-a-slug-{number:06d}.html", page, "text/html")
        paths = list(self._bodies)
        items = "".join(
            f"<item><title>Story {number}</title><link>{html.escape(address + path)}</link></item>"
            for number, path in enumerate(paths)
        )
        feed = f'<rss version="2.0"><channel><title>Site</title><link>{address}</link>{items}</channel></rss>'
        self._add("/feed.xml", feed.encode(), "application/rss+xml")
        self._add("/robots.txt", b"User-agent: *\nAllow: /\n", "text/plain")

    def _add(self, path: str, body: bytes, kind: str) -> None:
        self._bodies[path] = (kind, body, gzip.compress(body, 5, mtime=0))

    def answer(self, request: web.Request) -> web.Response:
        found = self._bodies.get(request.path)
        if found is None:
            return web.Response(status=404)
        kind, body, packed = found
        etag = f'"{hashlib.sha256(request.path.encode()).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        headers = {"ETag": etag, "Content-Type": kind}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = packed
        return web.Response(body=body, headers=headers)


async def serve(sites: list[Site], port: int) -> None:
    """Serves until SIGTERM or SIGINT; prints `ready` once all sites answer."""
    runners = []
    for number, site in enumerate(sites, 1):
        app = web.Application()

        async def answer(request: web.Request, site: Site = site) -> web.Response:
            return site.answer(request)

        app.router.add_route("GET", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, f"127.0.3.{number}", port).start()
        runners.append(runner)
    print("ready", flush=True)
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    await ended.wait()
    for runner in runners:
        await runner.cleanup()


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("folders", nargs="+", type=Path)
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--sites", type=int, default=2)
    words.add_argument("--copies", type=int, default=4)
    words.add_argument("--most", type=int, default=0, help="serve only so many pages a site (0: all)")
    given = words.parse_args()
    pages = read_pages(given.folders)
    served = [vary(page, copy) for copy in range(given.copies) for page in pages]
    sites = []
    for number in range(given.sites):
        own = served[number :: given.sites]
        sites.append(Site(f"http://127.0.3.{number + 1}:{given.port}", own[: given.most] if given.most else own))
    asyncio.run(serve(sites, given.port))


if __name__ == "__main__":
    main()
