"""What discovery gives: links to what may be articles; and what all readers of documents share."""

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from pipelines.errors import WorldwireError
from pipelines.urls import canonical_url

MAX_LINKS = 50_000  # of one document: the newest of those it names
MAX_ENTRIES = 200_000  # of one document are read: which are the newest shows at its end
MAX_DOCUMENT_BYTES = 50_000_000
MAX_TAGS = 1_500_000  # of a feed or sitemap: thirty for each of 50 000 entries
MAX_HINT_CHARS = 500
MAX_REFUSED = 1000  # addresses of one document that are told of
_DANGEROUS_XML = re.compile(rb"<!ENTITY|<!DOCTYPE[^>]{0,2000}\[", re.IGNORECASE)


class DiscoveryError(WorldwireError):
    """A feed, sitemap or page of links that cannot be used; `reason` is the name under which that is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to what may be an article, and what the place it was found in says of it.

    `modified_at` is a plain sitemap's lastmod, which need not be when anything was published.
    """

    url: str
    found_in: str
    title: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None

    def with_hints_of(self, other: "Link") -> "Link":
        """The link with what only the other says of the same article."""
        return replace(
            self,
            title=self.title or other.title,
            published_at=self.published_at or other.published_at,
            modified_at=self.modified_at or other.modified_at,
        )

    def hints(self) -> dict[str, str]:
        """What of the link travels with the captured page."""
        hints = {"found_in": self.found_in}
        if self.title:
            hints["title"] = self.title
        if self.published_at:
            hints["published_at"] = self.published_at.isoformat()
        return hints


def canonical_or_same(address: str, base: str) -> str | None:
    """A feed's or sitemap's address made absolute; its parameters may matter, so none is dropped."""
    try:
        joined = urljoin(base, address.strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and len(joined) <= 2000 and address.strip()
    return joined if usable else None


def link_to(
    address: str,
    found_in: str,
    title: Any,
    published_at: datetime | None,
    refused: list[str] | None = None,
    modified_at: datetime | None = None,
) -> Link | None:
    """None for what is no web address; `refused` is told of it."""
    url = canonical_url(address, found_in)
    if url is None:
        if refused is not None and address and len(refused) < MAX_REFUSED:
            refused.append(address[:MAX_HINT_CHARS])
        return None
    words = " ".join(str(title).split())[:MAX_HINT_CHARS] if title else None
    return Link(url=url, found_in=found_in, title=words or None, published_at=published_at, modified_at=modified_at)


def iso_moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def unpacked(body: bytes, url: str) -> bytes:
    if body[:2] == b"\x1f\x8b":
        decoder = zlib.decompressobj(31)
        try:
            body = decoder.decompress(body, MAX_DOCUMENT_BYTES)
        except zlib.error as cause:
            raise DiscoveryError("bad_encoding", f"{url} is broken gzip.") from cause
        if decoder.unconsumed_tail:
            raise DiscoveryError("too_large", f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes when unpacked.")
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DiscoveryError("too_large", f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes.")
    return body


def refuse_entities(body: bytes, url: str) -> None:
    """No honest feed or sitemap declares entities; bombs and readers of local files do."""
    head = body[:20_000].replace(b"\x00", b"")  # UTF-16 shows its ASCII this way
    is_declared_later = b"<!ENTITY" in body and b"<!DOCTYPE" in body
    if is_declared_later or _DANGEROUS_XML.search(head):
        raise DiscoveryError("xml_entities", f"{url} declares XML entities, which are refused.")


def refuse_floods(body: bytes, url: str, max_tags: int = MAX_TAGS) -> None:
    """An element weighs 120 bytes when it is read and takes four in the document."""
    if body.count(b"<") > max_tags:
        raise DiscoveryError("too_large", f"{url} holds more than {max_tags} tags.")


def newest(links: Mapping[str, Link]) -> tuple[Link, ...]:
    """As many as a document may give, in its order if they are not too many."""
    return tuple(links.values()) if len(links) <= MAX_LINKS else tuple(news_first(links.values())[:MAX_LINKS])


def news_first(links: Iterable[Link]) -> list[Link]:
    """Newest first, those without a time last: what a bound cuts off is the oldest."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return sorted(links, key=lambda link: link.published_at or link.modified_at or earliest, reverse=True)
