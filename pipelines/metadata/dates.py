"""When the article was published and last changed: the page's own data first, the visible date and the address last."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lxml import etree

from pipelines.metadata.byline import parts_under_headline
from pipelines.metadata.head import Head, inner_text
from pipelines.metadata.jsonld import text_of
from pipelines.metadata.moments import Moment, offset_of, parse_moment
from pipelines.model import DatePrecision

_PUBLISHED_METAS = (
    "article:published_time", "og:article:published_time", "datepublished", "og:published_time", "article:published",
    "parsely-pub-date",
    "sailthru.date", "pubdate", "publishdate", "publish-date", "publish_date", "publication_date", "publicationdate",
    "published_time_telegram",
    "dc.date.issued", "dcterms.created", "dcterms.date", "dc.date", "dc.date.created", "dcterms.issued",
    "cxenseparse:recs:publishtime",
    "cxenseparse:publishtime", "article.published", "article.created", "bt:pubdate", "rnews:datepublished",
    "citation_publication_date",
    "originalpublicationdate", "displaydate", "ptime", "_pubtime", "date", "created", "weibo:article:create_at",
    "iso-8601-publish-date",
)  # fmt: skip
_MODIFIED_METAS = (
    "article:modified_time", "og:updated_time", "datemodified", "lastmod", "last-modified", "dcterms.modified",
    "dc.date.modified",
    "article.updated", "bt:moddate", "og:article:modified_time", "moddate", "iso-8601-modified-date",
)  # fmt: skip
_PUBLISHED_NAMES = re.compile(
    r"publi|posted|pub-?date|entry-date|created|erschienen|veröffentlicht|post-date|article-date|news-date|timestamp|"
    r"dateline",
    re.IGNORECASE,
)
_MODIFIED_NAMES = re.compile(r"updat|modif|aktualisiert|mise-a-jour|maj\b|last-?edit", re.IGNORECASE)
_URL_DAY = re.compile(
    r"/(?P<y>(?:19|20)\d{2})[/-](?P<mo>0?[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|"
    r"dec)[/-](?P<d>0?[1-9]|[12]\d|3[01])(?=[/_-]|$)"
)
_URL_COMPACT_DAY = re.compile(r"(?<!\d)(?P<y>20\d{2})(?P<mo>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_NAMES = re.compile(r"date|time|publi|posted|datum|fecha|zeit|meta|stamp|info|data", re.IGNORECASE)
_MAX_ELEMENTS = 60
_MAX_SCANNED = 3_000
_YEAR = re.compile(r"(?:19|20)\d{2}")
_MAX_VISIBLE_CHARS = 120


@dataclass(frozen=True, slots=True)
class PageDates:
    """`found_in` names the place that said when the article was published, and that it named no offset if so."""

    published: Moment | None
    found_in: str | None
    modified: Moment | None


def find_dates(
    root: etree._Element,
    head: Head,
    article: Mapping[str, Any],
    url: str,
    discovered: Mapping[str, str],
    latest: datetime,
) -> PageDates:
    """Publication and change of the page's article; `latest` is when it was fetched: nothing is younger."""
    said: list[tuple[str, str]] = []
    published: Moment | None = None
    place: str | None = None
    for found_in, text in _published_texts(root, head, article, url, discovered):
        said.append((found_in, text))
        moment = parse_moment(text, latest)
        if moment is None:
            continue
        if published is None or _refines(moment, published):
            published, place = moment, found_in
        if published.precision is not DatePrecision.DAY and published.has_offset:
            break
    modified_texts = list(_modified_texts(root, head, article))
    modified = next((moment for text in modified_texts if (moment := parse_moment(text, latest))), None)
    if published is None:
        guessed = _guessed_day(root, url, latest)
        return PageDates(guessed, "htmldate" if guessed else None, modified)
    if not published.has_offset and published.precision is not DatePrecision.DAY:
        published, place = _with_offset(published, f"{place}", [text for _, text in said] + modified_texts)
    return PageDates(published, place, modified)


def _refines(moment: Moment, published: Moment) -> bool:
    """Whether a later place says the same day more exactly, or the same clock time with its offset."""
    if published.precision is DatePrecision.DAY:
        return moment.precision is not DatePrecision.DAY and abs(moment.at - published.at) < timedelta(hours=36)
    if published.has_offset or not moment.has_offset or moment.precision is DatePrecision.DAY:
        return False
    gap = abs(moment.at - published.at)
    return gap <= timedelta(hours=14) and gap.total_seconds() % 900 < 60


