"""A page's tree, its headers and what the link to it said -> everything known of its article besides the text.

Each fact has an order of places that may say it; the first that says something sensible wins, nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from pipelines.metadata.authors import find_authors
from pipelines.metadata.dates import PageDates, find_dates
from pipelines.metadata.head import Head, plain_words, read_head
from pipelines.metadata.jsonld import article_object, read_jsonld, text_of, types_of
from pipelines.metadata.signals import find_opt_out, is_paywalled
from pipelines.metadata.titles import find_title
from pipelines.model import PageFacts
from pipelines.urls import canonical_url, is_public_host, site_of

_MAX_TAGS = 40
_MAX_TAG_CHARS = 80
_TITLE_CHARS = 500


@dataclass(frozen=True, slots=True)
class PageMatter:
    """What was read from the head of a page once, for all that ask."""

    head: Head
    objects: Sequence[Mapping[str, Any]]
    article: Mapping[str, Any]

    @property
    def og_type(self) -> str:
        return (self.head.first("og:type") or "").lower()


def read_matter(root: etree._Element) -> PageMatter:
    """Meta elements and JSON-LD. To be called before the tree is taken apart."""
    objects = read_jsonld(root)
    return PageMatter(read_head(root), objects, article_object(objects))


def read_facts(
    root: etree._Element,
    matter: PageMatter,
    *,
    url: str,
    site_name: str,
    headers: Sequence[tuple[str, str]],
    discovered: Mapping[str, str],
    fetched_at: datetime,
) -> PageFacts:
    """All facts but those that need the text: language and credited agency."""
    head, article = matter.head, matter.article
    names = site_names(matter, url, site_name)
    dates = find_dates(root, head, article, url, discovered, fetched_at)
    return PageFacts(
        title=find_title(root, head, article, names) or plain_words(discovered.get("title", "")) or None,
        authors=find_authors(root, head, article, names),
        published_at=dates.published.at if dates.published else None,
        published_precision=dates.published.precision if dates.published else None,
        published_found_in=dates.found_in,
        modified_at=_modified_at(dates),
        canonical_url=find_canonical(head, url),
        section=_section(matter),
        tags=_tags(matter),
        lead_image_url=_lead_image(matter, url),
        paywalled=is_paywalled(head, matter.objects),
        opt_out=find_opt_out(head, headers, discovered),
    )


def site_names(matter: PageMatter, url: str, site_name: str) -> list[str]:
    """What the site is called: by the catalogue, by itself, by its address."""
    publisher = matter.article.get("publisher")
    told = [publisher] if isinstance(publisher, str) else [publisher.get("name")] if isinstance(publisher, dict) else []
    webs = [text_of(item, "name") for item in matter.objects if types_of(item) & {"website", "newsmediaorganization"}]
    site = site_of(url)
    names = [
        site_name,
        matter.head.first("og:site_name", "application-name"),
        *told,
        *webs,
        site,
        site.partition(".")[0],
        urlsplit(url).hostname,
    ]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def find_canonical(head: Head, url: str) -> str | None:
    """The page's own address for itself, if it lies on the same site and is a page rather than the homepage."""
    for given in (*head.links.get("canonical", ())[:2], *head.every("og:url")[:1]):
        found = canonical_url(
            given, base=urljoin(url, head.base) if head.base and not head.links.get("canonical") else url
        )
        if found is None or site_of(found) != site_of(url):
            continue
        parts = urlsplit(found)
        if parts.path in ("", "/") and not parts.query and urlsplit(url).path not in ("", "/"):
            continue
        return found
    return None


def _modified_at(dates: PageDates) -> datetime | None:
    """The change, unless it lies before the publication (as clocks of different machines have it)."""
    if dates.modified is None or (dates.published is not None and dates.modified.at < dates.published.at):
        return None
    return dates.modified.at


def _section(matter: PageMatter) -> str | None:
    section = matter.article.get("articleSection")
    values = section if isinstance(section, list) else [section]
    told = next((plain_words(value) for value in values if isinstance(value, str) and value.strip()), None)
    found = told or matter.head.first(
        "article:section", "og:article:section", "section", "parsely-section", "sailthru.section", "cxenseparse:section"
    )
    return found[:_MAX_TAG_CHARS] if found and not found.startswith("http") else None


def _tags(matter: PageMatter) -> tuple[str, ...]:
    keywords = matter.article.get("keywords")
    values = keywords if isinstance(keywords, list) else [keywords]
    told = [value for value in values if isinstance(value, str)]
    given = (
        told
        or matter.head.every("article:tag", "og:article:tag")
        or matter.head.every("news_keywords", "parsely-tags")
        or matter.head.every("keywords")[:1]
    )
    tags = [
        plain_words(tag)
        for value in given
        for tag in value.replace(";", ",").replace("،", ",").replace("，", ",").split(",")
    ]
    short = [tag for tag in tags if 0 < len(tag) <= _MAX_TAG_CHARS]
    return tuple({tag.lower(): tag for tag in reversed(short)}.values())[::-1][:_MAX_TAGS]


def _lead_image(matter: PageMatter, url: str) -> str | None:
    own_host = urlsplit(url).hostname
    image = matter.article.get("image")
    first = image[0] if isinstance(image, list) and image else image
    told = first.get("url") or first.get("contentUrl") if isinstance(first, dict) else first
    for given in (
        matter.head.first("og:image:secure_url", "og:image", "og:image:url"),
        told,
        matter.head.first("twitter:image", "twitter:image:src"),
    ):
        if isinstance(given, str) and given.strip() and len(given) <= 2000:
            joined = _joined(url, given.strip())
            host = urlsplit(joined).hostname
            if joined.startswith(("http://", "https://")) and host and (is_public_host(host) or host == own_host):
                return joined
    return None


def _joined(url: str, address: str) -> str:
    try:
        joined = urljoin(url, address)
        return joined if urlsplit(joined).hostname else ""
    except ValueError:
        return ""
