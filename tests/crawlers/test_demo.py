"""The demo world: real-looking sites whose truth is known, the same for the same seed and start."""

import errno
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import lxml.html
import pytest
from protego import Protego

from crawlers.catalogue import load_catalogue
from crawlers.demo import DemoWorld, serve
from crawlers.demo.editions import plan_pages
from crawlers.demo.sites import SITES
from crawlers.demo.stories import SUBHEAD, load_stories
from crawlers.discovery import find_feeds, find_sitemaps, looks_like_article, read_feed, read_section, read_sitemap

STARTED_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[DemoWorld]:
    with DemoWorld(started_at=STARTED_AT) as world:
        yield world


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), headers=named)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def test_the_texts_are_many_and_share_no_paragraph() -> None:
    stories = [story for site in SITES for story in load_stories(site.id)]
    paragraphs = [text for story in stories for text in story.paragraphs if not text.startswith(SUBHEAD)]
    assert len(stories) >= 40
    assert len({story.id for story in stories}) == len(stories)
    assert len(set(paragraphs)) == len(paragraphs)
    assert all(5 <= len(story.paragraphs) <= 12 for story in stories)
    assert all(25 <= len(paragraph.split()) <= 80 for paragraph in paragraphs)


def test_a_quarter_of_the_pages_or_more_are_copies_of_every_kind(world: DemoWorld) -> None:
    kinds = Counter(page["kind"] for page in world.truth)
    assert kinds.keys() == {"original", "verbatim", "trimmed", "edited", "spun"}
    assert kinds["original"] <= 0.75 * kinds.total()


def test_a_copy_comes_after_its_original_and_a_site_has_a_story_once() -> None:
    for seed in range(20):
        pages = plan_pages(SITES, started_at=STARTED_AT, seed=seed)
        originals = {page.story.id: page for page in pages if page.kind == "original"}
        assert all(
            originals[page.story.id].published_at < page.published_at for page in pages if page.kind != "original"
        )
        assert max(Counter((page.site.id, page.story.id) for page in pages).values()) == 1
        assert len({(page.site.id, page.path) for page in pages}) == len(pages)


def test_every_site_begins_with_a_dozen_pages_of_the_last_two_days(world: DemoWorld) -> None:
    shown = world.truth[: world.shown()]
    assert Counter(page["site"] for page in shown) == dict.fromkeys((site.id for site in SITES), 12)
    times = [datetime.fromisoformat(page["published"]) for page in shown]
    assert min(times) >= STARTED_AT - timedelta(days=2)
    assert max(times) < STARTED_AT
    assert times == sorted(times)


def test_the_same_seed_and_start_make_the_same_world() -> None:
    def described(seed: int, started_at: datetime) -> list[tuple[str, ...]]:
        pages = plan_pages(SITES, started_at=started_at, seed=seed)
        return [(page.site.id, page.path, page.title, page.text, page.published_at.isoformat()) for page in pages]

    assert described(1, STARTED_AT) == described(1, STARTED_AT)
    assert described(1, STARTED_AT) != described(2, STARTED_AT)


def test_every_page_shows_its_whole_text_and_its_title(world: DemoWorld) -> None:
    while world.advance() < len(world.truth):
        pass
    for page in world.truth:
        status, headers, body = fetch(page["url"])
        assert status == 200
        tree = lxml.html.document_fromstring(body, parser=lxml.html.HTMLParser(encoding=headers.get_content_charset()))
        shown = {" ".join("".join(map(str, element.itertext())).split()) for element in tree.iter("p", "div", "h2")}
        assert set(page["text"].splitlines()) <= shown, page["url"]
        assert ["".join(map(str, heading.itertext())) for heading in tree.iter("h1")] == [page["title"]]


def test_a_page_does_not_change_after_it_came_out(world: DemoWorld) -> None:
    urls = [page["url"] for page in world.truth[: world.shown()]]
    before = [fetch(url)[2] for url in urls]
    world.advance()
    assert [fetch(url)[2] for url in urls] == before


