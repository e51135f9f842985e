"""What links to articles: pure functions over bytes of feeds, news sitemaps, section pages, homepages and robots.txt.

In: bytes and the address they came from. Out: `Link`s with canonical URLs, at most `MAX_LINKS`. Hostile input costs its
own document: nothing but DiscoveryError is raised, no entity is expanded, no network is touched.
"""

from crawlers.discovery.feeds import read_feed
from crawlers.discovery.links import DiscoveryError, Link, news_first
from crawlers.discovery.pages import find_feeds, find_sitemaps, looks_like_article, read_section
from crawlers.discovery.sitemaps import SitemapContent, may_be_index, read_sitemap

__all__ = [
    "DiscoveryError",
    "Link",
    "SitemapContent",
    "find_feeds",
    "find_sitemaps",
    "looks_like_article",
    "may_be_index",
    "news_first",
    "read_feed",
    "read_section",
    "read_sitemap",
]
