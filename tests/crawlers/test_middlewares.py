"""Politeness and bounds, seen from the site: what is asked, how often, and what a hostile answer costs."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import responses
from pathlib import Path

import brotli
import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import Response

from crawlers.middlewares.hosts import host_key
from crawlers.middlewares.retry import _pause_seconds
from crawlers.middlewares.robots import read_robots
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured_paths
from tests.local_site import Answer, LocalSite, SiteHandler, article, redirect, text

MEGABYTE = 1_000_000


def test_robots_txt_is_asked_first_and_obeyed(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    site.routes["/robots.txt"] = text("User-agent: *\nDisallow: /private/\nAllow: /private/open\n")
    site.add_article("/private/secret-plans-of-the-council")
    site.routes["/to-private"] = redirect("/private/by-redirect")
    site.name("/to-private")
    open_path = site.add_article("/private/open-letter-to-the-council")
    report = crawl()
    assert site.paths()[0] == "/robots.txt"
    assert captured_paths(archive) == [open_path]
    assert [path for path in site.paths() if path.startswith("/private")] == [open_path]
    assert report.refused == {"robots": 2}


@pytest.mark.parametrize(
    ("robots", "is_allowed"),
    [
        pytest.param(Answer(b"no", 404), True, id="404 allows"),
        pytest.param(Answer(b"no", 403), True, id="403 allows"),
        pytest.param(Answer(b"no", 500), False, id="500 disallows"),
        pytest.param(Answer(b"no", 429, headers={"Retry-After": "0"}), False, id="429 disallows"),
        pytest.param(Answer(b"<!doctype html><h1>Welcome</h1>"), True, id="a page in its place says nothing"),
        pytest.param(text("\ufeffUser-agent: worldwire\nDisallow: /"), False, id="a byte order mark is passed over"),
        pytest.param(
            Answer(gzip.compress(b"User-agent: *\nDisallow: /"), headers={"Content-Encoding": "gzip"}),
            False,
            id="packed though not asked for",
        ),
        pytest.param(text("User-agent: other\nDisallow: /"), True, id="rules for others"),
        pytest.param(redirect("/r1"), False, id="five redirects are followed"),
        pytest.param(redirect("/r0"), True, id="six redirects are as good as none"),
        pytest.param(redirect("/robots.txt"), True, id="a loop is as good as none"),
        pytest.param(text("# filler\n" * 60_000 + "User-agent: *\nDisallow: /"), True, id="read as far as 500 KiB"),
        pytest.param(text("User-agent: *\nDisallow: /\n" + "# filler\n" * 2_000_000), False, id="18 MB are cut"),
    ],
)
def test_what_answers_for_robots_txt_mean(site: LocalSite, crawl: Crawl, robots: Answer, is_allowed: bool) -> None:
    site.routes |= {f"/r{number}": redirect(f"/r{number + 1}") for number in range(5)}
    site.routes["/r5"] = text("User-agent: *\nDisallow: /")
    site.routes["/robots.txt"] = robots
    path = site.add_article()
    report = crawl()
    assert (path in site.paths()) is is_allowed
    if not is_allowed:
        assert report.outcome == "failed"
        assert set(report.refused) <= {"robots", "robots_unreachable"}


PRIVATE = b"User-agent: *\nDisallow: /private/"


@pytest.mark.parametrize(
    "path", ["/open/%2e%2e/private/x", "/open/.%2E/private/x", "/open/../private/x", "/%70rivate/x"]
)
def test_a_way_around_is_forbidden_too(path: str) -> None:
    assert not read_robots(PRIVATE).allows(f"https://a.example{path}")


@pytest.mark.parametrize("path", ["/open/x..y", "/open/..%2fx", "/private-view/x", "/open/x?from=/../private/x", "/"])
def test_what_is_no_way_around_is_allowed(path: str) -> None:
    assert read_robots(PRIVATE).allows(f"https://a.example{path}")


@pytest.mark.parametrize("name", ["worldwire/1.0", "WorldWire/0.1 (news)", "worldwire*", "worldwire"])
def test_our_name_with_a_version_is_ours(name: str) -> None:
    robots = read_robots(f"User-agent: *\nDisallow:\n\nUser-agent: {name}\nDisallow: /".encode())
    assert not robots.allows("https://a.example/x")


def test_a_longer_name_is_another_robots() -> None:
    assert read_robots(b"User-agent: worldwirenot/1.0\nDisallow: /").allows("https://a.example/x")


rules = st.sampled_from(
    [
        *("User-agent: *\n", "User-agent: worldwire\n", "Disallow: /\n", "Allow: /*a*b$\n", "Disallow: %zz\n", "\x00"),
        *("Crawl-delay: nan\n", "Crawl-delay: -1\n", "Crawl-delay: 1e999\n", "Request-rate: 0/0\n", "Disallow: /[x\n"),
        *(
            "Visit-time: 9999-9999\n",
            "Sitemap: http://[\n",
            "Disallow: " + "/*" * 500 + "\n",
            "\ufeff",
            "User-agent:\n",
        ),
    ]
)


@given(st.binary(max_size=300) | st.lists(rules, max_size=12).map(lambda parts: "".join(parts).encode()))
def test_whatever_stands_in_a_robots_txt_it_is_a_rule_or_none(body: bytes) -> None:
    robots = read_robots(body)
    assert robots.allows("https://a.example/" + "a" * 1000 + "?b=%zz") in (True, False)
    assert robots.delay_seconds >= 0.0


def test_a_robots_txt_that_cannot_be_reached_gives_its_own_reason(site: LocalSite, crawl: Crawl) -> None:
    site.routes["/robots.txt"] = hang_up
    site.add_article()
    report = crawl()
    assert set(site.paths()) == {"/robots.txt"}
    assert report.failed == {"connection": 1}


@pytest.mark.parametrize(("promise", "catalogue"), [("Crawl-delay: 0.3", 0.0), ("", 0.3), ("Crawl-delay: 0.1", 0.3)])
def test_the_longer_delay_holds_between_any_two_requests(
    site: LocalSite, crawl: Crawl, promise: str, catalogue: float
) -> None:
    site.routes["/robots.txt"] = text(f"User-agent: *\n{promise}\nDisallow: /x")
    first, second = site.add_articles(2)
    site.routes["/old"] = redirect(first)
    site.routes[second] = busy_once(site, second)
    site.name("/old")
    report = crawl(delay_seconds=catalogue, concurrency=8)
    assert report.captured == 2
    assert len(site.asked) >= 6
    assert site.shortest_gap() >= 0.3


def test_a_busy_host_is_given_the_time_it_asks_for(site: LocalSite, crawl: Crawl) -> None:
    first = site.add_article()
    site.routes[first] = busy_once(site, first, "Retry-After: 1\r\n")
    site.add_articles(3)
    assert crawl().captured == 4
    busy = next(number for number, asked in enumerate(site.asked) if asked.path == first)
    rest = [asked.began for asked in site.asked[busy + 1 :]]
    assert rest
    assert sum(began < site.asked[busy].began + 1.0 for began in rest) <= 3  # those that were on their way already


@pytest.mark.parametrize(("status", "rest"), [(503, "3600"), (429, "9" * 40), (429, "Fri, 31 Dec 2099 23:59:59 GMT")])
def test_a_host_that_asks_for_too_long_a_rest_is_left_alone_for_so_long_by_all_crawls(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, status: int, rest: str
) -> None:
    paths = site.add_articles(12)
    site.routes[paths[0]] = Answer(b"busy", status, headers={"Retry-After": rest})
    report = crawl(concurrency=1)
    assert (report.outcome, report.reason, report.captured) == ("partial", "host_busy", 0)
    assert report.refused == {"host_busy": 11}
    assert report.failed == {f"http_{status}": 1}
    site.routes[paths[0]] = Answer(article(paths[0]))
    site.forget()
    assert crawl().refused == {"host_busy": 12}
    assert site.paths() == []
    open_store(archive.uri).delete(host_key(f"{site.host}:{site.port}"))
    assert crawl().captured == 11


def test_every_host_of_a_source_has_a_pace_of_its_own(site: LocalSite, crawl: Crawl) -> None:
    with LocalSite() as other:
        for one in (site, other):
            one.routes["/robots.txt"] = text("User-agent: *\nCrawl-delay: 0.25")
            one.add_articles(5)
        report = crawl(feeds=[site.url("/feed.xml"), other.url("/feed.xml")], delay_seconds=0.0)
        assert report.captured == 10
        assert min(site.shortest_gap(), other.shortest_gap()) >= 0.25
        first, last = ({one.asked[at].began for one in (site, other)} for at in (0, -1))
        assert max(first) < min(last), "neither waited for the end of the other"


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("9" * 400, 1e9, 1e9),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 1e9, 1e10),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 5, 5),
        ("Fri, 99 Foo 99999999999999999999 99:99:99", 5, 5),
        ("-5", 5, 5),
        ("soon", 5, 5),
    ],
)
def test_any_retry_after_is_seconds(value: str, least: float, most: float) -> None:
    response = Response("https://a.example/", headers={"Retry-After": value})
    assert least <= _pause_seconds(response) <= most


def test_no_more_requests_at_once_than_the_catalogue_says(site: LocalSite, crawl: Crawl) -> None:
    live, most, lock = [0], [0], threading.Lock()

    def slow(handler: SiteHandler) -> None:
        with lock:
            live[0] += 1
            most[0] = max(most[0], live[0])
        time.sleep(0.1)
        with lock:
            live[0] -= 1
        send(handler, article(handler.path))

    for path in site.add_articles(8):
        site.routes[path] = slow
    assert crawl(concurrency=2).captured == 8
    assert most[0] == 2


BOMBS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", lambda data: gzip.compress(data, 9, mtime=0)),
    "double gzip": ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data, 9, mtime=0), 9, mtime=0)),
    "deflate": ("deflate", lambda data: zlib.compress(data, 9)),
    "brotli": ("br", lambda data: brotli.compress(data, quality=5)),
    "zstd": ("zstd", lambda data: zstandard.compress(data, 3)),
}


def test_bombs_are_refused_in_bounded_memory(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, peak_memory: list[int]
) -> None:
    data = b"<html>" + b"\0" * (120 * MEGABYTE)
    for number, (encoding, pack) in enumerate(BOMBS.values()):
        packed = Answer(pack(data), headers={"Content-Encoding": encoding})
        site.routes[f"/bomb-{number}"] = packed
        site.name(f"/bomb-{number}")
    packed_map = gzip.compress(b"<urlset>" + b" " * (300 * MEGABYTE), mtime=0)
    site.routes["/map.xml.gz"] = Answer(packed_map, content_type="application/gzip")
    site.routes["/map.xml"] = Answer(packed_map, headers={"Content-Encoding": "gzip"})
    del data
    path = site.add_article()
    report = crawl(sitemaps=[site.url("/map.xml.gz"), site.url("/map.xml")])
    assert captured_paths(archive) == [path]
    assert report.refused == {"too_large": len(BOMBS) + 2}
    assert max(peak_memory) < 400 * 1024 * 1024


def test_large_and_endless_bodies_are_cut_off(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, peak_memory: list[int]
) -> None:
    site.routes["/large"] = lambda handler: stream(handler, 100 * MEGABYTE, {"Content-Length": str(100 * MEGABYTE)})
    site.routes["/endless"] = lambda handler: stream(handler, 10_000 * MEGABYTE, {})
    site.routes["/endless.xml"] = lambda handler: stream(handler, 10_000 * MEGABYTE, {})
    site.routes["/headers"] = lambda handler: many_headers(handler, 10_000_000)
    site.name("/large", "/endless", "/headers")
    path = site.add_article()
    report = crawl(sitemaps=[site.url("/endless.xml")])
    assert captured_paths(archive) == [path]
    assert report.refused == {"too_large": 3}
    assert report.failed == {"bad_response": 1}
    assert max(peak_memory) < 400 * 1024 * 1024


def test_broken_answers_have_names(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    site.routes["/half"] = half
    site.routes["/nonsense"] = lambda handler: handler.wfile.write(b"SMTP ready\r\n\r\n") and None
    site.routes["/hang-up"] = hang_up
    site.routes["/teapot"] = Answer(b"no", 418)
    site.name("/half", "/nonsense", "/hang-up", "/teapot")
    path = site.add_article()
    report = crawl()
    assert captured_paths(archive) == [path]
    assert report.failed == {"incomplete_body": 1, "bad_response": 1, "connection": 1, "http_418": 1}


def test_faults_of_tls_are_named_and_nothing_is_taken_from_such_a_site(crawl: Crawl, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with LocalSite(tls=context) as secret, LocalSite() as plain:
        secret.add_article()
        assert crawl(homepage=secret.url("/"), feeds=[secret.url("/feed.xml")]).failed == {"tls": 1}
        assert secret.paths() == []
        home = f"https://{plain.host}:{plain.port}/"
        assert crawl(homepage=home, feeds=[home]).failed == {"tls": 1}


@pytest.mark.parametrize("port", [22, 6379, 27017])
def test_a_port_of_another_protocol_is_not_asked(site: LocalSite, crawl: Crawl, port: int) -> None:
    assert crawl(feeds=[f"http://{site.host}:{port}/feed.xml"]).refused == {"bad_port": 1}


@pytest.mark.slow
def test_slow_redirects_cost_a_minute_at_most_with_the_rests_they_make_due(site: LocalSite, crawl: Crawl) -> None:
    site.routes |= {f"/hop-{n}": replace(redirect(f"/hop-{n + 1}"), delay_seconds=11) for n in range(5)}
    site.name("/hop-0")
    started = time.monotonic()
    assert crawl().failed == {"timeout": 1}
    assert time.monotonic() - started < 65


@pytest.mark.slow
def test_a_slow_link_costs_a_minute_at_most(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    site.routes["/drip"] = drip
    site.routes["/silent"] = lambda handler: time.sleep(100)
    site.name("/drip", "/silent")
    paths = site.add_articles(3)
    started = time.monotonic()
    report = crawl()
    assert time.monotonic() - started < 100
    assert captured_paths(archive) == sorted(paths)
    assert report.failed == {"timeout": 2}


def self_signed(folder: Path) -> Path:
    """A certificate that nobody vouches for, with its key, as a PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "local site")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "site.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return path


def send(handler: SiteHandler, body: bytes, status: int = 200, more: str = "") -> None:
    head = (
        f"HTTP/1.1 {status} {responses[status]}\r\nContent-Type: text/html\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    handler.wfile.write(head.encode() + body)


def busy_once(site: LocalSite, path: str, more: str = "Retry-After: 0\r\n") -> Callable[[SiteHandler], None]:
    def answer(handler: SiteHandler) -> None:
        is_first = site.paths().count(path) == 1
        send(handler, b"busy" if is_first else article(path), 503 if is_first else 200, more if is_first else "")

    return answer


def hang_up(handler: SiteHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def half(handler: SiteHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<html>half")


def drip(handler: SiteHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b"x")
        time.sleep(0.5)


def stream(handler: SiteHandler, size: int, headers: dict[str, str]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    handler.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{lines}\r\n".encode())
    chunk = b"<p>and so on</p>\n" * 4096
    for _ in range(size // len(chunk)):
        handler.wfile.write(chunk)


def many_headers(handler: SiteHandler, number: int) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
    for _ in range(number // 1000):
        handler.wfile.write(b"X-More: and more\r\n" * 1000)
