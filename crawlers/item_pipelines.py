"""Hands each page to the capture writer, and saves the frontier once what it tells of is stored.

In: RawPages, those of status 304 too; `requested_url` is the address under which the frontier knows the page. Out: WARC
files, the frontier, and last of all the run's report. The order is the promise: a page is on object storage before the
frontier says that it was fetched, so a kill at any moment fetches pages again and loses none. What a killed crawl left
in the spool is stored by the next one, and the frontier told of it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from crawlers.frontier import Frontier, load_frontier, save_frontier
from crawlers.settings import BOUNDS, CrawlRun
from pipelines.capture import CaptureWriter, Takedowns, load_takedowns, read_pages, salvage_spool, write_report
from pipelines.errors import StorageError
from pipelines.model import RawPage, RunReport
from pipelines.store import Store

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger(__name__)

COUNTS = "worldwire/"
_PROGRESS_SECONDS = 1.0
_TAKEDOWNS_SECONDS = 60.0  # then the list is read again: what is taken down meanwhile is not asked for either


class CrawledSource(Protocol):
    """What the pipeline needs of the spider."""

    run: CrawlRun
    store: Store
    frontier: Frontier
    takedowns: Takedowns
    tell: Callable[[Mapping[str, Any]], None]

    def begin_run(self, frontier: Frontier, takedowns: Takedowns) -> None:
        """Comes before the first request."""

    def end_run(self) -> tuple[str, str] | None:
        """The frontier learns what the run learned; outcome and reason, if the counts do not tell them."""


class CapturePipeline:
    """One run's captures, frontier and report."""

    def __init__(self, crawler: "Crawler") -> None:
        self._crawler = crawler
        self._source = cast("CrawledSource", crawler.spider)
        self._run = self._source.run
        self._store = self._source.store
        self._writer = CaptureWriter(
            self._store,
            self._run.archive.spool,
            self._run.source,
            self._run.run_id,
            self._run.started_at,
            user_agent=self._run.user_agent,
            on_stored=self._note_stored,
        )
        self._turn = asyncio.Lock()
        self._is_stored = False
        self._error: StorageError | None = None
        self._progress: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: "Crawler") -> Self:
        return cls(crawler)

    async def open_spider(self) -> None:
        await asyncio.to_thread(salvage, self._store, self._run)
        frontier = await asyncio.to_thread(load_frontier, self._store, self._run.source.id)
        self._source.begin_run(frontier, await asyncio.to_thread(load_takedowns, self._store))
        self._progress = asyncio.create_task(self._tell_progress())
        self._rereading = asyncio.create_task(self._reread_takedowns())

    async def process_item(self, item: RawPage) -> RawPage:
        async with self._turn:
            if self._error is None:
                try:
                    await self._capture(item)
                except StorageError as error:
                    self._error = error
                    closing = self._crawler.engine.close_spider_async(reason="storage")
                    self._progress = asyncio.create_task(closing)
        return item

    async def close_spider(self) -> None:
        self._rereading.cancel()
        if self._progress is not None and self._error is None:
            self._progress.cancel()
        if self._error is None:
            try:
                keys = await asyncio.to_thread(self._writer.close)
                outcome = self._source.end_run()
                if counts_of(self._crawler.stats):
                    await self._save(self._source.frontier.snapshot())
                report = self._report(keys, outcome)
                key = await asyncio.to_thread(write_report, self._store, report)
                self._source.tell({"counts": counts_of(self._crawler.stats), "report_key": key})
                logger.info(
                    "%s: %s, %d asked, %d captured, %d unchanged, refused %s, failed %s",
                    *(report.source_id, report.outcome, report.asked, report.captured, report.unchanged),
                    *(dict(report.refused), dict(report.failed)),
                )
            except StorageError as error:
                self._error = error
        if self._error is not None:
            logger.error("%s", self._error)
            self._source.tell({"storage_error": str(self._error)})

    async def _capture(self, page: RawPage) -> None:
        """Writes the page in a thread (it packs, and now and then uploads), then records it."""
        frontier, stats = self._source.frontier, self._crawler.stats
        before = frontier.visit(page.requested_url)
        known = before.payload_sha256 if before else None
        digest = known if page.status == 304 else sha256(page.body).hexdigest()
        if page.status == 304 or digest == known:
            await asyncio.to_thread(self._writer.write_revisit, page, payload_sha256=digest)
            stats.inc_value(f"{COUNTS}unchanged")
        else:
            await asyncio.to_thread(self._writer.write, page)
            stats.inc_value(f"{COUNTS}captured")
        # A file that was full was stored before this page was written: what was recorded until now may be saved.
        saved = frontier.snapshot() if self._is_stored else None
        record_page(frontier, page, digest)
        if saved is not None:
            self._is_stored = False
            await self._save(saved)

    def _report(self, captures: tuple[str, ...], told: tuple[str, str] | None) -> RunReport:
        counts = counts_of(self._crawler.stats)
        outcome, reason = told or (None, "")
        if not self._crawler.engine.running:
            outcome, reason = "killed", "it was told to stop"
        return report_of(
            self._run, counts, ended_at=datetime.now(UTC), captures=captures, outcome=outcome, reason=reason
        )

    async def _save(self, frontier: Frontier) -> None:
        await asyncio.to_thread(save_frontier, self._store, self._run.source.id, frontier, datetime.now(UTC))

    def _note_stored(self, key: str) -> None:
        """Called in the writer's thread."""
        logger.info("stored %s", key)
        self._is_stored = True

    async def _reread_takedowns(self) -> None:
        while True:
            await asyncio.sleep(_TAKEDOWNS_SECONDS)
            try:
                self._source.takedowns = await asyncio.to_thread(load_takedowns, self._store)
            except StorageError as error:
                logger.warning("the list of takedowns cannot be read again: %s", error)

    async def _tell_progress(self) -> None:
        before: dict[str, int] = {}
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            counts = counts_of(self._crawler.stats)
            if counts != before:
                self._source.tell({"counts": counts})
            before = counts


