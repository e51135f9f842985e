"""What can be known of a site that nobody has described yet: from the first pages and links that a trial crawl brings.

In: the homepage's address, the frontier and the captured pages of the trial. Out: a `Source` for the catalogue.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import lxml.html
from lxml import etree

from crawlers.catalogue import Source, country_of
from crawlers.frontier import Frontier, Role, Visit
from pipelines.capture import BodyEncodingError, BodyTooLargeError, decoded_body
from pipelines.errors import ConfigurationError
from pipelines.metadata import read_matter, site_names
from pipelines.model import RawPage
from pipelines.urls import canonical_url, publisher_of, site_of

MAX_FEEDS = 10
MAX_SECTIONS = 3
ENOUGH_LINKS = 10  # from feeds and news sitemaps; with less, section pages are added
_FRESH = timedelta(days=2)
_DEPTH = 4
_ANY_TIME = datetime(9998, 1, 1, tzinfo=UTC)  # also what is due later
# Country codes that are sold as words.
_WORD_DOMAINS = frozenset({"ai", "cc", "co", "eu", "fm", "io", "ly", "me", "su", "to", "tv", "ws"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A feed or sitemap that the trial found: what it links to, of which how much is of the last two days."""

    url: str
    role: Role
    links: int
    fresh: int
    titled: int

    @property
    def is_news(self) -> bool:
        """Made for news, and kept up to date: plain sitemaps name no titles."""
        return (self.titled > 0 and self.fresh > 0) or "news" in urlsplit(self.url).path.lower()


def homepage_of(address: str) -> str:
    """The address with a scheme. Raises ConfigurationError if it is none."""
    url = canonical_url(address if "://" in address else f"https://{address}")
    if url is None:
        raise ConfigurationError(f"{address!r} is not the address of a web site; give one as https://news.example/.")
    return url


