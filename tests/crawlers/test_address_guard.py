"""No request to an address that is not public, whatever leads there."""

# ruff: noqa: N802 - Twisted's names

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.address_guard.addresses import is_allowed, is_forbidden_literal, read_networks
from crawlers.address_guard.resolver import GuardedResolver
from pipelines.errors import ConfigurationError
from pipelines.settings import ArchiveSettings
from pipelines.urls import is_public_host
from tests.crawlers.conftest import Crawl, captured_paths
from tests.local_site import Answer, LocalSite, feed, links_page, redirect, sitemap_index, text

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "nonsense",
]
PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "1.1.1.1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)


def test_allowed_networks_open_themselves_and_nothing_else() -> None:
    allowed = read_networks(" 127.0.1.0/24, fd00::/8 ,")
    assert is_allowed("127.0.1.7", allowed)
    assert is_allowed("::ffff:127.0.1.7", allowed)
    assert is_allowed("fd00::1", allowed)
    assert not is_allowed("127.0.2.7", allowed)
    with pytest.raises(ConfigurationError, match=r"WORLDWIRE_ALLOW_PRIVATE has '127.0.1.0/99'"):
        read_networks("127.0.1.0/99")


@given(st.integers(0, 2**32 - 1))
def test_a_mapped_address_is_judged_as_the_address_within(number: int) -> None:
    plain = str(ip_address(number))
    assert is_allowed(f"::ffff:{plain}") == is_allowed(plain)


LITERALS = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "[::1]",
    "::1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "169.254.169.254",
    "0",
    "10.1",
]


@pytest.mark.parametrize("host", [*LITERALS, "%31%32%37.0.0.1", "127.0.0.1%00", "0%25eth0"])
def test_a_host_that_is_a_number_is_understood_in_any_notation(host: str) -> None:
    assert is_forbidden_literal(host)
    assert not is_public_host(host), "and no reader's browser is led there"


@pytest.mark.parametrize(
    "host", ["example.com", "8.8.8.8", "134744072", "localhost.example.com", "", "a..b", "127.1.2.3.4"]
)
def test_other_hosts_are_left_to_the_check_of_the_connection(host: str) -> None:
    assert not is_forbidden_literal(host)


class Receiver:
    """Takes what a resolver gives out."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.is_complete = False

    def resolutionBegan(self, resolution: object) -> None:
        pass

    def addressResolved(self, address: Any) -> None:
        self.addresses.append(address.host)

    def resolutionComplete(self) -> None:
        self.is_complete = True


class Reactor:
    """As much of a reactor as a resolver needs: its threads run at once."""

    def getThreadPool(self) -> "Reactor":
        return self

    def callInThreadWithCallback(self, on_result: Any, function: Any, *args: Any, **keys: Any) -> None:
        from twisted.python.failure import Failure

        try:
            result = function(*args, **keys)
        except OSError:
            on_result(False, Failure())
        else:
            on_result(True, result)

    def callFromThread(self, function: Any, *args: Any) -> None:
        function(*args)


def test_a_name_that_changes_its_address_after_the_check_is_still_connected_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["93.184.216.34", "10.0.0.1"], ["127.0.0.1"]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (a, 0)) for a in next(answers)])
    resolver = GuardedResolver(Reactor(), ())
    for _ in range(3):
        receiver = Receiver()
        resolver.resolveHostName(receiver, "rebind.example", 80)
        assert (receiver.addresses, receiver.is_complete) == (["93.184.216.34"], True)


def test_a_name_that_resolves_to_private_addresses_resolves_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("192.168.0.1", 0))])
    resolver, receiver = GuardedResolver(Reactor(), ()), Receiver()
    resolver.resolveHostName(receiver, "intranet.example", 80)
    assert (receiver.addresses, receiver.is_complete) == ([], True)
    assert resolver.refused == {"intranet.example": "192.168.0.1"}


@pytest.fixture
def canary() -> Iterator[LocalSite]:
    """A site on an address that is not allowed: whatever arrives there is a leak."""
    with LocalSite("127.0.4.1") as canary:
        for path in ("/robots.txt", "/", "/secret", "/feed.xml"):
            canary.routes[path] = Answer(b"<html>canary</html>")
        yield canary
        assert canary.paths() == []


def hosts_of(canary: LocalSite) -> list[str]:
    """The canary's address in many spellings."""
    return [
        "127.0.4.1",
        "2130707457",
        "0x7f000401",
        "0177.0.4.1",
        "127.0.1025",
        "[::ffff:127.0.4.1]",
        "[::ffff:7f00:401]",
    ]


def test_nothing_leads_to_a_private_address(
    site: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    urls = [f"http://{host}:{canary.port}/secret" for host in hosts_of(canary)]
    urls += ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", f"http://localhost:{canary.port}/secret"]
    for number, url in enumerate(urls):
        site.routes[f"/away-{number}"] = redirect(url)
        site.name(f"/away-{number}", url)
    site.routes["/map.xml"] = sitemap_index(urls)
    site.routes["/world"] = links_page(urls)
    site.routes["/feed-away.xml"] = redirect(canary.url("/feed.xml"))
    path = site.add_article()
    report = crawl(
        feeds=[site.url("/feed.xml"), site.url("/feed-away.xml"), canary.url("/feed.xml")],
        sitemaps=[site.url("/map.xml")],
        sections=[site.url("/world")],
    )
    assert captured_paths(archive) == [path]
    assert set(report.refused) == {"private_address"}
    assert report.refused["private_address"] >= 2 * len(urls)
    assert report.failed == {}


def test_robots_txt_leads_to_no_private_address_either(
    site: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    site.routes["/robots.txt"] = redirect(canary.url("/robots.txt"))
    site.add_article()
    report = crawl()
    assert report.refused == {"private_address": 1}
    site.routes["/robots.txt"] = text(f"Sitemap: {canary.url('/secret')}\nSitemap: file:///etc/passwd")
    report = crawl(sitemaps=None)
    assert report.refused == {"private_address": 1}
    assert len(captured_paths(archive)) == 1


def test_a_proxy_of_the_environment_is_not_used(
    site: LocalSite, canary: LocalSite, archive: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawlers.launch import crawl
    from tests.crawlers.conftest import source_of
    from tests.local_site import NETWORK

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.home)
    site.add_article()
    assert crawl(source_of(site), archive, allow_private=NETWORK).captured == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:text/html,<p>x", "ftp://ftp.example/x", "javascript:x()"])
def test_links_of_other_schemes_are_no_links(site: LocalSite, crawl: Crawl, url: str) -> None:
    site.routes["/feed.xml"] = feed([url])
    site.routes["/world"] = links_page([url])
    report = crawl(sections=[site.url("/world")])
    assert (report.outcome, report.discovered, report.captured) == ("ok", 0, 0)
