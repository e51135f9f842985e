"""Sitemaps: of news or of anything, indexes of sitemaps, packed or not."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SitemapContent:
    """Links of a sitemap, and the further sitemaps that an index names; `changed_at`: where it says when they were."""

    links: tuple[Link, ...]
    sitemaps: tuple[str, ...]
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


def read_sitemap(body: bytes, url: str, refused: list[str] | None = None) -> SitemapContent:
    """Links of a sitemap (news extension or plain), or the sitemaps of an index; gzip or not. Raises DiscoveryError.

    `refused` is told of addresses that are none of the web.
    """
    body = unpacked(body, url).lstrip(b"\xef\xbb\xbf \t\r\n")
    refuse_entities(body, url)
    refuse_floods(body, url)
    links: dict[str, Link] = {}
    sitemaps: dict[str, datetime | None] = {}
    found = False
    try:
        for element in _elements(body):
            found = True
            address = _child(element, "loc")
            if etree.QName(element).localname == "sitemap":
                child = canonical_or_same(address, url)
                if child:
                    sitemaps.setdefault(child, iso_moment(_child(element, "lastmod")))
            else:
                published_at = iso_moment(_child(element, "publication_date"))
                modified_at = iso_moment(_child(element, "lastmod"))
                link = link_to(address, url, _child(element, "title"), published_at, refused, modified_at)
                if link:
                    links.setdefault(link.url, link)
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:  # 50 000 empty elements weigh a lot too
                del parent[0]
            if len(links) + len(sitemaps) >= MAX_ENTRIES:
                break
    except etree.XMLSyntaxError as cause:
        if not found:
            raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap: {cause.msg}.") from cause
    if not found and b"urlset" not in body[:2000] and b"sitemapindex" not in body[:2000]:
        raise DiscoveryError("not_a_sitemap", f"{url} is not a sitemap.")
    changed_at = {child: moment for child, moment in sitemaps.items() if moment is not None}
    return SitemapContent(links=newest(links), sitemaps=tuple(sitemaps), changed_at=changed_at)


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
