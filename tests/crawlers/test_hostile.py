"""Hostile sites: every answer, link and document of `hostile_pages` costs itself, under its own name; nothing more."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from html import escape

import pytest

from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from tests.crawlers import hostile_pages as hostile
from tests.crawlers.conftest import Crawl, captured, captured_paths
from tests.local_site import Answer, LocalSite, links_page, sitemap

MEGABYTES = 1024 * 1024


@pytest.fixture
def canary() -> Iterator[LocalSite]:
    """Whatever arrives here is a leak."""
    with LocalSite("127.0.4.1") as canary:
        for path in ("/robots.txt", "/", "/secret"):
            canary.routes[path] = Answer(b"<html>canary</html>")
        yield canary
        assert canary.paths() == []


def counted(report: RunReport) -> Counter[str]:
    return Counter(
        {f"{kind}/{name}": count for kind in ("refused", "failed") for name, count in getattr(report, kind).items()}
    )


def expected(reasons: Iterable[str]) -> Counter[str]:
    return Counter(reason for reason in reasons if reason)


@pytest.mark.parametrize("kind", ["redirects", "answers"])
def test_every_answer_has_its_name_and_the_healthy_pages_are_all_captured(
    site: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings, peak_memory: list[int], kind: str
) -> None:
    cases = list(getattr(hostile, kind)(site))
    for name, route, _ in cases:
        site.routes[f"/{kind}/{name}"] = route
        site.name(f"/{kind}/{name}")
    healthy = site.add_articles(5)
    report = crawl()
    assert report.outcome == "ok"
    assert counted(report) == expected(reason for _, _, reason in cases)
    pages = captured(archive)
    assert len(pages) == len(healthy) + sum(reason == "" for _, _, reason in cases)
    assert {site.url(path) for path in healthy} <= {page.url for page in pages}
    assert not any(b"canary" in page.body and b"127.0.4.1" not in page.body for page in pages)
    assert not any("Cookie" in asked.headers for asked in site.asked)
    assert max(peak_memory) < 400 * MEGABYTES


@pytest.mark.parametrize("place", ["feed", "sitemap"])
def test_every_address_is_refused_for_its_own_reason(
    site: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings, place: str
) -> None:
    addresses = hostile.addresses(site, canary.port)
    healthy = site.add_article()
    if place == "feed":
        items = "".join(f"<item><title>x</title><link>{escape(address)}</link></item>" for address in addresses)
        site.routes["/feed.xml"] = hostile.xml(hostile.rss(items + f"<item><link>{healthy}</link></item>"))
    else:
        site.routes["/feed.xml"] = hostile.xml(hostile.rss(""))
        site.routes["/map.xml"] = sitemap([*(escape(address) for address in addresses), site.url(healthy)])
    report = crawl(sitemaps=[site.url("/map.xml")] if place == "sitemap" else [])
    assert counted(report) == expected(f"refused/{reason}" for reason in addresses.values())
    assert captured_paths(archive) == [healthy]


def test_every_document_is_read_or_refused_by_name(
    site: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings, peak_memory: list[int]
) -> None:
    cases = list(hostile.documents(site, canary.home))
    site.routes |= {f"/{name}.xml": route for name, route, _ in cases}
    urls = [site.url(f"/{name}.xml") for name, _, _ in cases]
    report = crawl(feeds=[url for url in urls if "/feed-" in url], sitemaps=[url for url in urls if "/sitemap-" in url])
    assert report.outcome == "ok"
    assert counted(report) == expected(reason for _, _, reason in cases)
    assert report.captured == sum(reason == "" for _, _, reason in cases)
    assert not any(b"root:" in page.body for page in captured(archive))
    assert max(peak_memory) < 400 * MEGABYTES


def test_a_calendar_without_end_costs_its_first_pages(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    class Calendar(dict):  # type: ignore[type-arg]
        """Every day links to the days around it, and to a list of its month."""

        def get(self, path: str, default: object = None) -> object:
            return super().get(path) or (calendar_page(path) if path.startswith("/calendar") else default)

    healthy = site.add_article()
    site.routes = Calendar(site.routes)
    asked = []
    for _ in range(3):
        crawl(sections=[site.url("/calendar?day=1")])
        asked.append(sum(path.startswith("/calendar") for path in site.paths()))
    assert healthy in captured_paths(archive)
    assert asked[0] <= 32, "a section's links are followed one step"
    assert asked[2] <= asked[0] + 4, "and what they link to is not"


@pytest.mark.parametrize("trap", ["section", "sitemap", "feed of events to come"])
def test_a_calendar_does_not_use_up_the_run_before_the_news_are_asked_for(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, trap: str
) -> None:
    days = [f"/calendar/2026/{day:04}/events-of-the-day-in-our-town" for day in range(3000)]
    if trap == "section":
        site.routes["/trap"] = links_page(days)
    elif trap == "sitemap":
        site.routes["/trap"] = sitemap([site.url(path) for path in days], day=datetime.now(UTC).date().isoformat())
    else:
        items = (f"<item><link>{path}</link><pubDate>2099-01-01T00:00:00Z</pubDate></item>" for path in days)
        site.routes["/trap"] = hostile.xml(hostile.rss("".join(items)))
    named = {"section": "sections", "sitemap": "sitemaps"}.get(trap)
    for expected_pages in (3, 6):
        site.add_articles(3)
        site.routes["/feed.xml"] = replace(site.routes["/feed.xml"], delay_seconds=1)  # type: ignore[type-var]
        site.forget()
        feeds = [site.url("/feed.xml"), *([] if named else [site.url("/trap")])]
        report = crawl(feeds=feeds, max_pages=5, **({named: [site.url("/trap")]} if named else {}))
        assert report.outcome == "partial"
        assert len(captured_paths(archive)) == expected_pages
        asked = [path for path in site.paths() if path in days]
        assert len(asked) == 2, "and what is left of the run is theirs"


def calendar_page(path: str) -> Answer:
    day = int(path.rpartition("=")[2])
    days = "".join(f'<a href="/calendar?day={number}">Events of day {number}</a>' for number in range(day, day + 30))
    return Answer(f"<html><body><h1>Day {day}</h1>{days}</body></html>".encode(), has_etag=False)


@pytest.mark.parametrize("session", ["?sid={}", "?PHPSESSID={}", ";jsessionid={}", "?utm_id={}&sessionid={}"])
def test_addresses_with_another_session_each_time_are_one_article(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, session: str
) -> None:
    path = site.add_article()
    page = site.routes[path]

    class AnySession(dict):  # type: ignore[type-arg]
        def get(self, asked: str, default: object = None) -> object:
            return page if asked.startswith(path) else super().get(asked, default)

    site.routes = AnySession(site.routes)
    for number in range(3):
        given = session.replace("{}", sha256(bytes([number])).hexdigest()[:32])
        link = f"<item><link>{escape(site.url(path + given))}</link></item>"
        site.routes["/feed.xml"] = hostile.xml(hostile.rss(link))
        crawl()
    assert captured_paths(archive) == [path]
