"""Nine ways in which news systems say title, authors, date and address; each with traps of its kind."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story of stories.toml."""

    language: str
    site: str
    host: str
    section: str
    by: str
    joint: str
    title: str
    authors: tuple[str, ...]
    clock: str
    visible: str
    text: tuple[str, ...]

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.clock)

    @property
    def byline(self) -> str:
        return f"{self.by} {self.joint.join(self.authors)}"

    @property
    def url(self) -> str:
        return f"https://{self.host}/news/story-4711"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page, and what of it depends on the theme rather than the story."""

    html: str
    url: str
    published_at: datetime
    canonical_url: str | None


def _page(story: Story, head: str, top: str, *, title: str) -> str:
    text = "".join(f"<p>{escape(line)}</p>" for line in story.text)
    return (
        f'<!doctype html><html lang="{story.language}"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}'
        f'</head><body><header><a href="/">{escape(story.site)}</a></header>'
        f'<main>{top}<div class="story-body">{text}</div></main><aside><ul><li><a href="/x">Another story</a>'
        ' <time datetime="2026-11-20T01:00:00Z">1h</time></li></ul></aside></body></html>'
    )


def _json(value: dict[str, Any]) -> str:
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=False)}</script>'


def _h1(story: Story) -> str:
    return f"<h1>{escape(story.title)}</h1>"


def graph_plugin(story: Story) -> Rendered:
    """A plug-in's JSON-LD graph: the site, the page and the article in one list, authors by name."""
    article = {
        "@type": "NewsArticle",
        "headline": story.title,
        "datePublished": story.clock,
        "dateModified": "2026-11-20T00:00:00+00:00",
        "author": [{"@type": "Person", "name": name} for name in story.authors],
        "publisher": {"@type": "Organization", "name": story.site},
        "articleSection": [story.section],
    }
    graph = {
        "@context": "https://schema.org",
        "@graph": [{"@type": "WebSite", "name": story.site}, {"@type": "WebPage"}, article],
    }
    head = f'<link rel="canonical" href="{story.url}"><meta property="og:site_name" content="{escape(story.site)}">'
    head += _json(graph)
    html = _page(story, head, _h1(story), title=f"{story.title} | {story.site}")
    return Rendered(html, f"{story.url}?utm_source=feed", story.at, story.url)


def open_graph_only(story: Story) -> Rendered:
    """Meta elements alone; the title carries the site, the canonical address is relative and tracked."""
    head = (
        f'<meta property="og:title" content="{escape(story.title)} - {escape(story.site)}">'
        f'<meta property="og:site_name" content="{escape(story.site)}"><meta property="og:type" content="article">'
        f'<meta property="article:published_time" content="{story.clock}">'
        f'<meta name="author" content="{escape(story.joint.join(story.authors))}">'
        '<link rel="canonical" href="/news/story-4711?utm_campaign=x#top">'
    )
    html = _page(story, head, "", title=f"{story.title} - {story.site}")
    return Rendered(html, story.url, story.at, story.url)


def microdata(story: Story) -> Rendered:
    """Schema.org attributes on the visible elements."""
    names = "".join(
        f'<span itemprop="author"><span itemprop="name">{escape(name)}</span></span>' for name in story.authors
    )
    top = f'{_h1(story)}{names}<time itemprop="datePublished" datetime="{story.clock}">{escape(story.visible)}</time>'
    head = f'<link rel="canonical" href="{story.url}">'
    return Rendered(_page(story, head, top, title=f"{story.title} – {story.site}"), story.url, story.at, story.url)


def visible_only(story: Story) -> Rendered:
    """Nothing for machines: headline, byline and date as readers see them; no canonical address."""
    top = f'{_h1(story)}<div class="byline">{escape(story.byline)}</div><div class="date">{escape(story.visible)}</div>'
    return Rendered(_page(story, "", top, title=f"{story.title} | {story.site}"), story.url, story.at, None)


def clock_without_offset(story: Story) -> Rendered:
    """A publication time without offset; the time of the last change has one."""
    offset = story.clock[-6:]
    head = (
        f'<meta property="article:published_time" content="{story.clock[:-6]}">'
        f'<meta property="article:modified_time" content="2026-11-20T03:00:00{offset}">'
        '<meta property="article:author" content="https://social.example/page">'
        f'<link rel="canonical" href="{story.url}">'
    )
    top = f'{_h1(story)}<p class="author-name">{escape(story.byline)}</p>'
    return Rendered(_page(story, head, top, title=f"{story.site}: {story.title}"), story.url, story.at, story.url)


def broken_json(story: Story) -> Rendered:
    """JSON-LD that does not parse, and a canonical address that is the homepage; meta elements are right."""
    head = (
        f'<script type="application/ld+json">{{"@type":"NewsArticle","headline":"{story.title}" "author":</script>'
        f'<link rel="canonical" href="https://{story.host}/"><meta property="og:url" content="{story.url}">'
        f'<meta name="parsely-pub-date" content="{story.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}">'
        + "".join(f'<meta name="parsely-author" content="{escape(name)}">' for name in story.authors)
    )
    html = _page(story, head, _h1(story), title=f"{story.title} | {story.section} | {story.site}")
    return Rendered(html, story.url, story.at, story.url)


def day_in_the_address(story: Story) -> Rendered:
    """Only the address names the day; authors are linked, a handle and a role beside them."""
    url = f"https://{story.host}/{story.at:%Y/%m/%d}/story-4711.html"
    links = ", ".join(f'<a rel="author" href="/team">{escape(name)}</a>' for name in story.authors)
    top = f'{_h1(story)}<p class="meta">{links} <a href="https://social.example/x">@courier</a></p>'
    head = f'<link rel="canonical" href="https://other.example/story"><meta property="og:url" content="{url}">'
    day = story.at.replace(hour=0, minute=0, second=0, tzinfo=UTC)
    return Rendered(_page(story, head, top, title=f"{story.title} | {story.site}"), url, day, url)


def shouting_names(story: Story) -> Rendered:
    """JSON-LD with one string of names in capitals, the site itself as an author, milliseconds in the time."""
    article = {
        "@context": "http://schema.org",
        "@type": ["Article", "NewsArticle"],
        "headline": f"{story.title} | {story.site}",
        "datePublished": f"{story.clock[:-6]}.000{story.clock[-6:]}",
        "author": [{"@type": "Person", "name": f"{story.by} {name.upper()}"} for name in story.authors]
        + [{"@type": "Organization", "name": story.site}],
        "publisher": {"name": story.site},
        "mainEntityOfPage": story.url,
    }
    head = f'{_json(article)}<link href="{story.url}" rel="canonical">'
    return Rendered(_page(story, head, "", title=f"{story.title} | {story.site}"), story.url, story.at, story.url)


def unmarked_lines(story: Story) -> Rendered:
    """No markup and no class: section, byline and date in one line under the headline."""
    top = f"<div>{_h1(story)}<p>{escape(story.section)} | {escape(story.byline)} | {escape(story.visible)}</p></div>"
    return Rendered(_page(story, "", top, title=f"{story.title} – {story.site}"), story.url, story.at, None)


THEMES: dict[str, Callable[[Story], Rendered]] = {
    theme.__name__: theme
    for theme in (
        graph_plugin,
        open_graph_only,
        microdata,
        visible_only,
        clock_without_offset,
        broken_json,
        day_in_the_address,
        shouting_names,
        unmarked_lines,
    )
}