def salvage(store: Store, run: CrawlRun) -> None:
    """Stores what dead crawls of the source left in the spool, and tells the frontier what was fetched."""
    keys = salvage_spool(store, run.archive.spool, run.source.id)
    if keys:
        frontier = load_frontier(store, run.source.id)
        for key in keys:
            for page in read_pages(store, key):
                if isinstance(page, RawPage):
                    record_page(frontier, page, sha256(page.body).hexdigest())
        save_frontier(store, run.source.id, frontier, datetime.now(UTC))


def record_page(frontier: Frontier, page: RawPage, payload_sha256: str | None) -> None:
    """The frontier learns of a captured page."""
    frontier.record_answer(
        page.requested_url,
        page.fetched_at,
        status=page.status,
        etag=page.header("ETag"),
        last_modified=page.header("Last-Modified"),
        payload_sha256=payload_sha256,
    )


def counts_of(stats: "StatsCollector") -> dict[str, int]:
    """The crawl's own counts, by name."""
    return {
        name.removeprefix(COUNTS): int(value)
        for name, value in stats.get_stats().items()
        if isinstance(name, str) and name.startswith(COUNTS)
    }


def report_of(
    run: CrawlRun,
    counts: Mapping[str, int],
    *,
    ended_at: datetime,
    captures: tuple[str, ...] = (),
    outcome: str | None = None,
    reason: str = "",
) -> RunReport:
    """What the run did; the outcome follows from the counts unless it is given."""
    if outcome is None:
        outcome, reason = _outcome(counts)
    return RunReport(
        run_id=run.run_id,
        source_id=run.source.id,
        started_at=run.started_at,
        ended_at=ended_at,
        outcome=outcome,
        reason=reason,
        discovered=counts.get("discovered", 0),
        asked=counts.get("asked", 0),
        captured=counts.get("captured", 0),
        unchanged=counts.get("unchanged", 0),
        refused=_named(counts, "refused/"),
        failed=_named(counts, "failed/"),
        bytes_received=counts.get("bytes_received", 0),
        captures=captures,
        dag_run_id=run.dag_run_id,
    )


def _outcome(counts: Mapping[str, int]) -> tuple[str, str]:
    if not counts.get("answered"):
        reasons = _named(counts, "failed/") or _named(counts, "refused/")
        return "failed", max(reasons, key=lambda name: reasons[name], default="nothing was asked")
    hit = [name for name in BOUNDS if counts.get(f"refused/{name}")]
    return ("partial", ", ".join(hit)) if hit else ("ok", "")


def _named(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in sorted(counts.items()) if name.startswith(prefix)}
