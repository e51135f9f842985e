"""Sitemaps: of news or of anything, indexes of sitemaps, feeds and lists in their place, packed or not.

What may stand in a sitemap's place: https://www.sitemaps.org/protocol.html#otherformats
"""

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from crawlers.discovery.feeds import read_feed
from crawlers.discovery.links import (
    MAX_ENTRIES,
    DiscoveryError,
    Link,
    canonical_or_same,
    iso_moment,
    link_to,
    newest,
    refuse_entities,
    refuse_floods,
    unpacked,
)

_HEAD_BYTES = 65_536
_FEED = re.compile(rb"<(?:rss|feed|rdf:RDF)[\s>]", re.IGNORECASE)
_RAW_AMPERSAND = re.compile(rb"&(?!(?:[a-zA-Z][a-zA-Z0-9]*|#[0-9]+|#x[0-9a-fA-F]+);)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapContent:
    """Links of a sitemap, and the further sitemaps that an index names; `changed_at`: where it says when they were."""

    links: tuple[Link, ...]
    sitemaps: tuple[str, ...]
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


def may_be_index(body: bytes) -> bool:
    """Whether it is worth looking for further sitemaps in it; a look at its head, packed or not."""
    head = body[:_HEAD_BYTES]
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, _HEAD_BYTES)
        except zlib.error:
            return False
    return b"sitemapindex" in head.replace(b"\x00", b"")  # UTF-16 shows its ASCII this way


def read_sitemap(body: bytes, url: str, refused: list[str] | None = None) -> SitemapContent:
    """Links of a sitemap (news extension or plain), or the sitemaps of an index; gzip or not. Raises DiscoveryError.

    `refused` is told of addresses that are none of the web.
    """
    body = unpacked(body, url).lstrip(b"\xef\xbb\xbf \t\r\n")
    refuse_entities(body, url)
    refuse_floods(body, url)
    head = body[:_HEAD_BYTES]
    if b"<" not in head:
        return SitemapContent(links=_read_list(body, url, refused), sitemaps=())
    if _FEED.search(head) and b"urlset" not in head and b"sitemapindex" not in head:
        return SitemapContent(links=read_feed(body, url, refused), sitemaps=())
    return _read_xml(body if b"\x00" in head else _RAW_AMPERSAND.sub(b"&amp;", body), url, refused)


def _read_xml(body: bytes, url: str, refused: list[str] | None) -> SitemapContent:
    links: dict[str, Link] = {}
    sitemaps: dict[str, datetime | None] = {}
    found = False
    try:
        for element in _elements(body):
            found = True
            address = next((child.text.strip() for child in element.iterchildren("{*}loc") if child.text), "")
            if etree.QName(element).localname == "sitemap":
                child = canonical_or_same(address, url)
                if child:
                    sitemaps.setdefault(child, iso_moment(_child(element, "lastmod")))
            else:
                link = _link(element, address, url, refused)
                if link:
                    links.setdefault(link.url, link)
            _forget(element)
            if len(links) + len(sitemaps) >= MAX_ENTRIES:
                break
    except etree.XMLSyntaxError as cause:
        if not found:
            raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap: {cause.msg}.") from cause
    if not found and b"urlset" not in body[:2000] and b"sitemapindex" not in body[:2000]:
        raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap.")
    changed_at = {child: moment for child, moment in sitemaps.items() if moment is not None}
    return SitemapContent(links=newest(links), sitemaps=tuple(sitemaps), changed_at=changed_at)


def _link(element: etree._Element, address: str, url: str, refused: list[str] | None) -> Link | None:
    published_at = iso_moment(_child(element, "publication_date"))
    modified_at = iso_moment(_child(element, "lastmod"))
    return link_to(address, url, _child(element, "title"), published_at, refused, modified_at)


def _forget(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:  # 50 000 empty elements weigh a lot too
        del parent[0]


def _read_list(body: bytes, url: str, refused: list[str] | None) -> tuple[Link, ...]:
    """A sitemap of plain text: an address a line."""
    addresses = [line.strip() for line in body.decode("utf-8", "replace").splitlines()[:MAX_ENTRIES] if line.strip()]
    if not addresses or not all(address.startswith(("http://", "https://")) for address in addresses):
        raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap.")
    links = (link_to(address, url, None, None, refused) for address in addresses)
    return newest({link.url: link for link in links if link is not None})


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
