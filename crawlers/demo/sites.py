"""The sites of the world, as declarations: who they are, where their pages lie, what they take over from others.

Country codes are from the range that ISO 3166 leaves to users: the countries are invented.
"""

from dataclasses import dataclass
from typing import Literal

SitemapKind = Literal["news", "plain", "gzipped-index", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One news site.

    `path_format` knows year, month, day, mon (jan …), section, slug and number. `declared` says which of feeds,
    sitemaps and sections the catalogue names; the others are there to be found. `takes` is whose stories the site
    re-publishes: `copies_at_start` of them at once, `copies_later` as they come out; `kinds` are used in turn.
    """

    id: str
    name: str
    language: str
    country: str
    tagline: str
    path_format: str
    utc_offset_hours: int = 0
    encoding: str = "utf-8"
    agency: bool = False
    dateline: str = ""
    feed_kind: Literal["rss", "atom"] = "rss"
    feed_path: str = "/rss.xml"
    sitemap_kind: SitemapKind = "news"
    sitemap_path: str = "/news-sitemap.xml"
    section_path: str = "/world/"
    crawl_delay_seconds: float | None = None
    declared: tuple[str, ...] = ("feeds",)
    originals_later: int = 2
    takes: tuple[str, ...] = ()
    copies_at_start: int = 0
    copies_later: int = 0
    kinds: tuple[str, ...] = ()


SITES = (
    Site(
        id="meridian-wire",
        name="Meridian Wire",
        language="en",
        country="XV",
        tagline="The news, first and plain",
        path_format="/story/{year}-{month}-{day}/{slug}-{number}",
        agency=True,
        dateline="{place} (Meridian) - ",
        feed_kind="atom",
        feed_path="/latest.atom",
        sitemap_kind="plain",
        sitemap_path="/sitemap.xml",
        section_path="/latest/",
        declared=("feeds", "sitemaps"),
        originals_later=6,
    ),
    Site(
        id="corvane-courier",
        name="The Corvane Courier",
        language="en",
        country="XV",
        tagline="Since 1871",
        path_format="/{section}/{year}/{mon}/{day}/{slug}",
        utc_offset_hours=1,
        feed_path="/feeds/all.rss",
        sitemap_kind="gzipped-index",
        sitemap_path="/sitemap-index.xml",
        declared=("feeds", "sitemaps", "sections"),
        originals_later=3,
        takes=("meridian-wire",),
        copies_at_start=6,
        copies_later=3,
        kinds=("verbatim", "edited", "trimmed"),
    ),
    Site(
        id="northlight-news",
        name="Northlight News",
        language="en",
        country="XO",
        tagline="Watch, listen, read",
        path_format="/news/{section}-{number}",
        feed_path="/news/rss.xml",
        crawl_delay_seconds=0.2,
        declared=(),
        originals_later=2,
        takes=("meridian-wire",),
        copies_at_start=6,
        copies_later=3,
        kinds=("edited", "credited", "trimmed", "edited"),
    ),
    Site(
        id="globe-pulse",
        name="Globe Pulse 24",
        language="en",
        country="XB",
        tagline="World news around the clock",
        path_format="/{year}/{month}/{slug}/",
        feed_path="/feed/",
        sitemap_path="/wp-sitemap-news.xml",
        section_path="/category/world/",
        originals_later=0,
        takes=("meridian-wire", "corvane-courier"),
        copies_at_start=10,
        copies_later=6,
        kinds=("spun", "spun", "verbatim", "spun"),
    ),
    Site(
        id="wulmetal-tagblatt",
        name="Wulmetal-Tagblatt",
        language="de",
        country="XW",
        tagline="Unabhängige Zeitung für Hohenbrück und das Wulmetal",
        path_format="/{section}/{slug}-a{number}.html",
        utc_offset_hours=1,
        encoding="windows-1252",
        feed_path="/feed.xml",
        sitemap_path="/sitemap-news.xml",
        section_path="/nachrichten/",
        declared=("sitemaps",),
    ),
    Site(
        id="lake-dispatch",
        name="Lake Country Dispatch",
        language="en",
        country="XB",
        tagline="Independent and local",
        path_format="/articles/{number}-{slug}",
        utc_offset_hours=-5,
        feed_path="/rss",
        sitemap_kind="none",
        section_path="/more-news",
        declared=("feeds", "sections"),
        originals_later=2,
        takes=("meridian-wire",),
        copies_at_start=7,
        copies_later=3,
        kinds=("credited", "trimmed", "verbatim"),
    ),
    Site(
        id="faro-almadora",
        name="El Faro de Almadora",
        language="es",
        country="XC",
        tagline="Diario de la costa",
        path_format="/{section}/{year}-{month}-{day}/{slug}.html",
        utc_offset_hours=-3,
        feed_kind="atom",
        feed_path="/atom.xml",
        section_path="/actualidad/",
        declared=("feeds", "sitemaps"),
    ),
)