def _with_offset(published: Moment, place: str, texts: Iterable[str]) -> tuple[Moment, str]:
    """The page's other times may name the offset that this one lacks."""
    offset = next((found for text in texts if (found := offset_of(text)) is not None), None)
    if offset is not None:
        return published.shifted(offset), f"{place}, offset of another time on the page"
    return published, f"{place}, no offset"


def _published_texts(
    root: etree._Element, head: Head, article: Mapping[str, Any], url: str, discovered: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for key in ("datePublished", "dateCreated", "uploadDate"):
        if text := text_of(article, key):
            yield f"json-ld {key}", text
    for name in _PUBLISHED_METAS:
        for text in head.metas.get(name, ())[:1]:
            yield f"meta {name}", text
    yield from _time_elements(root, modified=False)
    if text := discovered.get("published_at"):
        yield "link", text
    if text := url_day(url):
        yield "url", text
    for text in _visible_dates(root):
        yield "visible date", text
    for text in parts_under_headline(root):
        if _YEAR.search(text) and len(text) <= _MAX_VISIBLE_CHARS and not _MODIFIED_NAMES.search(text):
            yield "visible date", text


def _modified_texts(root: etree._Element, head: Head, article: Mapping[str, Any]) -> Iterator[str]:
    if text := text_of(article, "dateModified"):
        yield text
    for name in _MODIFIED_METAS:
        yield from head.metas.get(name, ())[:1]
    for _, text in _time_elements(root, modified=True):
        yield text


def _time_elements(root: etree._Element, *, modified: bool) -> Iterator[tuple[str, str]]:
    """What time elements say; those named as the wanted kind first."""
    plain: list[tuple[str, str]] = []
    named: list[tuple[str, str]] = []
    for number, element in enumerate(root.iter("time", "abbr")):
        if number >= _MAX_ELEMENTS:
            break
        text = element.get("datetime") or element.get("title" if element.tag == "abbr" else "content")
        visible = inner_text(element)
        text = text or (visible if element.tag == "time" else None)
        if not text or _in_list(element):
            continue
        names = " ".join(
            filter(
                None,
                (
                    element.get("itemprop"),
                    element.get("class"),
                    "published" if element.get("pubdate") is not None else None,
                    visible[:40],
                ),
            )
        )
        if _MODIFIED_NAMES.search(names):
            if modified:
                named.append(("time element", text))
        elif not modified:
            (named if _PUBLISHED_NAMES.search(names) else plain).append(("time element", text))
    yield from named
    yield from plain[:1]


def _visible_dates(root: etree._Element) -> Iterator[str]:
    """Short texts of elements that are named after a date."""
    for number, element in enumerate(root.iter("span", "div", "p", "li", "dd", "small", "td", "em")):
        if number >= _MAX_SCANNED:
            return
        names = f"{element.get('class') or ''} {element.get('id') or ''}"
        if _DATE_NAMES.search(names) and not _in_list(element):
            text = inner_text(element)
            if 6 <= len(text) <= _MAX_VISIBLE_CHARS:
                yield text


def _guessed_day(root: etree._Element, url: str, latest: datetime) -> Moment | None:
    """The day that htmldate reads out of the page's text; asked only where nothing else names one."""
    from htmldate import find_date

    page = etree.tostring(root, encoding="unicode", method="html")
    found = find_date(page, original_date=True, extensive_search=False, outputformat="%Y-%m-%d", url=url)
    return parse_moment(found, latest) if found else None


def _in_list(element: etree._Element) -> bool:
    """Whether the time belongs to one of several teasers rather than to the page's article."""
    parent, levels = element.getparent(), 0
    while parent is not None and levels < 6:
        if parent.tag in ("li", "aside", "nav", "footer"):
            return True
        parent, levels = parent.getparent(), levels + 1
    return False


def url_day(url: str) -> str | None:
    """The day that an address names (`/2026/11/20/`, `/20261120-`), as ISO text."""
    path = url.lower()
    match = _URL_DAY.search(path) or _URL_COMPACT_DAY.search(path)
    if match is None:
        return None
    month = _MONTHS.index(match["mo"]) + 1 if match["mo"] in _MONTHS else int(match["mo"])
    return f"{match['y']}-{month:02d}-{int(match['d']):02d}"
