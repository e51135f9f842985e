"""Real crawls: a site on loopback, a nursery for the whole session, and what a crawl left in its archive."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crawlers.catalogue import Source
from crawlers.launch import Launch, new_run
from crawlers.launch.child import as_job
from crawlers.launch.nursery import Child, Nursery
from pipelines.capture import capture_keys, read_pages
from pipelines.capture.report import read_report
from pipelines.model import RawPage, RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.local_site import NETWORK, LocalSite

Crawl = Callable[..., RunReport]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


@pytest.fixture
def site() -> Iterator[LocalSite]:
    """A site with a feed that names nothing yet."""
    with LocalSite() as site:
        site.name()
        yield site


@pytest.fixture
def archive(tmp_path: Path) -> ArchiveSettings:
    return ArchiveSettings(uri=str(tmp_path / "archive"), spool=tmp_path / "spool")


@pytest.fixture
def crawl(nursery: Nursery, site: LocalSite, archive: ArchiveSettings, caplog: pytest.LogCaptureFixture) -> Crawl:
    """Crawls the site once with the given keys of its source; a child's log shows where a test fails."""

    def crawl_once(
        time_limit_seconds: float = 120,
        scheduled: bool = False,
        started_at: datetime | None = None,
        **keys: Any,
    ) -> RunReport:
        source = source_of(site, **keys)
        run = new_run(
            source,
            archive,
            started_at=started_at,
            allow_private=NETWORK,
            dag_run_id=None,
            scheduled=scheduled,
        )
        return Launch(source, run, print, lambda counts: None, time_limit_seconds).run_to_end(nursery)

    return crawl_once


# Settings are of a process: a crawl with other ones has a process of its own.
_CRAWL_WITH_SETTINGS = """
import json, sys
from crawlers import settings
from crawlers.launch.child import from_job
from crawlers.spiders.run import run_spider
job, changed = json.load(sys.stdin)
vars(settings).update(changed)
sys.exit(run_spider(*from_job(job), lambda message: print(json.dumps(message), flush=True)))
"""


@pytest.fixture
def crawl_with(site: LocalSite, archive: ArchiveSettings) -> Crawl:
    """Crawls the site once with other Scrapy settings (`settings`): short time limits, say; after `prelude`, code."""

    def crawl_once(settings: dict[str, Any], prelude: str = "", **keys: Any) -> RunReport:
        source = source_of(site, **keys)
        run = new_run(source, archive, started_at=None, allow_private=NETWORK, dag_run_id=None)
        job = json.dumps([as_job(source, run), settings])
        command = [sys.executable, "-c", prelude + _CRAWL_WITH_SETTINGS]
        done = subprocess.run(command, input=job, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
        return read_report(open_store(archive.uri), json.loads(done.stdout.splitlines()[-1])["report_key"])

    return crawl_once


def source_of(site: LocalSite, **keys: Any) -> Source:
    """The site as a source of the catalogue: with its feed, without sitemaps, and as fast as it goes."""
    usual = {"feeds": [site.url("/feed.xml")], "sitemaps": [], "delay_seconds": 0, "concurrency": 4}
    return Source.model_validate({"id": "local", "name": "Local", "homepage": site.url("/"), **usual, **keys})


def captured(archive: ArchiveSettings) -> list[RawPage]:
    """All pages in the archive's captures, in the order of their files."""
    store = open_store(archive.uri)
    pages = [page for key in capture_keys(store) for page in read_pages(store, key)]
    assert all(isinstance(page, RawPage) for page in pages)
    return [page for page in pages if isinstance(page, RawPage)]


def captured_paths(archive: ArchiveSettings) -> list[str]:
    """The paths of all captured pages, sorted; a page captured twice stands there twice."""
    return sorted("/" + page.url.split("/", 3)[3] for page in captured(archive))


@pytest.fixture
def peak_memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Filled while a crawl runs: the largest resident size (bytes) that its process has had, as the kernel tells."""
    peaks: list[int] = []
    wait = Child.wait

    def looking_wait(self: Child, seconds: float) -> bool:
        status = Path(f"/proc/{self.process_id}/status")
        if self.process_id and status.exists():
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            peaks.extend([int(found[1]) * 1024] if found else [])
        return wait(self, min(seconds, 0.05))

    monkeypatch.setattr(Child, "wait", looking_wait)
    return peaks
