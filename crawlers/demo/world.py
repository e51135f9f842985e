"""The world as a function of time: what each site answers to a path at a moment, and what is true of its pages.

Knows nothing of sockets; `serve` puts it on the network.
"""

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crawlers.demo import documents
from crawlers.demo.editions import Page, first_after, plan_pages, slug_of
from crawlers.demo.pages import article_page, front_page, picture
from crawlers.demo.sites import Site

_ON_FRONT_PAGE = 30
_LIST_PATH = re.compile(r"/(?:tag|thema|author)/([a-z0-9-]+)/?")
_MEDIA_PATH = re.compile(r"/media/(\d{8,9})\.svg")
_PLAIN_PATH = re.compile(
    r"/(?:about|abo|contact|datenschutz|impressum|kontakt|livetv|newsletter|privacy|search|subscribe|subscription|support|terms"
    r"|private/[a-z]+|print/\d+|news/live-\d+)/?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back: a body that may still be compressed for the way, or nothing for a path that is not there."""

    status: int
    content_type: str
    body: bytes
    modified_at: datetime | None = None


_NOT_FOUND = Answer(
    status=404,
    content_type="text/html; charset=utf-8",
    body=b"<!DOCTYPE html><title>Not found</title><h1>Not found</h1>",
)


class World:
    """All sites and all their pages; `bases` are their addresses (scheme, host and port, no slash at the end)."""

    def __init__(self, sites: Sequence[Site], bases: Sequence[str], *, started_at: datetime, seed: int) -> None:
        self.sites = tuple(sites)
        self.bases = tuple(bases)
        self.started_at = started_at.replace(second=0, microsecond=0)
        self.pages = plan_pages(sites, started_at=self.started_at, seed=seed)
        self._base_of = {site.id: base for site, base in zip(sites, bases, strict=True)}
        self._by_path = {(page.site.id, page.path): page for page in self.pages}
        self._originals = {page.story.id: page for page in self.pages if page.kind == "original"}

    def out(self, now: datetime) -> tuple[Page, ...]:
        """The pages that are out, earliest first."""
        return tuple(page for page in self.pages if page.published_at <= now)

    def next_round(self, now: datetime) -> datetime:
        """When the round that runs now is over and all its pages are out."""
        return first_after(self.started_at, now)

    def truth(self) -> list[dict[str, str]]:
        """Of every page, also of those to come, what a perfect crawl would archive; earliest first."""
        return [
            {
                "url": self.url_of(page),
                "site": page.site.id,
                "story": page.story.id,
                "kind": page.kind,
                "title": page.title,
                "published": page.published_at.isoformat(),
                "text": page.text,
            }
            for page in self.pages
        ]

    def catalogue(self) -> str:
        """The sites as a catalogue for the crawler. No delay is needed: they stand on this machine."""
        blocks = [_source_block(site, base) for site, base in zip(self.sites, self.bases, strict=True)]
        return "[politeness]\ndelay_seconds = 0.02\nconcurrency = 4\n\n" + "\n".join(blocks)

    def url_of(self, page: Page) -> str:
        return self._base_of[page.site.id] + page.path

    def answer(self, site: Site, path: str, now: datetime) -> Answer:
        """What the site answers to a GET of the path (without query) at that moment."""
        page = self._by_path.get((site.id, path))
        if page is not None and page.published_at <= now:
            return self._article(page)
        newest_first = [page for page in reversed(self.pages) if page.site is site and page.published_at <= now]
        modified_at = newest_first[0].published_at if newest_first else None
        machine = self._machine_documents(site).get(path)
        if machine is not None:
            content_type, write = machine
            body = write(newest_first).encode("utf-8")
            if path.endswith(".gz"):
                body = gzip.compress(body, mtime=0)
            return Answer(status=200, content_type=content_type, body=body, modified_at=modified_at)
        if media := _MEDIA_PATH.fullmatch(path):
            return Answer(status=200, content_type="image/svg+xml", body=picture(int(media[1])).encode())
        html = self._listing(site, path, newest_first)
        return _NOT_FOUND if html is None else _html_answer(site, html, modified_at)

    def _article(self, page: Page) -> Answer:
        site, base = page.site, self._base_of[page.site.id]
        earlier = [
            other for other in reversed(self.pages) if other.site is site and other.published_at < page.published_at
        ]
        original = self._originals.get(page.story.id)
        taken_from = self.url_of(original) if page.credit and original else None
        return _html_answer(site, article_page(page, earlier, base, taken_from), page.published_at)

    def _machine_documents(self, site: Site) -> Mapping[str, tuple[str, Callable[[Sequence[Page]], str]]]:
        base = self._base_of[site.id]
        news = lambda pages: documents.news_sitemap(site, pages, base)  # noqa: E731 - a row of the table below
        plain = lambda pages: documents.plain_sitemap(pages, base)  # noqa: E731
        found: dict[str, tuple[str, Callable[[Sequence[Page]], str]]] = {
            "/robots.txt": ("text/plain; charset=utf-8", lambda _: documents.robots(site, base)),
            site.feed_path: (f"application/{site.feed_kind}+xml", lambda pages: documents.feed(site, pages, base)),
        }
        if site.sitemap_kind == "gzipped-index":
            found[site.sitemap_path] = ("application/xml", lambda _: documents.sitemap_index(base))
            found[documents.SECTION_SITEMAP] = ("application/xml", lambda _: documents.section_sitemap(site, base))
            found[documents.NEWS_SITEMAP] = ("application/gzip", news)
        elif site.sitemap_kind != "none":
            found[site.sitemap_path] = ("application/xml", news if site.sitemap_kind == "news" else plain)
        return found

    def _listing(self, site: Site, path: str, pages: Sequence[Page]) -> str | None:
        base = self._base_of[site.id]
        if path in ("/", site.section_path):
            heading = site.tagline if path == "/" else "Latest"
            return front_page(site, heading, pages[:_ON_FRONT_PAGE], base)
        if match := _LIST_PATH.fullmatch(path):
            tagged = [page for page in pages if match[1] in map(slug_of, (*page.story.tags, page.story.author))]
            return front_page(site, match[1].replace("-", " ").title(), tagged, base)
        if _PLAIN_PATH.fullmatch(path):
            return front_page(site, path.strip("/").replace("/", ", ").capitalize(), (), base)
        return None


def _html_answer(site: Site, html: str, modified_at: datetime | None) -> Answer:
    return Answer(
        status=200,
        content_type=f"text/html; charset={site.encoding}",
        body=html.encode(site.encoding, "xmlcharrefreplace"),
        modified_at=modified_at,
    )


def _source_block(site: Site, base: str) -> str:
    facts: dict[str, object] = {
        "id": site.id,
        "name": site.name,
        "homepage": f"{base}/",
        "country": site.country,
        "languages": [site.language],
    }
    named = {"feeds": site.feed_path, "sitemaps": site.sitemap_path, "sections": site.section_path}
    facts |= {key: [base + named[key]] for key in site.declared}
    facts["cadence"] = "15min"
    if site.agency:
        facts["agency"] = True
    # JSON's texts, lists and booleans are TOML's as well.
    return "[[source]]\n" + "".join(
        f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in facts.items()
    )
