"""What was taken down is not asked for again, whoever links to it."""

import asyncio
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from crawlers import item_pipelines
from crawlers.item_pipelines import CapturePipeline
from pipelines.capture import Takedowns, add_takedowns
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from pipelines.upkeep import takedown
from tests.crawlers.conftest import Crawl
from tests.local_site import LocalSite, redirect


def test_a_page_that_was_taken_down_is_not_asked_for_again(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    gone, kept = site.add_articles(2)
    assert crawl().captured == 2
    takedown(archive, url=site.url("/never-seen"), reason="it is the same page")
    takedown(archive, url=site.url(gone) + "?utm_source=mail", reason="a court said so")
    site.forget()
    site.routes |= {"/old-address": redirect(gone), "/short": redirect("/never-seen")}
    site.name("/old-address", "/short", gone + "#comments", gone + "?utm_medium=rss")
    report = crawl(started_at=datetime.now(UTC) + timedelta(hours=7))  # then corrections are looked for
    assert not {gone, "/never-seen"} & set(site.paths())
    assert {"/old-address", kept} <= set(site.paths())
    assert report.refused == {"taken_down": 2}
    assert report.unchanged == 1
    assert crawl(started_at=datetime.now(UTC) + timedelta(days=2)).refused == {}  # nor thought of again
    assert gone not in site.paths()


def test_a_source_that_was_taken_down_is_asked_nothing_at_all(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings
) -> None:
    site.add_articles(2)
    takedown(archive, source_id="local", reason="they asked us to")
    report = crawl(sitemaps=None)
    assert site.paths() == []
    assert (report.outcome, report.reason) == ("ok", "taken_down")


def test_a_list_that_changes_while_a_crawl_runs_is_read_again(
    archive: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_pipelines, "_TAKEDOWNS_SECONDS", 0.01)
    pipeline = CapturePipeline.__new__(CapturePipeline)
    pipeline._store, pipeline._source = open_store(archive.uri), Mock(takedowns=Takedowns())
    add_takedowns(pipeline._store, urls=["https://a.example/x"], reason="at once", now=datetime.now(UTC))

    async def read_again() -> None:
        reading = asyncio.create_task(pipeline._reread_takedowns())
        while not pipeline._source.takedowns.covers("a", "https://a.example/x"):
            await asyncio.sleep(0.01)
        reading.cancel()

    asyncio.run(asyncio.wait_for(read_again(), 20))
