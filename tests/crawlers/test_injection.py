"""What a site writes into addresses, titles, headers and documents forges nothing: no line of a log, no terminal's
escape, no header of ours.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crawlers.catalogue import source_block
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured, source_of
from tests.local_site import NETWORK, Answer, LocalSite, Route, SiteHandler, article, feed, redirect
from tests.local_site import sitemap as sitemap_of

FORGED = "ERROR worldwire: all articles are lost"
EVIL = f"\r\n{FORGED}\x1b[2J\x1b]0;title\x07\x9b31m\u202egnp\u2066\u2028\x85"
EVIL_IN_XML = "".join(f"&#{ord(char)};" for char in EVIL)  # many readers pass these over, and some do not
EVIL_IN_HEADER = "\x1b[2J\x9b31m\x85 and\x0bmore"
EVIL_IN_ADDRESS = "%0d%0a" + FORGED.replace(" ", "%20") + "%1b%5b2J%e2%80%ae"


class Shown:
    """What commands have printed; every line is looked at."""

    def __init__(self, site: LocalSite, folder: Path) -> None:
        self._catalogue = folder / "sources.toml"
        self._catalogue.write_text(source_block(source_of(site, sitemaps=[site.url("/map.xml")])))
        self.archive = folder / "archive"
        self._environment = {
            **os.environ,
            "WORLDWIRE_ALLOW_PRIVATE": NETWORK,
            "WORLDWIRE_SPOOL": str(folder / "spool"),
            "WORLDWIRE_ARCHIVE": str(self.archive),
            "WORLDWIRE_SOURCES": str(self._catalogue),
        }

    def run(self, *words: str) -> str:
        """The command's output, after a look at it and at its log."""
        command = [str(Path(sys.executable).with_name("worldwire")), "--verbose", *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, timeout=120)
        for stream in (done.stdout, done.stderr):
            for line in stream.decode().removesuffix("\n").split("\n"):
                assert line.isprintable(), line
                assert not line.startswith(FORGED), line
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.stdout.decode()


def hostile(site: LocalSite) -> None:
    """Every place into which a site may write."""
    text = "The council met on Monday and spoke about the harbour for hours, until nobody was left to listen to it."
    head = {"X-Odd": EVIL_IN_HEADER, "Server": EVIL_IN_HEADER, "Last-Modified": EVIL_IN_HEADER}
    evil = "/world/2026/11/24/the-evil-title-of-the-council-10001"
    page = f"<html><head><title>{EVIL} the council</title><meta name='author' content='{EVIL_IN_XML}'></head>"
    page += (
        f"<body><h1>{EVIL_IN_XML} the council</h1>{''.join(f'<p>{text} {number} {EVIL}</p>' for number in range(5))}"
    )
    site.routes[evil] = Answer(page.encode(), headers=head)
    address = f"/world/2026/11/24/the-evil-address-{EVIL_IN_ADDRESS}-10002"
    site.routes |= {path: Answer(article("/x", text)) for path in (address, address.replace("%0d%0a", "%0D%0A"))}
    site.routes["/odd-encoding"] = Answer(b"x", headers={"Content-Encoding": EVIL_IN_HEADER})
    site.routes["/odd-type"] = Answer(b"x", content_type=EVIL_IN_HEADER)
    site.routes["/odd-target"] = redirect(f"/gone-{EVIL_IN_HEADER}{EVIL_IN_ADDRESS}")
    site.routes["/odd-status"] = lambda handler: handler.wfile.write(f"HTTP/1.1 2{EVIL}\r\n\r\n".encode()) and None
    links = [evil, address, "/odd-encoding", "/odd-type", "/odd-target", "/odd-status"]
    body = feed(site.url(link) for link in links).body.decode()
    body = body.replace("<title>Title of", f"<title>{EVIL_IN_XML}<![CDATA[{EVIL.replace(chr(0x1B), '')}]]> Title of")
    odd = f"http://{site.host}:{site.port}/odd{EVIL_IN_XML}/path"
    body = body.replace("</channel>", f"<item><link>{odd}</link></item></channel>")
    site.routes["/feed.xml"] = Answer(body.encode(), content_type="application/rss+xml", headers=head)
    site.routes["/map.xml"] = sitemap_of([site.url("/a") + EVIL_IN_XML, f"http://{EVIL_IN_ADDRESS}/", EVIL_IN_XML])
    site.routes["/"] = Answer(
        f"<html lang='en'><head><title>{EVIL} News</title><meta property='og:site_name' content='{EVIL_IN_XML}News'>"
        f"<link rel='alternate' type='application/rss+xml' href='/feed.xml' title='{EVIL_IN_XML}'></head>".encode()
    )


