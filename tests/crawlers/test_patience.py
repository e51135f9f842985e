"""Documents that hang: they cost a run a bounded time, and stand before nothing else."""

import time
from dataclasses import replace

import pytest

from pipelines.settings import ArchiveSettings
from tests.crawlers.conftest import Crawl, captured_paths
from tests.local_site import Answer, LocalSite, SiteHandler, article, links_page, sitemap, sitemap_index, text

HASTY = {"DOWNLOAD_TIMEOUT": 0.8, "SLOW_DOCUMENTS_SECONDS": 2.4}
FEED_LINK = '<link rel="alternate" type="application/rss+xml" href="{}">'


def hang(handler: SiteHandler) -> None:
    """Takes the request and says nothing."""
    time.sleep(30)


def drip(handler: SiteHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<urlset>")
    for _ in range(300):
        handler.wfile.write(b" ")
        time.sleep(0.1)


@pytest.mark.parametrize(("fault", "concurrency"), [(hang, 1), (drip, 4)])
def test_sitemaps_that_hang_do_not_hold_back_the_news_of_the_homepages_feeds(
    site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings, fault: object, concurrency: int
) -> None:
    maps = [f"/map-{number}.xml" for number in range(60)]
    site.routes["/robots.txt"] = text("".join(f"Sitemap: {site.url(path)}\n" for path in maps))
    site.routes |= dict.fromkeys(maps, fault)  # type: ignore[arg-type]
    site.routes["/"] = links_page([], FEED_LINK.format("/feed.xml"))
    path = site.add_article()
    report = crawl_with(HASTY, feeds=None, sitemaps=None, concurrency=concurrency)
    assert captured_paths(archive) == [path]
    asked = site.paths()
    assert asked.index(path) <= 4 + 2 * concurrency, "behind those sitemaps that were asked at once"
    assert len(set(asked) & set(maps)) <= 3 + concurrency
    assert (report.outcome, report.reason) == ("partial", "slow_sitemaps")
    assert report.refused["slow_sitemaps"] + report.failed["timeout"] == 50


def test_what_hung_is_asked_last_by_the_next_run_and_what_it_stood_before_comes_first(
    site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings
) -> None:
    maps = [f"/map-{number}.xml" for number in range(5)]
    in_map = "/world/2026/11/24/named-by-the-last-sitemap-only"
    site.routes["/robots.txt"] = text("".join(f"Sitemap: {site.url(path)}\n" for path in maps))
    site.routes |= dict.fromkeys(maps, hang) | {in_map: Answer(article(in_map))}
    site.routes[maps[-1]] = sitemap([site.url(in_map)])
    for _ in range(2):
        crawl_with(HASTY, sitemaps=None, concurrency=1)
    assert captured_paths(archive) == [in_map]


def test_feeds_that_the_homepage_names_and_that_hang_are_left_after_a_few(
    site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings
) -> None:
    feeds = [f"/feed-{number}.xml" for number in range(30)]
    site.routes |= dict.fromkeys(feeds, hang)
    at_home = "/world/2026/11/24/found-on-the-homepage-only"
    site.routes |= {at_home: Answer(article(at_home))}
    site.routes["/"] = links_page([at_home], "".join(FEED_LINK.format(feed) for feed in feeds))
    report = crawl_with(HASTY, feeds=None, concurrency=1)
    assert captured_paths(archive) == [at_home]
    assert report.refused["slow_feeds"] >= 25


def test_all_feeds_of_the_catalogue_are_asked_though_some_hang(
    site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings
) -> None:
    dead = [f"/dead-{number}.xml" for number in range(5)]
    site.routes |= dict.fromkeys(dead, hang)
    path = site.add_article()
    report = crawl_with(HASTY, feeds=[site.url(feed) for feed in (*dead, "/feed.xml")], concurrency=1)
    assert captured_paths(archive) == [path]
    assert report.failed == {"timeout": len(dead)}
    assert report.refused == {}
    assert all(site.paths().index(path) < last_of(site.paths(), feed) for feed in dead), "what hung is tried again last"


def test_a_host_whose_robots_txt_hangs_does_not_take_the_places_of_others(
    site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article()
    site.routes["/feed.xml"] = replace(site.routes["/feed.xml"], delay_seconds=0.1)  # type: ignore[type-var]
    with LocalSite() as other:
        other.routes["/robots.txt"] = hang
        site.routes["/map.xml"] = sitemap_index([other.url(f"/map-{number}.xml") for number in range(40)])
        hasty = {"DOWNLOAD_TIMEOUT": 4, "SLOW_DOCUMENTS_SECONDS": 8}
        crawl_with(hasty, sitemaps=[site.url("/map.xml")], sections=[other.url("/world")])
    assert captured_paths(archive) == [path]
    [article_asked] = [asked for asked in site.asked if asked.path == path]
    assert article_asked.began - site.asked[0].began < 4, "less than the time limit of one request"


def test_a_slow_site_loses_none_of_its_sitemaps(site: LocalSite, crawl_with: Crawl, archive: ArchiveSettings) -> None:
    maps = [f"/map-{number}.xml" for number in range(20)]
    paths = [f"/world/2026/11/24/named-by-one-sitemap-only-{number}" for number in range(20)]
    site.routes["/robots.txt"] = text("".join(f"Sitemap: {site.url(path)}\n" for path in maps))
    site.routes |= {path: Answer(article(path)) for path in paths}
    for name, path in zip(maps, paths, strict=True):
        site.routes[name] = replace(sitemap([site.url(path)]), delay_seconds=0.05)
    report = crawl_with(HASTY, sitemaps=None)
    assert captured_paths(archive) == sorted(paths)
    assert report.refused == {}


def last_of(paths: list[str], path: str) -> int:
    return max(number for number, asked in enumerate(paths) if asked == path)
