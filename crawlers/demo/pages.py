"""The HTML of the world: an article in its site's own template, and front pages.

In: a page and what its site had published before it. Out: HTML as text. What a page shows of other pages is fixed when
it is published, so that its bytes do not change afterwards.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from html import escape
from importlib import resources
from string import Template

from crawlers.demo.bodies import article_body
from crawlers.demo.editions import Page, slug_of
from crawlers.demo.sites import Site

_OTHERS = 4  # links to other articles in a list
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def article_page(page: Page, earlier: Sequence[Page], base: str, original_url: str | None) -> str:
    """The article's page. `earlier` is what the site published before, newest first; `base` has no slash at its end.

    `original_url` is where a text that was taken over came from.
    """
    local = page.published_at.astimezone(timezone(timedelta(hours=page.site.utc_offset_hours)))
    shown = {
        "title": escape(page.title),
        "summary": escape(page.summary),
        "section": escape(page.story.section),
        "author": escape(_author(page)),
        "author_slug": slug_of(_author(page)),
        "caption": escape(page.story.caption),
        "url": base + page.path,
        "base": base,
        "image": image_path(page),
        "number": str(page.number),
        "tags": ", ".join(f'<a href="/tag/{slug_of(tag)}">{escape(tag)}</a>' for tag in page.story.tags),
        "tag_items": "".join(f'<li><a href="/tag/{slug_of(tag)}">{escape(tag)}</a></li>' for tag in page.story.tags),
        "others": _others(page, earlier),
        "json_ld": _json_ld(page, base, local),
        "captcha": f"{page.number % 9 + 1} − {_NUMBER_WORDS[page.number // 9 % 9]}",
        "canonical": f'<link rel="canonical" href="{original_url}">\n' if original_url else "",
        "paywall": _PAYWALL if page.story.subscribers_only else "",
        "body": article_body(page, earlier),
        "style": _template("style.css").template,
        "iso": page.published_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "local_iso": local.isoformat(),
    } | _times(page.published_at, local)
    return _template(f"{page.site.id}.html").substitute(shown)


def front_page(site: Site, heading: str, pages: Sequence[Page], base: str) -> str:
    """A page of links: the homepage, a section or a tag; `pages` newest first."""
    teasers = "\n".join(
        f'<div class="teaser"><h2><a href="{page.path}#top">{escape(page.title)}</a></h2>'
        f"<p>{escape(page.summary)}</p></div>"
        for page in pages
    )
    feed = f'type="application/{site.feed_kind}+xml" title="{escape(site.name)}" href="{site.feed_path}"'
    return _template("front.html").substitute(
        lang=site.language,
        encoding=site.encoding,
        site=escape(site.name),
        tagline=escape(site.tagline),
        heading=escape(heading),
        alternate=f'<link rel="alternate" {feed}>',
        section_path=site.section_path,
        feed_path=site.feed_path,
        tag=slug_of(pages[0].story.tags[0]) if pages else "news",
        teasers=teasers,
        style=_template("style.css").template,
        base=base,
    )


def image_path(page: Page) -> str:
    """Where the page's picture lies."""
    return f"/media/{page.number}.svg"


def picture(number: int) -> str:
    """A picture that needs no photographer: two hills under a sky of the article's own colour."""
    hue = number % 360
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 540">'
        f'<rect width="960" height="540" fill="hsl({hue},45%,78%)"/>'
        f'<path d="M0 420 Q240 {200 + number % 120} 520 400 T960 330 V540 H0Z" fill="hsl({hue},35%,45%)"/>'
        f'<path d="M0 480 Q360 {340 + number % 70} 640 470 T960 430 V540 H0Z" fill="hsl({hue},35%,32%)"/></svg>'
    )


_PAYWALL = (
    '<div class="c-muro"><h3>Este contenido es exclusivo para suscriptores</h3><p>Suscríbase y lea sin límites desde '
    '1 corona al mes.</p><p>¿Ya es suscriptor? <a href="/private/cuenta">Inicie sesión</a></p></div>'
)


def _author(page: Page) -> str:
    if page.credit is not None:
        return page.credit
    return "Globe Pulse Desk" if page.kind == "spun" else page.story.author


def _others(page: Page, earlier: Sequence[Page]) -> str:
    links = [f'<a href="{other.path}">{escape(other.title)}</a>' for other in earlier[:_OTHERS]]
    element = "div" if page.site.id == "lake-dispatch" else "li"
    return "".join(f"<{element}>{link}</{element}>" for link in links)


def _json_ld(page: Page, base: str, local: datetime) -> str:
    facts = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": page.title,
        "datePublished": local.isoformat(),
        "author": [{"@type": "Organization" if page.credit else "Person", "name": _author(page)}],
        "publisher": {"@type": "NewsMediaOrganization", "name": page.site.name},
        "mainEntityOfPage": base + page.path,
        "articleSection": page.story.section,
        "keywords": list(page.story.tags),
        "image": [base + image_path(page)],
        "inLanguage": page.site.language,
        "isAccessibleForFree": not page.story.subscribers_only,
    }
    return json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")


def _times(utc: datetime, local: datetime) -> dict[str, str]:
    return {
        "clock": f"{utc:%H:%M}",
        "local_clock": f"{local:%H:%M}",
        "day_month_year": f"{utc.day} {utc:%B %Y}",
        "month_day_year": f"{local:%B} {local.day}, {local.year}",
        "local_numeric_date": f"{local:%d.%m.%Y}" if local.utcoffset() == timedelta(hours=1) else f"{local:%d/%m/%Y}",
    }


@cache
def _template(name: str) -> Template:
    return Template((resources.files("crawlers.demo") / "templates" / name).read_text(encoding="utf-8"))
