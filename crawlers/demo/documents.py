"""What a site serves to machines: robots.txt, RSS and Atom feeds, news sitemaps and their index, all as text.

Sources: RFC 9309, RSS 2.0, RFC 4287, https://www.sitemaps.org/protocol.html, Google's news sitemap extension.
"""

from collections.abc import Sequence
from email.utils import format_datetime
from html import escape

from crawlers.demo.editions import Page
from crawlers.demo.sites import Site

FEED_ENTRIES = 15
NEWS_SITEMAP = "/sitemaps/news.xml.gz"  # under an index
SECTION_SITEMAP = "/sitemaps/sections.xml"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def robots(site: Site, base: str) -> str:
    """The site's robots.txt."""
    lines = ["User-agent: *", "Disallow: /private/", "Disallow: /print/"]
    if site.crawl_delay_seconds is not None:
        lines.append(f"Crawl-delay: {site.crawl_delay_seconds:g}")
    if site.sitemap_kind != "none":
        lines += ["", f"Sitemap: {base}{site.sitemap_path}"]
    return "\n".join(lines) + "\n"


def feed(site: Site, pages: Sequence[Page], base: str) -> str:
    """The newest pages; `pages` newest first."""
    newest = pages[:FEED_ENTRIES]
    return _atom(site, newest, base) if site.feed_kind == "atom" else _rss(site, newest, base)


def _rss(site: Site, pages: Sequence[Page], base: str) -> str:
    items = "".join(
        f"<item><title>{escape(page.title)}</title>"
        f"<link>{base}{page.path}?utm_source=rss&amp;utm_medium=feed&amp;utm_campaign=all</link>"
        f'<guid isPermaLink="false">{site.id}-{page.number}</guid>'
        f"<description>{escape(page.summary)}</description><category>{escape(page.story.section)}</category>"
        f"<pubDate>{format_datetime(page.published_at)}</pubDate></item>\n"
        for page in pages
    )
    return (
        f'{_XML}<rss version="2.0"><channel><title>{escape(site.name)}</title><link>{base}/</link>'
        f"<description>{escape(site.tagline)}</description><language>{site.language}</language>\n{items}</channel></rss>\n"
    )


def _atom(site: Site, pages: Sequence[Page], base: str) -> str:
    updated = pages[0].published_at.isoformat() if pages else "1970-01-01T00:00:00+00:00"
    entries = "".join(
        f"<entry><title>{escape(page.title)}</title>"
        f'<link rel="alternate" type="text/html" href="{base}{page.path}?at_medium=feed&amp;at_campaign=atom"/>'
        f"<id>tag:{site.id},2026:{page.number}</id><published>{page.published_at.isoformat()}</published>"
        f"<updated>{page.published_at.isoformat()}</updated><summary>{escape(page.summary)}</summary></entry>\n"
        for page in pages
    )
    return (
        f'{_XML}<feed xmlns="http://www.w3.org/2005/Atom"><title>{escape(site.name)}</title><id>{base}/</id>'
        f'<link href="{base}/"/><link rel="self" href="{base}{site.feed_path}"/><updated>{updated}</updated>\n'
        f"{entries}</feed>\n"
    )


def sitemap_index(base: str) -> str:
    """An index of the news sitemap and one of section pages."""
    sitemaps = "".join(f"<sitemap><loc>{base}{path}</loc></sitemap>" for path in (SECTION_SITEMAP, NEWS_SITEMAP))
    return f"{_XML}<sitemapindex {_SITEMAP_NAMESPACE}>{sitemaps}</sitemapindex>\n"


def section_sitemap(site: Site, base: str) -> str:
    """A plain sitemap that holds no article."""
    urls = "".join(f"<url><loc>{base}{path}</loc></url>" for path in ("/", site.section_path))
    return f"{_XML}<urlset {_SITEMAP_NAMESPACE}>{urls}</urlset>\n"


def plain_sitemap(pages: Sequence[Page], base: str) -> str:
    """A sitemap without the news extension: `lastmod` is all it says of time."""
    urls = "".join(
        f"<url><loc>{base}{page.path}</loc><lastmod>{page.published_at.isoformat()}</lastmod></url>\n" for page in pages
    )
    return f"{_XML}<urlset {_SITEMAP_NAMESPACE}>\n{urls}</urlset>\n"


def news_sitemap(site: Site, pages: Sequence[Page], base: str) -> str:
    """A sitemap with the news extension."""
    urls = "".join(
        f"<url><loc>{base}{page.path}</loc><news:news><news:publication><news:name>{escape(site.name)}</news:name>"
        f"<news:language>{site.language}</news:language></news:publication>"
        f"<news:publication_date>{page.published_at.isoformat()}</news:publication_date>"
        f"<news:title>{escape(page.title)}</news:title></news:news></url>\n"
        for page in pages
    )
    namespace = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    return f"{_XML}<urlset {_SITEMAP_NAMESPACE} {namespace}>\n{urls}</urlset>\n"
