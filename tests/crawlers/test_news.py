"""Whole crawls against a site on loopback: what is found, fetched, kept, and not asked again."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from crawlers.frontier import Frontier, Role, Visit, load_frontier, save_frontier
from crawlers.frontier.visits import Visits
from crawlers.middlewares.opt_out import PATH
from crawlers.settings import user_agent
from crawlers.spiders.budget import MAX_FOUND_FEEDS, MAX_SITEMAPS
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured, captured_paths
from tests.local_site import (
    Answer,
    LocalSite,
    SiteHandler,
    article,
    links_page,
    redirect,
    sitemap,
    sitemap_index,
    text,
)


def test_every_article_that_feed_sitemap_and_section_name_is_captured_once(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    paths = site.add_articles(3)
    more = [f"/world/2026/11/23/a-story-of-many-words-{number}" for number in range(3)]
    site.routes |= {path: Answer(article(path)) for path in more}
    site.routes["/map.xml"] = sitemap([site.url(path) for path in [paths[0], *more[:2]]])
    site.routes["/world"] = links_page(
        [paths[1] + "#comments", more[2], "/tag/council", "https://elsewhere.example/a-b-c-d-e"]
    )
    report = crawl(sitemaps=[site.url("/map.xml")], sections=[site.url("/world")])
    assert captured_paths(archive) == sorted([*paths, *more])
    assert sorted(site.paths()) == sorted(["/robots.txt", PATH, "/feed.xml", "/map.xml", "/world", *paths, *more])
    assert (report.outcome, report.captured, report.asked, report.discovered) == ("ok", 6, 11, 6)
    assert report.failed == {}
    named_by_feed_alone = paths[2]  # of the others the sitemap or the section may tell first, and tells no title
    page = next(page for page in captured(archive) if page.url == site.url(named_by_feed_alone))
    assert page.status == 200
    assert page.body == article(named_by_feed_alone)
    assert page.discovered["title"].startswith("Title of")
    assert page.discovered["published_at"] == "2026-11-24T07:58:00+00:00"
    assert page.source.name == "Local"
    assert page.ip_address == site.host
    assert {asked.headers["User-Agent"] for asked in site.asked} == {user_agent({})}


def test_a_second_crawl_asks_what_names_articles_and_gets_304s(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    paths = site.add_articles(3)
    crawl()
    site.forget()
    report = crawl()
    assert [(asked.path, asked.status) for asked in site.asked] == [("/robots.txt", 404), ("/feed.xml", 304)]
    assert (report.outcome, report.captured, report.asked) == ("ok", 0, 2)
    site.forget()
    new = site.add_article()
    report = crawl()
    assert site.paths() == ["/robots.txt", "/feed.xml", new]
    assert captured_paths(archive) == sorted([*paths, new])


def test_what_the_catalogue_leaves_out_is_found_on_the_homepage_and_in_robots_txt(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    in_feed = site.add_article()
    in_map, at_home = "/world/2026/11/23/found-in-the-sitemap-only", "/world/2026/11/23/found-on-the-homepage-only"
    site.routes |= {path: Answer(article(path)) for path in (in_map, at_home)}
    site.routes["/robots.txt"] = text(f"User-agent: *\nDisallow: /no/\nSitemap: {site.url('/map.xml')}\n")
    site.routes["/map.xml"] = sitemap([site.url(in_map)])
    site.routes["/"] = links_page([at_home], '<link rel="alternate" type="application/rss+xml" href="/feed.xml">')
    crawl(feeds=None, sitemaps=None)
    assert captured_paths(archive) == sorted([in_feed, in_map, at_home])
    site.forget()
    new = site.add_article()
    crawl(feeds=None, sitemaps=None)
    # the homepage's 304 hides no feed
    assert sorted(site.paths()) == sorted(["/robots.txt", "/", "/map.xml", "/feed.xml", new])


def test_packed_sitemaps_and_indexes_are_followed_three_deep(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = "/world/2026/11/23/deep-in-the-third-sitemap"
    site.routes[path] = Answer(article(path))
    site.routes["/1.xml"] = sitemap_index([site.url("/2.xml"), site.url("/1.xml")])
    site.routes["/2.xml"] = sitemap_index([site.url("/3.xml.gz"), site.url("/3.xml")])
    site.routes["/3.xml.gz"] = sitemap([site.url(path)], packed=True)
    site.routes["/3.xml"] = sitemap_index([site.url("/4.xml")])
    report = crawl(feeds=[], sitemaps=[site.url("/1.xml")])
    assert captured_paths(archive) == [path]
    assert "/4.xml" not in site.paths()
    assert report.refused == {"sitemap_depth": 1}


def test_an_index_that_extends_itself_ends(site: LocalSite, crawl: Crawl) -> None:
    for number in range(200):
        site.routes[f"/map-{number}.xml"] = sitemap_index(
            [site.url(f"/map-{number * 9 + n}.xml") for n in range(1, 10)]
        )
    report = crawl(feeds=[], sitemaps=[site.url("/map-0.xml")])
    assert len(site.paths()) <= MAX_SITEMAPS + 1
    assert report.refused["sitemap_budget"] > 0


def test_a_homepage_that_names_feeds_without_end_costs_some_of_them(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article()
    feeds = ["/feed.xml", *(f"/feed-{number}.xml" for number in range(3000))]
    head = "".join(f'<link rel="alternate" type="application/rss+xml" href="{feed}">' for feed in feeds)
    site.routes["/"] = links_page([], head)
    report = crawl(feeds=None)
    assert captured_paths(archive) == [path]
    assert report.refused == {"feed_budget": len(feeds) - MAX_FOUND_FEEDS}


def test_an_article_under_two_addresses_is_fetched_once(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article()
    site.routes["/old"] = redirect(path + "?utm_source=old", 301)
    site.routes["/older"] = redirect("/old", 308)
    site.name("/old", "/older")
    crawl()
    assert captured_paths(archive) == [path]
    assert site.paths().count(path) == 1
    site.forget()
    site.add_article()
    crawl()
    assert "/old" not in site.paths()
    assert "/older" not in site.paths()


def test_a_page_is_kept_under_the_address_that_answered(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = "/world/2026/11/23/the-story-has-moved-here"
    site.routes[path] = Answer(article(path))
    site.routes["/go/4711"] = redirect(path)
    site.name("/go/4711")
    crawl()
    assert [page.url for page in captured(archive)] == [site.url(path)]


LISTS = ("search?q=gone", "world", "tag/gone-with-the-news")


def test_redirects_to_nowhere_are_named(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    site.routes |= {f"/chain-{number}": redirect(f"/chain-{number + 1}") for number in range(20)}
    site.routes |= {"/loop-a": redirect("/loop-b"), "/loop-b": redirect("/loop-a"), "/empty": redirect("")}
    site.routes |= {"/gone": redirect("/"), "/file": redirect("file:///etc/passwd"), "/": Answer(b"<html>home</html>")}
    to_lists = {f"/world/2026/11/23/gone-with-the-news-{number}": f"/{to}" for number, to in enumerate(LISTS)}
    site.routes |= {path: redirect(to) for path, to in to_lists.items()}
    site.routes |= {to: Answer(article(to)) for to in to_lists.values()}
    site.name("/chain-0", "/loop-a", "/empty", "/gone", "/file", *to_lists)
    path = site.add_article()
    report = crawl()
    assert captured_paths(archive) == [path]
    assert report.failed == {"bad_redirect": 2 + len(LISTS), "redirect_loop": 1, "too_many_redirects": 1}
    assert report.refused == {"scheme": 1}


def test_links_to_other_sites_are_not_followed_unless_the_catalogue_names_them(
    nursery: object, site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    with LocalSite() as other:
        named, elsewhere = other.add_articles(2)
        site.name(other.url(named))
        site.routes["/away"] = redirect(other.url(elsewhere))
        site.name("/away")
        assert crawl().refused == {"foreign_site": 2}
        assert other.paths() == []
        site.forget()
        site.add_article()
        crawl(sections=[other.url("/")])
        assert named in other.paths()


def test_a_fresh_article_is_looked_at_again_and_a_change_is_captured(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    same, changed = site.add_articles(2)
    crawl()
    make_due(archive)
    site.routes[changed] = Answer(article(changed, "The council has corrected itself."))
    site.forget()
    report = crawl()
    assert sorted(site.paths()) == sorted(["/robots.txt", "/feed.xml", same, changed])
    assert (report.captured, report.unchanged) == (1, 1)
    assert captured_paths(archive) == sorted([same, changed, changed])


def test_a_server_without_validators_costs_a_request_but_no_second_capture(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    path = site.add_article()
    site.routes[path] = Answer(article(path), has_etag=False)
    crawl()
    make_due(archive)
    report = crawl()
    assert (report.captured, report.unchanged) == (0, 1)
    assert captured_paths(archive) == [path]


def test_what_the_page_budget_leaves_is_fetched_by_the_next_crawl_though_the_feed_has_not_changed(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    paths = site.add_articles(5)
    report = crawl(max_pages=2)
    assert (report.outcome, report.reason, report.captured) == ("partial", "page_budget", 2)
    assert captured_paths(archive) == sorted(paths[:2])  # the latest first
    crawl(max_pages=2)
    report = crawl(max_pages=2)
    assert (report.outcome, report.captured) == ("ok", 1)
    assert captured_paths(archive) == sorted(paths)


def test_a_feed_that_answers_304_to_a_stranger_has_failed(site: LocalSite, crawl: Crawl) -> None:
    site.routes["/feed.xml"] = Answer(b"", 304)
    report = crawl()
    assert (report.outcome, report.reason) == ("failed", "http_304")


def test_a_feed_that_says_304_whatever_has_changed_is_asked_for_as_a_whole_now_and_then(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    site.add_article()
    crawl()
    new = site.add_article()
    changed = site.routes["/feed.xml"]

    def insist(handler: SiteHandler) -> None:
        if "If-None-Match" in handler.headers:
            handler.send_response(304)
            handler.end_headers()
        else:
            site.routes["/feed.xml"] = changed
            handler.do_GET()

    site.routes["/feed.xml"] = insist
    crawl()
    assert new not in captured_paths(archive), "nothing shows that it has changed"
    store, now = open_store(archive.uri), datetime.now(UTC)
    frontier = load_frontier(store, "local")
    while frontier.visit(site.url("/feed.xml")).visits < 24:  # type: ignore[union-attr]
        frontier.record_index(site.url("/feed.xml"), now, role=Role.FEED, status=304)
    save_frontier(store, "local", frontier, now)
    crawl()
    assert new in captured_paths(archive)


def test_a_packed_index_of_sitemaps_is_followed(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    path = "/world/2026/11/23/named-in-a-packed-index"
    packed = gzip.compress(sitemap_index([site.url("/map.xml")]).body, mtime=0)
    site.routes |= {path: Answer(article(path)), "/map.xml": sitemap([site.url(path)]), "/index.xml.gz": Answer(packed)}
    crawl(feeds=[], sitemaps=[site.url("/index.xml.gz")])
    assert captured_paths(archive) == [path]


def test_a_feed_that_is_cut_gives_what_is_there_and_is_read_again(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    paths = site.add_articles(5)
    whole = site.routes["/feed.xml"]
    assert isinstance(whole, Answer)
    noise = "".join(sha256(bytes([number])).hexdigest() for number in range(200))
    packed = gzip.compress(whole.body.replace(b"</channel>", f"<x>{noise}</x></channel>".encode()), mtime=0)
    site.routes["/feed.xml"] = replace(whole, body=packed[:-500], headers={"Content-Encoding": "gzip"})
    crawl()
    assert set(captured_paths(archive)) <= set(paths)
    assert captured_paths(archive)
    site.forget()
    crawl()
    assert ("/feed.xml", 200) in [(asked.path, asked.status) for asked in site.asked]


def test_a_page_that_failed_is_tried_again_later(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    path = site.add_article()
    site.routes[path] = Answer(b"gone", 404)
    assert crawl().failed == {"http_404": 1}
    site.routes[path] = Answer(article(path))
    assert crawl().captured == 0  # not at once
    make_due(archive)
    assert crawl().captured == 1


def test_what_is_no_page_is_refused_by_name(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    site.routes |= {
        "/a": Answer(b"%PDF-1.7", content_type="application/pdf"),
        "/b": Answer(b"\x89PNG....", content_type=""),
        "/c": Answer(b"   "),
        "/d": Answer(b"<!doctype html><p>said to be plain</p>", content_type="text/plain"),
        "/e": Answer(b"<p>nonsense</p>", headers={"Content-Encoding": "gzip, gzip, gzip, gzip"}),
    }
    site.name("/a", "/b", "/c", "/d", "/e")
    report = crawl()
    assert captured_paths(archive) == ["/d"]
    assert report.failed == {"not_html": 2, "empty_body": 1, "bad_encoding": 1}


def test_a_fault_of_ours_in_reading_a_feed_is_counted(site: LocalSite, crawl_with: Crawl) -> None:
    site.add_article()
    fault = "from crawlers.spiders import news\nnews.read_feed = lambda *_: 1 // 0\n"
    assert crawl_with({}, prelude=fault).failed == {"error": 1}


def test_a_source_that_does_not_answer_is_a_report(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    report = crawl(homepage="http://127.0.3.254:9/", feeds=["http://127.0.3.254:9/feed"])
    assert (report.outcome, report.reason) == ("failed", "connection")


def make_due(archive: ArchiveSettings) -> None:
    """Time goes by: every article of the frontier is due."""
    store, now = open_store(archive.uri), datetime.now(UTC)
    frontier = load_frontier(store, "local")
    past = [aged(visit, now) for role in (Role.ARTICLE, Role.FEED) for visit in frontier.indexes(role)]
    store.delete("state/local/frontier.parquet")
    save_frontier(store, "local", Frontier(Visits.of(past)), now)


def aged(visit: Visit, now: datetime) -> Visit:
    return replace(visit, next_visit_at=now - timedelta(minutes=1))