@pytest.mark.parametrize("robots", ["encoding", "redirect", "rules"])
def test_what_a_site_writes_forges_no_line_and_moves_no_cursor(site: LocalSite, tmp_path: Path, robots: str) -> None:
    hostile(site)
    site.routes["/robots.txt"] = {
        "encoding": Answer(b"x", headers={"Content-Encoding": EVIL_IN_HEADER}),
        "redirect": redirect(f"gopher://{EVIL_IN_HEADER}/"),
        "rules": Answer(f"User-agent: *\nCrawl-delay: {EVIL}\nSitemap: {EVIL}\n".encode(), content_type="text/plain"),
    }[robots]
    shown = Shown(site, tmp_path)
    assert "local" in shown.run("crawl")
    if robots != "rules":
        return
    shown.run("publish")
    shown.run("export", "-o", str(tmp_path / "rows.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().split("\n")[:-1]]
    assert len(rows) == 2
    for row in rows:
        assert not {"\x1b", "\x9b", "\r", "\n"} & set(row["title"])
        shown.run("trace", row["article_id"])
        shown.run("story", row["story_id"])
    for words in (("status",), ("status", "--json"), ("quarantine", "list"), ("sources", "check")):
        shown.run(*words)
    shown.run("sources", "add", site.home, "--id", "another")


INJECTED = "X-Injected: yes"


def test_no_header_of_ours_is_a_sites(site: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    healthy = site.add_article()
    target = "/world/2026/11/24/where-it-went-10002"
    site.routes[target] = Answer(article(target))
    split = "%0d%0aX-Injected:%20yes%0d%0a"
    for number, location in enumerate(
        [
            f"{target}?a\rX-Injected: yes",
            f"{target}?b{split}",
            f"{target}?c\x0bX-Injected: yes\x00",
            f"{target}?d é X-Injected: yes HTTP/1.1",
        ]
    ):
        site.routes[f"/from-{number}"] = sends(f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        site.name(f"/from-{number}")
    addresses = [
        f"{site.url('/link-1')}&#13;&#10;{INJECTED}",
        f"{site.url('/link-2')} HTTP/1.1&#10;{INJECTED}&#10;",
        f"{site.url('/link-3')}{split}",
        f"http://{site.host}:{site.port}&#13;&#10;{INJECTED}/link-4",
        f"http://{site.host}%0d%0a{INJECTED.replace(' ', '%20')}:{site.port}/link-5",
    ]
    items = "".join(f"<item><link>{address}</link></item>" for address in addresses)
    body = site.routes["/feed.xml"].body.replace(b"</channel>", items.encode() + b"</channel>")  # type: ignore[union-attr]
    tag = 'ETag: "a\rX-Injected: yes"\r\nLast-Modified: x\rX-Injected: yes\x0b'
    site.routes["/feed.xml"] = sends(
        f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n{tag}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    for _ in range(2):  # the second asks with the validators of the first
        report = crawl()
        assert report.outcome == "ok"
    assert site.url(healthy) in {page.url for page in captured(archive)}
    asked = [one for one in site.asked if one.path == "/feed.xml"]
    assert "If-None-Match" in asked[1].headers
    for one in site.asked:
        assert "X-Injected" not in one.headers, one
        assert set(one.headers) <= {
            "Accept",
            "Accept-Encoding",
            "User-Agent",
            "Host",
            "If-None-Match",
            "If-Modified-Since",
        }
    for found in open_store(archive.uri).list("captures/"):
        assert "\n" not in found.key


def sends(answer: str | bytes) -> Route:
    data = answer if isinstance(answer, bytes) else answer.encode("latin-1")

    def send(handler: SiteHandler) -> None:
        handler.wfile.write(data)

    return send
