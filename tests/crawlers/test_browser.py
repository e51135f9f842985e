"""Pages that only JavaScript makes, in the system's Chromium: they are rendered, and lead nowhere else."""

import shutil
import time
from collections.abc import Iterator

import pytest

from crawlers.launch import new_run
from crawlers.middlewares import browser
from pipelines.errors import ConfigurationError
from pipelines.settings import ArchiveSettings
from tests.crawlers.conftest import Crawl, captured, captured_paths, source_of
from tests.local_site import Answer, LocalSite, redirect, text

no_chromium = shutil.which("chromium") is None
SCRIPT = b"""
fetch("/data.json").then(answer => answer.json()).then(data => {
    for (const words of data) {
        const paragraph = document.createElement("p")
        paragraph.textContent = words
        document.body.append(paragraph)
    }
})
"""
HOSTILE = """
<img src="{0}/secret"><iframe src="{0}/secret"></iframe><link rel="stylesheet" href="{0}/secret">
<script src="{0}/secret"></script><video src="{0}/secret"></video><object data="{0}/secret"></object>
<link rel="preconnect" href="{0}"><link rel="dns-prefetch" href="{0}">
<script>
fetch("{0}/secret").catch(() => 0); navigator.sendBeacon("{0}/secret", "x")
new WebSocket("{0}/secret".replace("http", "ws"))
fetch("/away").catch(() => 0); new EventSource("{0}/secret"); new Image().src = "{0}/secret"
navigator.serviceWorker && navigator.serviceWorker.register("/app.js").catch(() => 0)
new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.4.1:3478"}}]}}).createDataChannel("x")
open("{0}/secret"); document.title = "all was tried"
</script>
"""


@pytest.fixture
def canary() -> Iterator[LocalSite]:
    with LocalSite("127.0.4.1") as canary:
        canary.routes["/secret"] = Answer(b"<html>canary</html>")
        yield canary
        assert canary.paths() == []


def shell(site: LocalSite, path: str, more: str = "") -> str:
    head = "<!DOCTYPE html><html><head><title>x</title></head>"
    site.routes[path] = Answer(f"{head}<body><script src='/app.js'></script>{more}</body></html>".encode())
    site.name(path)
    return path


@pytest.fixture
def scripted(site: LocalSite) -> LocalSite:
    site.routes["/app.js"] = Answer(SCRIPT, content_type="text/javascript")
    site.routes["/data.json"] = text('["The council met on Monday.", "Then it went home."]')
    return site


@pytest.mark.browser
@pytest.mark.skipif(no_chromium, reason="Chromium is not installed: apt-get install chromium")
def test_a_page_is_captured_as_its_scripts_leave_it_and_nothing_leaves_its_site(
    scripted: LocalSite, canary: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    scripted.routes["/away"] = redirect(canary.url("/secret"))
    plain, hostile = shell(scripted, "/plain-page"), shell(scripted, "/hostile-page", HOSTILE.format(canary.home))
    report = crawl(browser=True)
    assert captured_paths(archive) == [hostile, plain]
    assert (report.refused, report.failed) == ({}, {})
    for page in captured(archive):
        assert b"<p>The council met on Monday.</p><p>Then it went home.</p>" in page.body
        assert page.discovered["rendered"] == "1"
        assert b"canary" not in page.body
    assert b"<title>all was tried</title>" in captured(archive)[0].body + captured(archive)[1].body
    assert scripted.paths().count(plain) == 1  # what was fetched is shown, not asked for again
    assert {"/app.js", "/data.json", "/away"} <= set(scripted.paths())


@pytest.mark.browser
@pytest.mark.skipif(no_chromium, reason="Chromium is not installed: apt-get install chromium")
def test_robots_txt_holds_for_what_a_page_asks_for(scripted: LocalSite, crawl: Crawl, archive: ArchiveSettings) -> None:
    scripted.routes["/robots.txt"] = text("User-agent: *\nDisallow: /data.json\n")
    path = shell(scripted, "/plain-page")
    crawl(browser=True)
    assert captured_paths(archive) == [path]
    assert "/data.json" not in scripted.paths()


@pytest.mark.browser
@pytest.mark.skipif(no_chromium, reason="Chromium is not installed: apt-get install chromium")
def test_a_script_that_never_ends_costs_its_own_page(
    scripted: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    shell(scripted, "/endless-page", "<script>while (true) {}</script>")
    shell(scripted, "/swelling-page", "<script>document.body.append('x'.repeat(11_000_000))</script>")
    path = shell(scripted, "/plain-page")
    started = time.monotonic()
    report = crawl(browser=True)
    assert captured_paths(archive) == [path]
    assert (report.refused, report.failed) == ({"too_large": 1}, {"rendering_time": 1})
    assert time.monotonic() - started < 90


def test_a_source_that_needs_a_browser_says_so_before_anything_starts(
    site: LocalSite, archive: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> None:
        new_run(source_of(site, browser=True), archive, started_at=None, allow_private="", dag_run_id=None)

    monkeypatch.setattr(browser, "_chromium", lambda: None)
    with pytest.raises(ConfigurationError, match="'local' has browser = true, but there is no Chromium here"):
        start()
    monkeypatch.setattr(browser, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"needs an extra: pip install worldwire\[browser\]"):
        start()
