"""Scheduled crawls ask what is due, crawls by hand all; both learn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawlers.catalogue import Source
from crawlers.discovery import Link
from crawlers.frontier import Frontier, Role, load_frontier, save_frontier
from crawlers.frontier.saved import frontier_from_bytes, frontier_to_bytes
from crawlers.revisit import Answer, SourceHistory, learn
from crawlers.settings import CrawlRun
from crawlers.spiders.visits import IndexDocument, IndexVisits
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured_paths
from tests.local_site import Answer as Page
from tests.local_site import LocalSite, article, links_page, sitemap, sitemap_index, text

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def history_of(archive: ArchiveSettings) -> SourceHistory:
    return load_frontier(open_store(archive.uri), "local").history


def later(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


def test_a_scheduled_crawl_right_after_another_asks_nothing_and_one_by_hand_asks_all(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    site.add_articles(3)
    crawl(scheduled=True)
    learned = history_of(archive)
    assert [document.url for document in learned.documents] == [site.url("/feed.xml")]
    site.forget()
    report = crawl(scheduled=True)
    assert site.paths() == []
    assert (report.outcome, report.reason, report.asked) == ("ok", "nothing_due", 0)
    assert history_of(archive) == learned
    crawl()
    assert site.paths() == ["/robots.txt", "/feed.xml"]
    feed = history_of(archive).document(site.url("/feed.xml"))
    assert feed is not None
    assert (feed.answers, feed.length) == (2, 3)


def test_what_is_due_is_asked_and_what_is_new_is_fetched(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    paths = site.add_articles(3)
    crawl(scheduled=True)
    new = site.add_article()
    site.forget()
    report = crawl(scheduled=True, started_at=later(25))
    # After a day the corrections are due as well.
    assert site.paths()[:2] == ["/robots.txt", "/feed.xml"]
    assert sorted(site.paths()[2:]) == sorted([*paths, new])
    assert report.captured == 1
    feed = history_of(archive).document(site.url("/feed.xml"))
    assert feed is not None
    assert (feed.answers, feed.length) == (2, 4)


def test_a_look_for_corrections_is_no_reason_for_a_run_but_a_page_that_is_left_is(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    first, second = site.add_articles(2)
    crawl(scheduled=True, max_pages=1)
    site.forget()
    assert crawl(scheduled=True).captured == 1
    assert site.paths() == ["/robots.txt", second]
    site.forget()
    store = open_store(archive.uri)
    frontier = load_frontier(store, "local")
    fetched_before = datetime.now(UTC) - timedelta(hours=7)
    seen = [frontier.visit(site.url(path)) for path in (first, second)]
    for visit in seen:
        assert visit is not None
        frontier.record_answer(visit.url, fetched_before, status=200, etag=visit.etag)
    store.delete("state/local/frontier.parquet")
    save_frontier(store, "local", frontier, datetime.now(UTC))
    assert crawl(scheduled=True).reason == "nothing_due"
    assert site.paths() == []


def test_an_article_that_is_still_missing_does_not_make_its_site_a_failure(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article()
    site.routes[path] = Page(b"not yet", 404)
    crawl(scheduled=True)
    site.forget()
    report = crawl(scheduled=True, started_at=later(0.3), cadence="daily")
    assert site.paths() == ["/robots.txt", path]
    assert (report.outcome, report.failed) == ("ok", {"http_404": 1})


def test_a_source_that_failed_rests_and_is_still_a_failure(site: LocalSite, crawl: Crawl) -> None:
    site.routes["/feed.xml"] = Page(b"broken", 410)
    assert crawl(scheduled=True).reason == "http_410"
    site.forget()
    report = crawl(scheduled=True, cadence="15min")
    assert (report.outcome, report.reason, report.asked) == ("failed", "resting", 0)
    assert site.paths() == []
    assert crawl(scheduled=True, started_at=later(0.25), cadence="15min").reason == "http_410"


def test_the_sitemaps_of_an_index_are_asked_by_what_each_gives(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    old, new, more = (f"/world/2026/11/{day}/the-story-of-the-day" for day in (21, 22, 23))
    site.routes |= {path: Page(article(path)) for path in (old, new, more)}
    site.routes["/index.xml"] = sitemap_index([site.url("/1.xml"), site.url("/2.xml")])
    site.routes |= {"/1.xml": sitemap([site.url(old)]), "/2.xml": sitemap([site.url(new)])}
    keys = {"feeds": [], "sitemaps": [site.url("/index.xml")]}
    crawl(scheduled=True, **keys)
    assert {document.url for document in history_of(archive).documents} == {
        site.url(path) for path in ("/index.xml", "/1.xml", "/2.xml")
    }
    site.forget()
    assert crawl(scheduled=True, **keys).reason == "nothing_due"
    site.routes["/index.xml"] = sitemap_index([site.url(f"/{number}.xml") for number in (1, 2, 3)])
    site.routes["/3.xml"] = sitemap([site.url(more)])
    crawl(scheduled=True, started_at=later(25), **keys)
    assert captured_paths(archive) == sorted([old, new, more])
    assert sorted(path for path in site.paths() if path.endswith(".xml")) == [
        "/1.xml",
        "/2.xml",
        "/3.xml",
        "/index.xml",
    ]


def test_what_only_homepage_and_robots_txt_name_is_scheduled_too(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    in_feed, in_map = site.add_article(), "/world/2026/11/23/found-in-the-sitemap-only"
    site.routes[in_map] = Page(article(in_map))
    site.routes["/robots.txt"] = text(f"User-agent: *\nSitemap: {site.url('/map.xml')}\n")
    site.routes["/map.xml"] = sitemap([site.url(in_map)])
    site.routes["/"] = links_page([], '<link rel="alternate" type="application/rss+xml" href="/feed.xml">')
    crawl(scheduled=True, feeds=None, sitemaps=None)
    assert captured_paths(archive) == sorted([in_feed, in_map])
    site.forget()
    assert crawl(scheduled=True, feeds=None, sitemaps=None).reason == "nothing_due"
    crawl(scheduled=True, started_at=later(25), feeds=None, sitemaps=None)
    assert {"/robots.txt", "/", "/feed.xml", "/map.xml"} <= set(site.paths())


def test_a_feed_that_the_catalogue_names_no_more_is_no_reason_for_a_run(site: LocalSite, crawl: Crawl) -> None:
    site.routes["/old.xml"] = site.routes["/feed.xml"]
    crawl(scheduled=True, feeds=[site.url("/old.xml")])
    crawl(scheduled=True)
    site.forget()
    assert crawl(scheduled=True, started_at=later(0.9)).asked == 2
    assert site.paths() == ["/robots.txt", "/feed.xml"]


def visits_of(frontier: Frontier, *, scheduled: bool = True) -> IndexVisits:
    source = Source(
        id="a",
        name="A",
        homepage="https://a.example/",
        feeds=("https://a.example/feed",),
        sitemaps=("https://a.example/i",),
    )
    run = CrawlRun(
        source=source.facts(),
        archive=ArchiveSettings(uri="archive", spool=Path("spool")),
        run_id="run",
        started_at=NOW,
        user_agent="worldwire",
        scheduled=scheduled,
    )
    return IndexVisits(source, run, frontier)


def index_frontier() -> Frontier:
    """An index of two sitemaps and a feed, all asked at noon."""
    frontier = Frontier()
    frontier.record_index("https://a.example/feed", NOW, role=Role.FEED, status=200)
    frontier.record_index("https://a.example/i", NOW, role=Role.SITEMAP, status=200)
    for number in (1, 2):
        frontier.record_index(
            f"https://a.example/{number}", NOW, role=Role.SITEMAP, status=200, found_in="https://a.example/i"
        )
    urls = ("feed", "i", "1", "2")
    answers = [Answer(url=f"https://a.example/{url}", links=()) for url in urls]
    frontier.history = learn(SourceHistory(), answers, NOW, lambda url: None)
    return frontier


def test_known_sitemaps_are_asked_when_due_and_unknown_ones_always() -> None:
    visits = visits_of(index_frontier())
    assert visits.is_idle
    assert not visits.may_ask("https://a.example/1")
    assert visits.may_ask("https://a.example/3")
    assert visits_of(index_frontier(), scheduled=False).may_ask("https://a.example/1")


def test_feeds_come_first_and_children_keep_their_depth() -> None:
    frontier = index_frontier()
    frontier.history = SourceHistory()
    due = visits_of(frontier).due()
    assert [document.url.rpartition("/")[2] for document in due] == ["feed", "i", "1", "2"]
    assert [(document.depth, document.is_named) for document in due] == [(1, True), (1, True), (2, True), (2, True)]


@pytest.mark.parametrize("scheduled", [True, False])
def test_an_index_is_credited_with_the_sitemaps_it_made_known(*, scheduled: bool) -> None:
    frontier = index_frontier()
    visits = visits_of(frontier, scheduled=scheduled)
    index = IndexDocument(url="https://a.example/i", role=Role.SITEMAP, is_named=True)
    visits.note_links(index, [])
    visits.note_links(index.child("https://a.example/1", Role.SITEMAP), [Link(url="https://a.example/x", found_in="1")])
    visits.note_links(index.child("https://a.example/3", Role.SITEMAP), [Link(url="https://a.example/y", found_in="3")])
    documents = {document.url: document.length for document in visits.learned().documents}
    assert documents["https://a.example/i"] == 1
    assert (documents["https://a.example/1"], documents["https://a.example/3"]) == (1, 1)


def test_two_crawls_that_learned_at_once_are_merged() -> None:
    one, two = index_frontier(), index_frontier()
    one.history = learn(
        one.history, [Answer(url="https://a.example/1", links=())], NOW + timedelta(hours=1), lambda url: None
    )
    two.history = learn(
        two.history, [Answer(url="https://a.example/2", links=())], NOW + timedelta(hours=2), lambda url: None
    )
    merged = frontier_from_bytes(frontier_to_bytes(one.merge(two), NOW), "x").history
    answers = {document.url.rpartition("/")[2]: document.answers for document in merged.documents}
    assert answers == {"feed": 1, "i": 1, "1": 2, "2": 2}
    assert merged.updated_at == NOW + timedelta(hours=2)


def test_a_frontier_of_before_has_no_history() -> None:
    body = frontier_to_bytes(Frontier(), NOW)
    assert frontier_from_bytes(body, "x").history == SourceHistory()
