"""What publishers reserve: read off every page before it is archived, and off their host's /.well-known/tdmrep.json.

The catalogue says which words are obeyed (`honour_opt_out`); all are recorded with the article. tdmrep.json is asked
once a host and day, when the first article of it is asked for; its rules are kept as hosts/<host>/tdmrep.json. Of its
patterns the longest that fits holds, as in robots.txt; one that cannot be read or reached reserves nothing.
Source: https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/
"""

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import quote, urlsplit

from protego import Protego

from crawlers.frontier import Role
from crawlers.middlewares.outcomes import RefusedError
from crawlers.middlewares.robots import fetch_text
from crawlers.settings import ROBOTS_AGENT
from pipelines.errors import ObjectNotFoundError, StorageError
from pipelines.model import RawPage
from pipelines.opt_out import RESERVATION, RESERVED_HINT, header_signals, meta_signals

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

PATH = "/.well-known/tdmrep.json"
_KEPT = timedelta(days=1)
_MAX_BYTES = 100_000
_MAX_RULES = 1000
_MAX_SECONDS = 10.0
_HEAD_BYTES = 200_000
_META = re.compile(rb"<meta\b([^<>]{0,2000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"([a-zA-Z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


def check_opt_out(page: RawPage, body: bytes, honoured: Iterable[str]) -> None:
    """Raises RefusedError if the page opts out of what is honoured; `body` is decoded."""
    words = {"tdm" if signal == f"{RESERVATION}:1" else signal.rpartition(":")[2] for signal in _signals(page, body)}
    for word in honoured:
        if word in words:
            raise RefusedError(f"opt_out_{word}")


def _signals(page: RawPage, body: bytes) -> set[str]:
    found = header_signals(page.headers)
    head = body[:_HEAD_BYTES].replace(b"\x00", b"")  # UTF-16 shows its ASCII this way
    head = _without(_without(head, b"<!--", b"-->"), b"<script", b"</script")
    for match in _META.finditer(head):
        values = {
            name.lower(): (double or single or bare).decode("utf-8", "replace")
            for name, double, single, bare in _ATTRIBUTE.findall(match[1])
        }
        found |= meta_signals(values.get(b"name", ""), values.get(b"content", ""))
    return found


def _without(text: bytes, start: bytes, end: bytes) -> bytes:
    """The text without what stands between; what is never closed goes to the end. One pass: the text is hostile."""
    kept, at = [], 0
    lower = text.lower()
    while (found := lower.find(start, at)) >= 0:
        kept.append(text[at:found])
        at = lower.find(end, found)
        if at < 0:
            return b"".join(kept)
    return b"".join([*kept, text[at:]])


class ReservationMiddleware:
    """Tells an article's request that its site reserves it, and refuses it where the catalogue says so."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._hosts: dict[str, asyncio.Task[Protego | None]] = {}

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def process_request(self, request: "Request") -> None:
        if request.meta.get("role") != Role.ARTICLE:
            return
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._hosts:
            self._hosts[origin] = asyncio.create_task(self._rules_of(origin))
        await asyncio.wait({self._hosts[origin]})
        rules = None if self._hosts[origin].exception() else self._hosts[origin].result()
        if rules is not None and not rules.can_fetch(request.url, ROBOTS_AGENT):
            if "tdm" in (self._spider.source.honour_opt_out or ()):
                raise RefusedError("opt_out_tdm")
            request.meta["hints"] = {**request.meta["hints"], RESERVED_HINT: "1"}

    @property
    def _spider(self) -> Any:
        return cast("Any", self._crawler.spider)

    async def _rules_of(self, origin: str) -> Protego | None:
        key = f"hosts/{quote(urlsplit(origin).netloc.lower(), safe='')[:200]}/tdmrep.json"
        now = datetime.now(UTC)
        rules = await asyncio.to_thread(self._kept, key, now)
        if rules is None:
            status, body = await fetch_text(self._crawler, origin + PATH, "tdmrep", _MAX_BYTES, _MAX_SECONDS)
            rules = read_rules(body) if status == 200 else ""
            await asyncio.to_thread(self._keep, key, rules, now)
        return Protego.parse(rules) if rules else None

    def _kept(self, key: str, now: datetime) -> str | None:
        try:
            values = json.loads(self._spider.store.get(key).body)
            return str(values["rules"]) if now - datetime.fromisoformat(values["read_at"]) < _KEPT else None
        except ObjectNotFoundError:
            return None
        except (StorageError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s cannot be read: %s", key, error)
            return None

    def _keep(self, key: str, rules: str, now: datetime) -> None:
        try:
            self._spider.store.put(key, json.dumps({"read_at": now.isoformat(), "rules": rules}).encode())
        except StorageError as error:
            logger.warning("%s was not kept: %s", key, error)


def read_rules(body: bytes) -> str:
    """The rules of a tdmrep.json in the form of a robots.txt: what is reserved is disallowed. Empty if it is none."""
    try:
        entries = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return ""
    lines = []
    for entry in entries[:_MAX_RULES] if isinstance(entries, list) else ():
        location = entry.get("location") if isinstance(entry, dict) else None
        if isinstance(location, str) and location.isprintable() and location[:1] in ("/", "*"):
            is_reserved = entry.get(RESERVATION) in (1, "1")
            lines.append(f"{'Disallow' if is_reserved else 'Allow'}: {location}")
    return "\n".join(["User-agent: *", *lines]) if lines else ""