def source_id_of(url: str) -> str:
    """A short id from the host: www and the public suffix fall away."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    registrable = site_of(url).partition(":")[0]
    name = host.removesuffix("." + registrable.partition(".")[2]) if "." in registrable else host
    if re.fullmatch(r"[\d.]+|.*:.*", host):
        name = f"site-{host}"
    return re.sub(r"[^a-z0-9]+", "-", name.encode("idna").decode().lower()).strip("-")[:64].strip("-") or "site"


def found_indexes(frontier: Frontier, pages: Sequence[RawPage], now: datetime) -> list[Index]:
    """The feeds and top sitemaps that answered, those that link to most fresh articles first."""
    known = {visit.url: visit for role in (Role.FEED, Role.SITEMAP) for visit in frontier.indexes(role)}
    links: Counter[str] = Counter()
    fresh: Counter[str] = Counter()
    titled: Counter[str] = Counter()
    for found_in, published_at, title in _links(frontier, pages):
        top = _top(found_in, known)
        links[top] += 1
        fresh[top] += published_at is not None and now - published_at <= _FRESH
        titled[top] += bool(title)
    indexes = [
        Index(url=url, role=visit.role, links=links[url], fresh=fresh[url], titled=titled[url])
        for url, visit in known.items()
        if _top(url, known) == url and visit.status in (200, 304)
    ]
    return sorted(indexes, key=lambda index: (-index.fresh, -index.links, index.url))


def with_indexes(candidate: Source, indexes: Sequence[Index]) -> Source:
    """The candidate with all feeds and sitemaps that were found, to be tried without its homepage."""
    feeds = tuple(index.url for index in indexes if index.role is Role.FEED)[:MAX_FEEDS]
    sitemaps = tuple(index.url for index in indexes if index.role is Role.SITEMAP)[:MAX_FEEDS]
    return candidate.model_copy(update={"feeds": feeds, "sitemaps": sitemaps})


def describe_source(
    candidate: Source, indexes: Sequence[Index], pages: Sequence[RawPage], languages: Iterable[str | None]
) -> Source:
    """The candidate (id and homepage) with what its links and pages tell; `languages` are those of its articles."""
    homepage = candidate.homepage
    feeds = tuple(index.url for index in indexes if index.role is Role.FEED)[:MAX_FEEDS]
    sitemaps = tuple(index.url for index in indexes if index.role is Role.SITEMAP and index.is_news)
    if not feeds and not sitemaps:
        sitemaps = tuple(index.url for index in indexes if index.role is Role.SITEMAP and index.links)[:1]
    chosen = sum(index.links for index in indexes if index.url in (*feeds, *sitemaps))
    trees = [tree for page in pages if (tree := _tree(page)) is not None]
    sections = find_sections(trees, [page.url for page in pages], homepage) if chosen < ENOUGH_LINKS else ()
    return Source.model_validate(
        {
            "id": candidate.id,
            "name": _site_name(trees, homepage),
            "homepage": homepage,
            "country": _country(homepage, trees),
            "languages": [language for language, _ in Counter(filter(None, languages)).most_common(3)],
            "feeds": feeds or None,
            "sitemaps": sitemaps or None,
            "sections": sections,
        }
    )


def find_sections(trees: Iterable[lxml.html.HtmlElement], articles: Sequence[str], homepage: str) -> tuple[str, ...]:
    """Pages of the navigation under whose address articles lie, those with most of them first."""
    below: Counter[str] = Counter()
    for tree in trees:
        for anchor in tree.xpath("//nav//a[@href] | //header//a[@href]"):
            url = canonical_url(str(anchor.get("href")), homepage)
            if url and publisher_of(url) == publisher_of(homepage) and urlsplit(url).path.strip("/"):
                prefix = url.rstrip("/") + "/"
                below[url] = sum(article.startswith(prefix) for article in articles)
    return tuple(url for url, count in below.most_common(MAX_SECTIONS) if count)


def _links(frontier: Frontier, pages: Sequence[RawPage]) -> Iterable[tuple[str, datetime | None, str | None]]:
    for visit in frontier.due_articles(_ANY_TIME):
        yield visit.found_in or "", visit.published_at, visit.title
    for page in pages:
        published = page.discovered.get("published_at")
        moment = datetime.fromisoformat(published) if published else None
        yield page.discovered.get("found_in", ""), moment, page.discovered.get("title")


def _top(url: str, known: dict[str, Visit]) -> str:
    """The sitemap index that leads to a sitemap; a feed is named by a homepage and stays itself."""
    for _ in range(_DEPTH):
        parent = known[url].found_in if url in known else None
        if not parent or parent not in known:
            break
        url = parent
    return url


def _tree(page: RawPage) -> lxml.html.HtmlElement | None:
    try:
        body = decoded_body(page).replace(b"\x00", b"")
        return lxml.html.document_fromstring(body) if body.strip() else None
    except (BodyTooLargeError, BodyEncodingError, etree.LxmlError, ValueError):
        return None


def _site_name(trees: Sequence[lxml.html.HtmlElement], homepage: str) -> str:
    """By what the pages call their site, else by the ending that their titles have in common, else the host."""
    host = urlsplit(homepage).hostname or homepage
    from_address = set(site_names(read_matter(lxml.html.document_fromstring("<p>")), homepage, ""))
    told = Counter(
        name[:200]
        for tree in trees
        for name in site_names(read_matter(tree), homepage, "")[:1]
        if name not in from_address
    )
    endings = Counter(
        re.split(r"\s[|–—-]\s", " ".join(str(title).split()))[-1]
        for tree in trees
        for title in tree.xpath("//title/text()")[:1]
    )
    if told:
        return told.most_common(1)[0][0]
    ending, count = endings.most_common(1)[0] if endings else ("", 0)
    return ending[:200] if count > 1 and count >= len(trees) / 2 else host


def _country(homepage: str, trees: Iterable[lxml.html.HtmlElement]) -> str | None:
    """By the country's domain, else by the region that the pages' locale names."""
    last = (urlsplit(homepage).hostname or "").rpartition(".")[2]
    if last not in _WORD_DOMAINS and (country := country_of(last)):
        return country
    regions = Counter(region for tree in trees if (region := _region(tree)))
    return regions.most_common(1)[0][0] if regions else None


def _region(tree: lxml.html.HtmlElement) -> str | None:
    """The region of a page's locale, as GB of en-GB."""
    for value in (*tree.xpath("//meta[@property='og:locale']/@content")[:1], tree.get("lang") or ""):
        match = re.match(r"[a-zA-Z]{2,3}[-_]([a-zA-Z]{2})\b", str(value).strip())
        if match and (country := country_of(match[1])):
            return country
    return None