def test_what_the_catalogue_names_or_hides_leads_to_every_page(world: DemoWorld, tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(world.catalogue, encoding="utf-8")
    sources = load_catalogue(tmp_path / "sources.toml")
    assert {source.cadence for source in sources} == {"15min"}
    assert [source.id for source in sources if source.agency] == ["meridian-wire"]
    for source in sources:
        home = fetch(source.homepage)[2]
        feeds = source.feeds if source.feeds is not None else find_feeds(home, source.homepage)
        robots = fetch(source.homepage + "robots.txt")[2]
        sitemaps = source.sitemaps if source.sitemaps is not None else find_sitemaps(robots, source.homepage)
        links = {link.url for feed in feeds for link in read_feed(fetch(feed)[2], feed)}
        waiting = list(sitemaps)
        while waiting:
            address = waiting.pop()
            content = read_sitemap(fetch(address)[2], address)
            links |= {link.url for link in content.links}
            waiting += content.sitemaps
        for section in source.sections:
            links |= {link.url for link in read_section(fetch(section)[2], section)}
        articles = {url for url in links if looks_like_article(url, source.homepage)}
        assert articles == {page["url"] for page in world.truth[: world.shown()] if page["site"] == source.id}


def test_feed_links_carry_tracking_parameters(world: DemoWorld) -> None:
    feed = fetch(world.bases[1] + "/feeds/all.rss")[2].decode()
    assert "utm_source=rss" in feed
    assert fetch(world.truth[0]["url"] + "?utm_source=rss")[0] == 200


def test_robots_forbid_the_private_pages_and_one_site_asks_for_a_delay(world: DemoWorld) -> None:
    delays = []
    for base in world.bases:
        rules = Protego.parse(fetch(base + "/robots.txt")[2].decode())
        assert not rules.can_fetch(base + "/private/desk", "worldwire")
        assert rules.can_fetch(base + "/", "worldwire")
        delays.append(rules.crawl_delay("worldwire"))
    assert [delay for delay in delays if delay] == [0.2]


def test_an_unchanged_page_is_answered_304(world: DemoWorld) -> None:
    url = world.truth[0]["url"]
    _, headers, _ = fetch(url)
    status, again, body = fetch(url, If_None_Match=headers["ETag"])
    assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    assert fetch(url, If_Modified_Since=headers["Last-Modified"])[0] == 304
    assert fetch(url, If_None_Match='"another"', If_Modified_Since=headers["Last-Modified"])[0] == 200


def test_a_feed_changes_with_the_next_round_alone(world: DemoWorld) -> None:
    url = world.bases[0] + "/latest.atom"
    etag = fetch(url)[1]["ETag"]
    assert fetch(url, If_None_Match=etag)[0] == 304
    world.advance()
    assert fetch(url, If_None_Match=etag)[0] == 200


def test_gzip_is_sent_to_those_who_take_it(world: DemoWorld) -> None:
    url = world.truth[0]["url"]
    _, headers, packed = fetch(url, Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == fetch(url)[2]


def test_a_round_brings_one_page_a_site_and_what_is_to_come_is_not_there_yet(world: DemoWorld) -> None:
    before = world.shown()
    coming = world.truth[before]
    assert fetch(coming["url"])[0] == 404
    assert world.advance() == before + len(SITES)
    assert fetch(coming["url"])[0] == 200
    assert len({page["site"] for page in world.truth[before : before + len(SITES)]}) == len(SITES)


def test_rounds_come_by_themselves_where_a_clock_runs() -> None:
    now = STARTED_AT
    with DemoWorld(started_at=STARTED_AT, clock=lambda: now) as world:
        first = world.shown()
        now = STARTED_AT + timedelta(minutes=4)
        assert world.shown() == first + len(SITES)
        now = STARTED_AT + timedelta(days=1)
        assert world.shown() == len(world.truth)


def test_no_page_of_a_world_without_a_clock_lies_in_the_future() -> None:
    with DemoWorld(sites=2) as world:
        assert max(page["published"] for page in world.truth) <= datetime.now(UTC).isoformat()


def test_requests_are_counted_by_path_status_and_agent(world: DemoWorld) -> None:
    base, missing = world.bases[0], world.bases[0] + "/missing"
    for url in (base + "/", base + "/", missing):
        fetch(url, User_Agent="reader")
    stats = world.stats()
    assert stats.paths == {base + "/": 2, missing: 1}
    assert stats.statuses == {200: 2, 404: 1}
    assert stats.agents == {"reader": 3}
    assert stats.min_gap_seconds.keys() == {urlsplit(base).netloc}
    world.forget()
    assert world.stats().requests == 0


def test_stats_and_the_next_round_are_there_for_other_processes_too(world: DemoWorld) -> None:
    shown = world.shown()
    answer = json.loads(fetch(world.bases[0] + "/__advance", method="POST")[2])
    assert answer == {"shown": shown + len(SITES), "total": len(world.truth)}
    assert json.loads(fetch(world.bases[0] + "/__stats")[2])["requests"] == 0


def test_front_pages_and_pictures_can_be_looked_at(world: DemoWorld) -> None:
    for base in world.bases:
        home = lxml.html.document_fromstring(fetch(base + "/")[2])
        local = [link for anchor in home.iter("a") if (link := anchor.get("href", "")).startswith("/")]
        assert all(fetch(base + link.partition("#")[0])[0] == 200 for link in local)
        page = next(page["url"] for page in world.truth if page["url"].startswith(base))
        pictures = [image.get("src", "") for image in lxml.html.document_fromstring(fetch(page)[2]).iter("img")]
        assert all(fetch(base + picture)[1]["Content-Type"] == "image/svg+xml" for picture in pictures)


def test_where_only_one_loopback_address_exists_every_site_has_its_own_port(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = serve._SiteServer.server_bind

    def one_address_only(self: serve._SiteServer) -> None:
        if self.server_address[0] != "127.0.0.1":
            raise OSError(errno.EADDRNOTAVAIL, "Can't assign requested address")
        bind(self)

    monkeypatch.setattr(serve._SiteServer, "server_bind", one_address_only)
    with DemoWorld() as world:
        assert {urlsplit(base).hostname for base in world.bases} == {"127.0.0.1"}
        assert len(set(world.bases)) == len(SITES)
        assert world.allow_private == "127.0.0.1/32"
        assert [fetch(base + "/robots.txt")[0] for base in world.bases] == [200] * len(SITES)


def start_cli(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crawlers.demo", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.2.1", 0))
        return int(probe.getsockname()[1])


def until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert any(line == "ready\n" for line in process.stdout)


def test_a_port_in_use_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.2.3", 0))
        taken.listen()
        port = taken.getsockname()[1]
        out, err = (process := start_cli("--port", str(port), "--folder", str(tmp_path))).communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert f"port {port}" in err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    process = start_cli("--port", str(free_port()), "--folder", str(tmp_path), "--sites", "3")
    until_ready(process)
    sources = load_catalogue(tmp_path / "sources.toml")
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert len(sources) == 3
    assert {"url", "story", "kind", "title", "published", "text"} <= truth[0].keys()
    with urllib.request.urlopen(truth[0]["url"], timeout=10) as response:
        assert response.status == 200
    process.send_signal(stop)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_world_started_again_in_its_folder_goes_on_with_the_same_pages(tmp_path: Path) -> None:
    (tmp_path / "started_at").write_text(STARTED_AT.isoformat())
    process = start_cli("--port", str(free_port()), "--folder", str(tmp_path), "--sites", "2")
    until_ready(process)
    process.terminate()
    process.communicate(timeout=30)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    planned = plan_pages(SITES[:2], started_at=STARTED_AT, seed=1)
    assert [page["published"] for page in truth] == [page.published_at.isoformat() for page in planned]


def test_a_site_re_publishes_under_the_agencys_name_and_the_machine_under_its_own(world: DemoWorld) -> None:
    by_kind: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for page in world.truth:
        by_kind[page["kind"]].append(page)
    originals = {page["story"]: page["text"].splitlines() for page in by_kind["original"]}
    for page in by_kind["trimmed"]:
        kept = page["text"].splitlines()
        assert kept == originals[page["story"]][: len(kept)]
        assert len(kept) < len(originals[page["story"]])
    for page in by_kind["edited"]:
        lead, *rest = page["text"].splitlines()
        assert rest == originals[page["story"]][1:]
        assert lead != originals[page["story"]][0]
    for page in by_kind["spun"]:
        assert not set(page["text"].splitlines()) & set(originals[page["story"]])
