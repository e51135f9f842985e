"""Pages of links and robots.txt: sections and homepages, and where they say that feeds and sitemaps are."""

import codecs
import re
from urllib.parse import urlsplit

import lxml.html
from lxml import etree

from crawlers.discovery.links import (
    MAX_DOCUMENT_BYTES,
    MAX_HINT_CHARS,
    DiscoveryError,
    Link,
    canonical_or_same,
    refuse_floods,
)
from pipelines.urls import canonical_url, publisher_of

MAX_ROBOTS_BYTES = 500 * 1024  # as far as RFC 9309 wants it read
MAX_SECTION_LINKS = 2_000
MAX_PAGE_TAGS = 1_000_000
_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"})
# libxml2 compares every attribute of an HTML tag with all before it: a million of them take half an hour.
_HUGE_TAG = re.compile(rb"<[a-zA-Z][^<>]{8000,}>?")
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


def read_section(body: bytes, url: str) -> tuple[Link, ...]:
    """Links of a page to articles of the same publisher, by the shape of their addresses. Raises DiscoveryError."""
    tree = _page(body, url)
    base = _base(tree, url)
    publisher = publisher_of(url)
    links: dict[str, Link] = {}
    for anchor in tree.iter("a"):
        address = canonical_url(str(anchor.get("href") or ""), base)
        if address is None or publisher_of(address) != publisher or looks_like_article(address, url) is False:
            continue
        title = " ".join(anchor.text_content().split())[:MAX_HINT_CHARS] or None
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
            and (link.get("type") or "").partition(";")[0].lower().strip() in _FEED_TYPES
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
            address = canonical_or_same(re.split(r"\s#", value)[0], url)
            if address:
                found.setdefault(address)
    return tuple(sorted(found, key=lambda address: "news" not in urlsplit(address).path.lower()))


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


def _page(body: bytes, url: str) -> lxml.html.HtmlElement:
    if len(body) > MAX_DOCUMENT_BYTES:
        raise DiscoveryError("too_large", f"{url} is larger than {MAX_DOCUMENT_BYTES} bytes.")
    refuse_floods(body, url, MAX_PAGE_TAGS)
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        body = body.decode("utf-16", "replace").encode("utf-8", "replace")
    try:
        tree = lxml.html.document_fromstring(
            _HUGE_TAG.sub(b"", body.replace(b"\x00", b"")) or b"<p>", parser=lxml.html.HTMLParser(encoding=None)
        )
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as cause:
        raise DiscoveryError("not_a_page", f"{url} is not a page: {cause}.") from cause
    return tree


def _base(tree: lxml.html.HtmlElement, url: str) -> str:
    for base in tree.iter("base"):
        if base.get("href"):
            return canonical_or_same(str(base.get("href")), url) or url
    return url
