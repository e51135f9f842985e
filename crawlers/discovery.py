"""What links to articles: pure functions over bytes of feeds, news sitemaps, section pages, homepages and robots.txt.

In: bytes and the address they came from. Out: `Link`s with canonical URLs, at most `MAX_LINKS`. Hostile input costs its
own document: nothing but DiscoveryError is raised, no entity is expanded, no network is touched.
"""

import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser
import lxml.html
from lxml import etree

from pipelines.errors import WorldwireError
from pipelines.urls import canonical_url, site_of

MAX_LINKS = 50_000
MAX_DOCUMENT_BYTES = 50_000_000
MAX_ROBOTS_BYTES = 512_000
MAX_SECTION_LINKS = 2_000
_MAX_HINT_CHARS = 500
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"})
_DANGEROUS_XML = re.compile(rb"<!ENTITY|<!DOCTYPE[^>]{0,2000}\[", re.IGNORECASE)

_STATIC_FILE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|svg|ico|css|js|json|xml|rss|atom|pdf|zip|gz|mp[34]|m4[av]|webm|mov|avi|docx?|xlsx?|pptx?|ics|woff2?|ttf|apk|exe|dmg)$",
    re.IGNORECASE,
)
_NO_ARTICLE_PART = re.compile(
    r"^(?:tags?|topics?|themen?|thema|categor(?:y|ies)|kategorien?|categorie|categoria|sections?|rubri(?:c|k|que)s?|authors?|autor(?:en|es)?|auteurs?"
    r"|profiles?|people|search|suche|buscar|recherche|login|signin|sign-in|register|subscribe|subscription|abo|account|newsletters?|privacy|datenschutz"
    r"|terms|impressum|contact|kontakt|about|about-us|careers|jobs|help|faq|archives?|feed|feeds|rss|sitemaps?|page|wp-admin|wp-login\.php|wp-content"
    r"|cdn-cgi|private|print|amp-stories|weather|wetter|horoscopes?|crosswords?|games|puzzles|podcasts?|tv-guide|livetv|shop|coupons?|advertis(?:e|ing))$",
    re.IGNORECASE,
)
_DATED_PATH = re.compile(
    r"/(?:19|20)\d\d[/-](?:0?[1-9]|1[0-2]|[a-z]{3})(?:[/-](?:0?[1-9]|[12]\d|3[01]))?(?:[/-]|$)|/20\d{6}/", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:^|[-_/.a-z])\d{5,}(?:[-_.]|$)|-[0-9a-f]{8,}$|^a\d{4,}$", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapContent:
    """Links of a sitemap, and the further sitemaps that an index names."""

    links: tuple[Link, ...]
    sitemaps: tuple[str, ...]


def read_feed(body: bytes, url: str) -> tuple[Link, ...]:
    """The entries of an RSS, RDF or Atom feed, also of one that is not well-formed. Raises DiscoveryError."""
    body = _unpacked(body, url)
    _refuse_entities(body, url)
    parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    if not parsed.get("version"):
        raise DiscoveryError("not_a_feed", f"{url} is not a feed.")
    links: dict[str, Link] = {}
    for entry in parsed.entries[:MAX_LINKS]:
        address = entry.get("feedburner_origlink") or entry.get("link") or _guid_address(entry)
        link = _link(str(address or ""), url, entry.get("title"), _entry_time(entry))
        if link:
            links.setdefault(link.url, link)
    return tuple(links.values())


def read_sitemap(body: bytes, url: str) -> SitemapContent:
    """Links of a sitemap (news extension or plain), or the sitemaps of an index; gzip or not. Raises DiscoveryError."""
    body = _unpacked(body, url).lstrip(b"\xef\xbb\xbf \t\r\n")
    _refuse_entities(body, url)
    links: dict[str, Link] = {}
    sitemaps: dict[str, None] = {}
    found = False
    try:
        for element in _elements(body):
            found = True
            address = _child(element, "loc")
            if etree.QName(element).localname == "sitemap":
                child = canonical_or_same(address, url)
                if child:
                    sitemaps.setdefault(child)
            else:
                link = _link(address, url, _child(element, "title"), _moment(_child(element, "publication_date")))
                if link:
                    links.setdefault(link.url, replace(link, modified_at=_moment(_child(element, "lastmod"))))
            element.clear()
            if len(links) + len(sitemaps) >= MAX_LINKS:
                break
    except etree.XMLSyntaxError as cause:
        if not found:
            raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap: {cause.msg}.") from cause
    if not found and b"urlset" not in body[:2000] and b"sitemapindex" not in body[:2000]:
        raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap.")
    return SitemapContent(links=tuple(links.values()), sitemaps=tuple(sitemaps))


