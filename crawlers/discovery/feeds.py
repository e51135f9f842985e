"""Feeds: RSS, RDF and Atom, well-formed or not."""

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import feedparser
from lxml import etree

from crawlers.discovery.links import (
    MAX_ENTRIES,
    MAX_LINKS,
    DiscoveryError,
    Link,
    iso_moment,
    link_to,
    newest,
    refuse_entities,
    refuse_floods,
    unpacked,
)

# Address, title and publication time of an entry.
Entry = tuple[str, str | None, datetime | None]

MAX_BROKEN_FEED_BYTES = 5_000_000  # feedparser takes twenty times its size in memory
MAX_BROKEN_FEED_TAGS = 100_000  # and 80 microseconds for each
# References to surrogates (emoji by halves), NUL and beyond Unicode: feedparser breaks at them.
_NO_CHARACTER = re.compile(
    rb"&#(?:0*(?:5529[6-9]|55[3-9]\d\d|5[67]\d{3}|0)|x0*(?:d[89a-f][0-9a-f]{2}|0)|\d{7,}|x[0-9a-f]{6,});", re.IGNORECASE
)
_FEED_ROOTS = frozenset({"rss", "feed", "RDF", "rdf"})


def read_feed(body: bytes, url: str, refused: list[str] | None = None) -> tuple[Link, ...]:
    """The entries of an RSS, RDF or Atom feed, also of one that is not well-formed. Raises DiscoveryError.

    `refused` is told of addresses that are none of the web.
    """
    body = unpacked(body, url)
    refuse_entities(body, url)
    refuse_floods(body, url)
    entries = _well_formed_entries(body)
    if entries is None:
        entries = _patiently_read_entries(body, url)
    links: dict[str, Link] = {}
    for address, title, moment in entries:
        link = link_to(address, url, title, moment, refused)
        if link:
            links.setdefault(link.url, link)
    return newest(links)


def _well_formed_entries(body: bytes) -> list[Entry] | None:
    """The entries of a feed that is XML in every respect; None if another reader has to be asked (far dearer)."""
    entries: list[Entry] = []
    root = ""
    walk = etree.iterparse(
        io.BytesIO(body),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for event, element in walk:
            name = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if not root:
                root = name
                if root not in _FEED_ROOTS:
                    return None
            if event == "end" and name in ("item", "entry"):
                entries.append(_entry(element))
                element.clear()
                if len(entries) >= MAX_ENTRIES:
                    break
    except (etree.XMLSyntaxError, ValueError):
        return None
    return entries if root else None


def _entry(element: etree._Element) -> Entry:
    """Address, title and publication time of an RSS item or Atom entry, as far as it says."""
    found: dict[str, str] = {}
    for child in element.iterchildren("*"):
        name, value = etree.QName(child).localname, (child.text or "").strip()
        if name == "link" and child.get("href") is not None:
            if child.get("rel", "alternate") != "alternate":
                continue
            value = str(child.get("href")).strip()
            if child.base:  # xml:base, https://www.rfc-editor.org/rfc/rfc4287.html#section-2
                value = _joined(child.base, value)
        if value:
            found.setdefault(name, value)
    guid = found.get("guid") or found.get("id") or ""
    address = found.get("origLink") or found.get("link") or (guid if guid.startswith(("http://", "https://")) else "")
    when = found.get("pubDate") or found.get("published") or found.get("date") or found.get("updated") or ""
    return address, found.get("title"), iso_moment(when) or _mail_moment(when) or _odd_moment(when)


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _patiently_read_entries(body: bytes, url: str) -> list[Entry]:
    if len(body) > MAX_BROKEN_FEED_BYTES:
        raise DiscoveryError("not_a_feed", f"{url} is no XML, and too large to be read as something like it.")
    refuse_floods(body, url, MAX_BROKEN_FEED_TAGS)
    body = _NO_CHARACTER.sub(b"", body)
    try:
        parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, OverflowError) as cause:
        raise DiscoveryError("not_a_feed", f"{url} cannot be read: {cause}.") from cause
    if not parsed.get("version"):
        raise DiscoveryError("not_a_feed", f"{url} is not a feed.")
    return [
        (
            str(entry.get("feedburner_origlink") or entry.get("link") or _guid_address(entry) or ""),
            entry.get("title"),
            # `dict.get`, since feedparser's own warns where it has to answer for one with the other
            _time_of(dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")),
        )
        for entry in parsed.entries[:MAX_LINKS]
    ]


def _guid_address(entry: Any) -> str | None:
    guid = str(entry.get("id") or "")
    return guid if guid.startswith(("http://", "https://")) else None


def _time_of(parsed: Sequence[int] | None) -> datetime | None:
    if not parsed:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in parsed[:6])
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _mail_moment(text: str) -> datetime | None:
    """RFC 822, as RSS wants it; a time without a zone is taken as UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _odd_moment(text: str) -> datetime | None:
    """The notations that feedparser knows beside: month names in other languages, days without a time …"""
    return _time_of(feedparser.datetimes._parse_date(text[:100])) if text else None
