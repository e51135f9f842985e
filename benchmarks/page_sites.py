"""News sites on loopback that serve saved pages fast: the same bytes for every contender of `benchmarks/pipeline.py`.

Pages come from folders of the measuring sets' form (`pages.jsonl.gz`: url, html as latin-1 of the bytes, gold). Each
page is served several times, with the telling words of its text exchanged for others, so that copies of one page are
different stories. What a site serves is prepared in a file; serving is a process of its own, whose CPU is nobody's:

    python -m benchmarks.page_sites FILE... --port P        the first file on 127.0.3.1, the second on 127.0.3.2 …
"""

import argparse
import asyncio
import gzip
import hashlib
import json
import pickle
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web

ETAGS = "etags.json"
_PLAIN_WORDS = 300  # the most frequent ones stay: they tell the language, and what is prose
_TEXT = re.compile(r"(?<=>)[^<>]{40,}(?=<)")
_WORD = re.compile(r"(?<![^\s(])[A-Za-z]{5,}(?=[\s.,;:!?)])")
_REVISED = 1000  # number of the copy whose words a page has once it has changed


@dataclass(frozen=True, slots=True)
class Served:
    """What one path answers; `packed` is the body as gzip."""

    kind: str
    body: bytes
    packed: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class GoldText:
    """What a page should give; optional text may be there or not."""

    gold: str
    optional: str


def read_pages(folders: Sequence[Path]) -> list[bytes]:
    """The pages' bytes, in the order of the files."""
    return [row["html"].encode("latin-1") for row in read_rows(folders)]


def read_rows(folders: Sequence[Path]) -> list[dict[str, str]]:
    """The rows of the sets."""
    rows: list[dict[str, str]] = []
    for folder in folders:
        with gzip.open(folder / "pages.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows += map(json.loads, lines)
    return rows


class PageSet:
    """All pages that the sites serve: every page of the sets `copies` times, dealt out to the sites in turn."""

    def __init__(self, folders: Sequence[Path], copies: int, sites: int, port: int) -> None:
        self.rows = read_rows(folders)
        self._sites = sites
        self._port = port
        self._pages = [row["html"].encode("latin-1") for row in self.rows]
        self._words = _telling_words(self._pages)
        self.size = copies * len(self._pages)

    def gold(self) -> dict[str, GoldText]:
        """By URL, of the pages that are served as they are in the sets."""
        return {
            self._address(number) + _path(number // self._sites): GoldText(row["gold"], row.get("gold_optional", ""))
            for number, row in enumerate(self.rows)
        }

    def write_sites(self, folder: Path, *, most: int = 0, changed_every: int = 0) -> list[Path]:
        """Prepares the sites, each with at most so many pages (0: all), every n-th page with another text.

        Gives their files; ETAGS beside them holds the ETag of every URL, what a crawler that was there before knows.
        """
        folder.mkdir(parents=True)
        paths = []
        known: dict[str, str] = {}
        for site in range(self._sites):
            numbers = range(site, self.size, self._sites)[: most or None]
            bodies = {_path(at): self._body(number, at, changed_every) for at, number in enumerate(numbers)}
            path = folder / f"site-{site + 1}.pickle"
            served = _served_site(self._address(site), bodies)
            path.write_bytes(pickle.dumps(served))
            known |= {served["address"] + page: one.etag for page, one in served["served"].items()}
            paths.append(path)
        (folder / ETAGS).write_text(json.dumps(known))
        return paths

    def _address(self, number: int) -> str:
        return f"http://127.0.3.{number % self._sites + 1}:{self._port}"

    def _body(self, number: int, at: int, changed_every: int) -> bytes:
        copy, index = divmod(number, len(self._pages))
        is_changed = changed_every and at % changed_every == changed_every - 1
        return _vary(self._pages[index], _exchange(self._words, copy + _REVISED if is_changed else copy))


def bodies(paths: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """URL and bytes of every page of the prepared sites."""
    for site in map(_load, paths):
        for path, served in site["served"].items():
            if served.kind == "text/html":
                yield site["address"] + path, served.body


def _served_site(address: str, pages: Mapping[str, bytes]) -> dict[str, Any]:
    items = "".join(
        f"<item><title>Story {number}</title><link>{address}{path}</link></item>" for number, path in enumerate(pages)
    )
    feed = f'<rss version="2.0"><channel><title>Site</title><link>{address}</link>{items}</channel></rss>'
    served = {path: _serve(body, "text/html") for path, body in pages.items()}
    served["/feed.xml"] = _serve(feed.encode(), "application/rss+xml")
    served["/robots.txt"] = _serve(b"User-agent: *\nAllow: /\n", "text/plain")
    return {"address": address, "served": served}


def _serve(body: bytes, kind: str) -> Served:
    return Served(kind, body, gzip.compress(body, 5, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def _load(path: Path) -> dict[str, Any]:
    return pickle.loads(path.read_bytes())  # written by `write_sites`


def _path(at: int) -> str:
    return f"/2026/11/20/some-words-that-make-a-slug-{at:06d}.html"


@lru_cache(maxsize=8)
def _exchange(words: tuple[str, ...], copy: int) -> Mapping[str, str]:
    """Every telling word with the one that stands for it in that copy; copy 0 is the page as it is."""
    if not copy:
        return {}
    shuffled = list(words)
    random.Random(copy).shuffle(shuffled)
    return dict(zip(words, shuffled, strict=True))


def _vary(page: bytes, other: Mapping[str, str]) -> bytes:
    if not other:
        return page

    def exchanged(found: re.Match[str]) -> str:
        word = found[0]
        new = other.get(word.lower(), word)
        return new.capitalize() if word[0].isupper() else new

    return _TEXT.sub(lambda found: _WORD.sub(exchanged, found[0]), page.decode("latin-1")).encode("latin-1")


def _telling_words(pages: Sequence[bytes]) -> tuple[str, ...]:
    counted = Counter(
        word.lower() for page in pages for text in _TEXT.findall(page.decode("latin-1")) for word in _WORD.findall(text)
    )
    return tuple(sorted(counted.keys() - {word for word, _ in counted.most_common(_PLAIN_WORDS)}))


def answer(served: Mapping[str, Served], request: web.Request) -> web.Response:
    """The page, gzip-encoded where the client takes that, or 304 where it has it."""
    found = served.get(request.path)
    if found is None:
        return web.Response(status=404)
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers={"ETag": found.etag})
    headers = {"ETag": found.etag, "Content-Type": found.kind}
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=found.body, headers=headers)
    return web.Response(body=found.packed, headers={**headers, "Content-Encoding": "gzip"})


async def serve(sites: Sequence[Mapping[str, Served]], port: int) -> None:
    """Serves until SIGTERM or SIGINT; prints `ready` once all sites answer."""
    runners = []
    for number, served in enumerate(sites, 1):

        async def answer_one(request: web.BaseRequest, served: Mapping[str, Served] = served) -> web.Response:
            return answer(served, request)

        runner = web.ServerRunner(web.Server(answer_one, access_log=None))
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
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("files", nargs="+", type=Path)
    words.add_argument("--port", type=int, required=True)
    given = words.parse_args()
    asyncio.run(serve([_load(path)["served"] for path in given.files], given.port))


if __name__ == "__main__":
    main()
