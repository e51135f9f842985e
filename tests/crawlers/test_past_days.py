"""Days long past from a source's sitemaps: only those days, politely, each page once."""

from collections.abc import Mapping
from datetime import date

import pytest

from crawlers.frontier import load_frontier
from crawlers.launch import Launch, new_run
from crawlers.launch.nursery import Nursery
from crawlers.spiders.past_days import days_in_address
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured_paths, source_of
from tests.local_site import NETWORK, Answer, LocalSite, article, text

DAYS = (date(2025, 3, 10), date(2025, 3, 11))
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


def map_of(entries: Mapping[str, str]) -> Answer:
    """A sitemap of addresses and what is said of each."""
    urls = "".join(f"<url><loc>{url}</loc>{said}</url>" for url, said in entries.items())
    head = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="{NEWS}">'
    return Answer(f"{head}{urls}</urlset>".encode(), content_type="application/xml")


def published(moment: str) -> str:
    return f"<news:news><news:publication_date>{moment}</news:publication_date><news:title>T</news:title></news:news>"


@pytest.fixture
def backfill(nursery: Nursery, site: LocalSite, archive: ArchiveSettings) -> Crawl:
    def once(**keys: object) -> RunReport:
        run = new_run(
            source := source_of(site, **keys),
            archive,
            started_at=None,
            allow_private=NETWORK,
            dag_run_id=None,
            days=DAYS,
        )
        return Launch(source, run, print, lambda _: None, 120).run_to_end(nursery)

    return once


@pytest.fixture
def old_articles(site: LocalSite) -> list[str]:
    """Paths of the four articles of the two days; the sitemaps hold others too, and robots.txt forbids a fifth."""
    wanted = [f"/world/a-story-of-the-days-{number}" for number in range(3)] + ["/2025/03/11/by-its-address-alone"]
    others = ["/world/the-day-before-it-all", "/world/nobody-says-when-this-was", "/2025/03/12/the-day-after-them"]
    forbidden = "/closed/a-story-of-the-days-9"
    site.routes |= {path: Answer(article(path)) for path in (*wanted, *others, forbidden)}
    site.routes["/robots.txt"] = text(f"User-agent: *\nDisallow: /closed/\nSitemap: {site.url('/index.xml')}\n")
    children = {"/maps/2025-03.xml": "", "/maps/2025-02.xml": "", "/maps/old.xml": "<lastmod>2025-03-09</lastmod>"}
    entries = "".join(f"<sitemap><loc>{site.url(path)}</loc>{said}</sitemap>" for path, said in children.items())
    index = f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'
    site.routes["/index.xml"] = Answer(index.encode(), content_type="application/xml")
    said = {
        wanted[0]: published("2025-03-10T00:00:00Z"),
        wanted[1]: published("2025-03-11T23:59:59Z"),
        wanted[2]: "<lastmod>2025-03-10</lastmod>",
        wanted[3]: "<lastmod>2025-06-01</lastmod>",
        others[0]: published("2025-03-09T23:59:59Z"),
        others[1]: "",
        others[2]: "<lastmod>2025-03-11</lastmod>",
        forbidden: published("2025-03-10T08:00:00Z"),
    }
    site.routes["/maps/2025-03.xml"] = map_of({site.url(path): words for path, words in said.items()})
    return wanted


def test_only_articles_of_the_days_are_fetched_and_each_once(
    site: LocalSite, backfill: Crawl, archive: ArchiveSettings, old_articles: list[str]
) -> None:
    report = backfill(sitemaps=None)
    assert captured_paths(archive) == sorted(old_articles)
    assert (report.outcome, report.captured, report.refused) == ("ok", 4, {"robots": 1})
    asked = set(site.paths())
    assert {"/index.xml", "/maps/2025-03.xml"} <= asked
    assert asked.isdisjoint({"/feed.xml", "/", "/maps/2025-02.xml", "/maps/old.xml"})
    site.forget()
    assert backfill(sitemaps=None).captured == 0
    assert set(site.paths()).isdisjoint(old_articles)


def test_what_one_run_may_not_fetch_the_next_one_does(
    backfill: Crawl, archive: ArchiveSettings, old_articles: list[str]
) -> None:
    first = backfill(sitemaps=None, max_pages=3)
    assert first.outcome == "partial"
    assert len(captured_paths(archive)) < 4
    while backfill(sitemaps=None, max_pages=3).captured:
        pass
    assert captured_paths(archive) == sorted(old_articles)


def test_a_source_without_sitemaps_has_no_past_days(site: LocalSite, backfill: Crawl) -> None:
    report = backfill(sitemaps=None)
    assert (report.outcome, report.reason, report.captured) == ("ok", "no_sitemap", 0)
    assert "/feed.xml" not in site.paths()


def test_an_ordinary_crawl_learns_nothing_of_old_sitemaps(
    site: LocalSite, backfill: Crawl, crawl: Crawl, archive: ArchiveSettings, old_articles: list[str]
) -> None:
    crawl(sitemaps=[])
    before = load_frontier(open_store(archive.uri), "local").history
    backfill(sitemaps=[site.url("/index.xml")])
    assert load_frontier(open_store(archive.uri), "local").history == before
    site.forget()
    crawl(sitemaps=[])
    assert set(site.paths()).isdisjoint({"/index.xml", "/maps/2025-03.xml", *old_articles})


@pytest.mark.parametrize(
    ("url", "days"),
    [
        ("https://x.example/2025/03/11/a", (date(2025, 3, 11), date(2025, 3, 11))),
        ("https://x.example/sitemap-2025-02.xml", (date(2025, 2, 1), date(2025, 2, 28))),
        ("https://x.example/map_202512.xml.gz", (date(2025, 12, 1), date(2025, 12, 31))),
        ("https://x.example/20250231/a", None),
        ("https://x.example/article-120250311", None),
        ("https://x.example/sitemap-7.xml", None),
        ("https://x.example/sitemap-2025.xml", None),
    ],
)
def test_the_days_that_an_address_names(url: str, days: tuple[date, date] | None) -> None:
    assert days_in_address(url) == days