def read_section(body: bytes, url: str) -> tuple[Link, ...]:
    """Links of a page to articles of the same site, by the shape of their addresses. Raises DiscoveryError."""
    tree = _page(body, url)
    base = _base(tree, url)
    site = site_of(url)
    links: dict[str, Link] = {}
    for anchor in tree.iter("a"):
        address = canonical_url(str(anchor.get("href") or ""), base)
        if address is None or site_of(address) != site or looks_like_article(address, url) is False:
            continue
        title = " ".join(anchor.text_content().split())[:_MAX_HINT_CHARS] or None
        if address not in links:
            links[address] = Link(url=address, found_in=url, title=title)
        if len(links) >= MAX_SECTION_LINKS:
            break
    return tuple(links.values())


def find_feeds(body: bytes, url: str) -> tuple[str, ...]:
    """Feeds that a homepage names in its head. Raises DiscoveryError."""
    tree = _page(body, url)
    base = _base(tree, url)
    found: dict[str, None] = {}
    for link in tree.iter("link"):
        if (
            "alternate" in (link.get("rel") or "").lower().split()
            and (link.get("type") or "").lower().strip() in _FEED_TYPES
        ):
            address = canonical_or_same(str(link.get("href") or ""), base)
            if address and "comments" not in address:
                found.setdefault(address)
    return tuple(found)


def find_sitemaps(robots: bytes, url: str) -> tuple[str, ...]:
    """Sitemaps that a robots.txt names, those with `news` in their address first."""
    found: dict[str, None] = {}
    for line in robots[:MAX_ROBOTS_BYTES].decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "sitemap":
            address = canonical_or_same(value.strip(), url)
            if address:
                found.setdefault(address)
    return tuple(sorted(found, key=lambda address: "news" not in address.lower()))


def looks_like_article(url: str, homepage: str) -> bool | None:
    """Whether the shape of an address says article (True), something else (False), or nothing (None)."""
    parts = urlsplit(url)
    path = parts.path
    steps = [step for step in path.split("/") if step]
    if not steps:
        return parts.query != "" and _NUMBERED.search(parts.query) is not None
    if url.rstrip("/") == homepage.rstrip("/") or _STATIC_FILE.search(path):
        return False
    slug = re.sub(r"\.(?:s?html?|php|aspx?|jsp|ece|cms)$", "", steps[-1], flags=re.IGNORECASE)
    words = len(re.findall(r"[^\W\d_]+", slug))
    if any(_NO_ARTICLE_PART.match(step) for step in steps):
        return bool(_DATED_PATH.search(path)) and words >= 4
    if (_DATED_PATH.search(path) and words >= 2) or words >= 5 or _NUMBERED.search(slug):
        return True
    if len(steps) == 1 and words <= 2 and slug == steps[-1]:
        return False
    return None


def canonical_or_same(address: str, base: str) -> str | None:
    """A feed's or sitemap's address made absolute; its parameters may matter, so none is dropped."""
    try:
        joined = urljoin(base, address.strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and parts.hostname and len(joined) <= 2000 and address.strip()
    return joined if usable else None


def _link(address: str, found_in: str, title: Any, published_at: datetime | None) -> Link | None:
    url = canonical_url(address, found_in)
    if url is None:
        return None
    words = " ".join(str(title).split())[:_MAX_HINT_CHARS] if title else None
    return Link(url=url, found_in=found_in, title=words or None, published_at=published_at)


def _guid_address(entry: Any) -> str | None:
    guid = str(entry.get("id") or "")
    return guid if guid.startswith(("http://", "https://")) else None


def _entry_time(entry: Any) -> datetime | None:
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    if not parsed:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in parsed[:6])
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _unpacked(body: bytes, url: str) -> bytes:
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


def _refuse_entities(body: bytes, url: str) -> None:
    """No honest feed or sitemap declares entities; bombs and readers of local files do."""
    head = body[:20_000].replace(b"\x00", b"")  # UTF-16 shows its ASCII this way
    if _DANGEROUS_XML.search(head):
        raise DiscoveryError("xml_entities", f"{url} declares XML entities, which are refused.")


def _elements(body: bytes) -> Iterator[etree._Element]:
    walk = etree.iterparse(
        io.BytesIO(body),
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        recover=True,
        huge_tree=False,
    )
    for _, element in walk:
        yield element


def _child(element: etree._Element, name: str) -> str:
    for child in element.iter(f"{{*}}{name}"):
        if child.text:
            return child.text.strip()
    return ""


def _page(body: bytes, url: str) -> lxml.html.HtmlElement:
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DiscoveryError("too_large", f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes.")
    try:
        tree = lxml.html.document_fromstring(
            body.replace(b"\x00", b"") or b"<p>", parser=lxml.html.HTMLParser(encoding=None)
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as cause:
        raise DiscoveryError("not_a_page", f"{url} is not a page: {cause}.") from cause
    return tree


def _base(tree: lxml.html.HtmlElement, url: str) -> str:
    for base in tree.iter("base"):
        if base.get("href"):
            return canonical_or_same(str(base.get("href")), url) or url
    return url


def news_first(links: Sequence[Link]) -> list[Link]:
    """Newest first, those without a time last: what a bound cuts off is the oldest."""
    earliest = datetime.min.replace(tzinfo=UTC)
    return sorted(links, key=lambda link: link.published_at or link.modified_at or earliest, reverse=True)
