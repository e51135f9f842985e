"""`publish_new_captures`: from the work list to the last journal entry."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from tempfile import gettempdir

from pipelines.archive import Archive
from pipelines.capture import day_of_key, load_takedowns, read_pages, read_report, source_of_key
from pipelines.errors import ObjectNotFoundError, StorageUnavailableError
from pipelines.memory import give_memory_back
from pipelines.model import Dropped, RawPage, RunReport
from pipelines.pages import NO_ROOM, PAGE_SECONDS, PageWorkers, Sighting, StagedRow, open_workers
from pipelines.publish.batch import Batch, Counts, Slice, publish_batch
from pipelines.publish.runs import RunCounts
from pipelines.publish.staging import StagedPages, Staging, open_staging
from pipelines.publish.summary import PublishProgress, PublishSummary, SourceCounts, summarize
from pipelines.publish.worklist import WorkItem, list_work, rounds
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store
from pipelines.template import WINDOW_PAGES, Template, learn, load_template, save_template

logger = logging.getLogger(__name__)

BATCH_PAGES = 1_000
MOST_BATCH_PAGES = 4_000  # some 45 kB of memory each
_CHARS_A_PAGE = 8_000  # of text: of longer pages a batch takes fewer
_STORED_A_PAGE = 250
MOST_SMALL_FILES = 40


def publish_new_captures(
    settings: ArchiveSettings,
    *,
    now: datetime | None = None,
    workers: int | None = None,
    on_progress: Callable[[PublishProgress], None] | None = None,
    dag_run_id: str | None = None,
    since: date | None = None,
    page_seconds: float = PAGE_SECONDS,
) -> PublishSummary:
    """Publishes every capture and report that has no receipt; without `since` those of the last days (`worklist`).

    Safe to kill, to repeat, and to run twice at once. `workers`: processes, one a processor unless given.
    Raises StorageError and its children; what a single page does to us is a Dropped in `runs`.
    """
    began = time.monotonic()
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    give_memory_back()
    archive = Archive(store)
    archive.open_for_publishing()
    items = list_work(store, archive, now=moment, since=since)
    total = sum(not item.is_report for item in items)
    with _local_disk_explained(), ExitStack() as stack:
        open_pool = cache(lambda: stack.enter_context(open_workers(workers, page_seconds)))
        staging = stack.enter_context(open_staging(store))
        publisher = _Publisher(store, archive, staging, open_pool, now=moment, dag_run_id=dag_run_id)
        publisher.progress = PublishProgress(captures=total)
        if on_progress is not None:
            publisher.on_progress = on_progress
        for portion in rounds(items):
            publisher.publish(portion)
    if items:
        archive.compact(most_files=MOST_SMALL_FILES)
    summary = summarize(total, publisher.sources, time.monotonic() - began)
    logger.info("published %d captures: %d new articles", summary.captures, summary.new_articles)
    return summary


@contextmanager
def _local_disk_explained() -> Iterator[None]:
    """No room for temporary files is one sentence; the store gives its own errors."""
    try:
        yield
    except OSError as cause:
        if cause.errno not in NO_ROOM:
            raise
        raise StorageUnavailableError(
            f"Temporary files in {gettempdir()} cannot be written: {os.strerror(cause.errno)}."
        ) from cause


class _Publisher:
    """Publishes the work round by round; workers are started when the first page needs them."""

    def __init__(
        self,
        store: Store,
        archive: Archive,
        staging: Staging,
        open_pool: Callable[[], PageWorkers],
        *,
        now: datetime,
        dag_run_id: str | None,
    ) -> None:
        self._store = store
        self._archive = archive
        self._staging = staging
        self._open_pool = open_pool
        self._now = now
        self._dag_run_id = dag_run_id
        self.sources: dict[str, SourceCounts] = {}
        self.progress = PublishProgress(captures=0)
        self.on_progress: Callable[[PublishProgress], None] = lambda _: None

    def publish(self, portion: Sequence[WorkItem]) -> None:
        """One round: extract all, then learn and publish source by source."""
        captures = sorted((item for item in portion if not item.is_report), key=lambda item: _source_and_key(item.key))
        self._extract([item.key for item in captures])
        reports = {item.key: self._read_report(item.key) for item in portion if item.is_report}
        # One after the other is let go: a variable of a loop would hold each while the next is filled.
        deque(map(self._commit, self._batches(captures, reports)), maxlen=0)

    def _extract(self, keys: Sequence[str]) -> None:
        """Leaves the drafts of every capture in its staged object."""
        missing = self._staging.without_drafts(keys)
        self._tell(captures_extracted=len(keys) - len(missing))
        if not missing:
            return
        empty = set(missing)
        drafts = self._open_pool().stage(self._pages(missing))
        for key, found in groupby(drafts, key=itemgetter(0)):
            writer = self._staging.writer()
            for _, page in found:
                writer.add(page)
                self._tell(pages_extracted=1)
            self._staging.put(key, writer)
            self._tell(captures_extracted=1)
            empty.discard(key)
        for key in empty:
            self._staging.put(key, self._staging.writer())
            self._tell(captures_extracted=1)

    def _pages(self, keys: Sequence[str]) -> Iterator[tuple[str, RawPage | Dropped]]:
        for key in keys:
            try:
                for page in read_pages(self._store, key):
                    yield key, page
            except ObjectNotFoundError:
                logger.warning("%s was removed before it was published", key)

    def _read_report(self, key: str) -> RunReport | None:
        try:
            return read_report(self._store, key)
        except (ValueError, TypeError, KeyError, ObjectNotFoundError) as error:
            logger.warning("the run report %s cannot be read: %s", key, error)
            return None

    def _batches(self, captures: Sequence[WorkItem], reports: Mapping[str, RunReport | None]) -> Iterator[Batch]:
        """The captures' finished pages, a batch full at a time; captures without a page come with the last ones."""
        slices: list[Slice] = []
        most = batch_pages(self._archive.count_rows("signatures"))
        room = _Room(most)
        ends: dict[WorkItem, int] = {}
        finished = self._open_pool().finish(self._drafts(captures, ends)) if captures else ()
        for item, pages in groupby(finished, key=itemgetter(0)):
            start = item.published_pages
            while part := room.fill(page for _, page in pages):
                slices.append(Slice(key=item.key, start=start, pages=part, is_last=start + len(part) == ends[item]))
                start += len(part)
                if room.is_full:
                    yield Batch(slices=slices, reports=reports)
                    slices, reports, room = [], {}, _Room(most)
        empty = (item for item, end in ends.items() if end <= item.published_pages)
        slices += [Slice(key=item.key, start=item.published_pages, pages=(), is_last=True) for item in empty]
        if slices or reports:
            yield Batch(slices=slices, reports=reports)

    def _drafts(
        self, captures: Sequence[WorkItem], ends: dict[WorkItem, int]
    ) -> Iterator[tuple[WorkItem, StagedRow, Template]]:
        """All drafts that are not published, with what their site repeats; `ends`: how many each capture has."""
        for source_id, items in groupby(captures, key=lambda item: source_of_key(item.key)):
            of_source = list(items)
            template = self._learn(source_id, [item.key for item in of_source]).carried()
            for item in of_source:
                with self._staged(item.key) as staged:
                    if staged is not None:
                        ends[item] = len(staged)
                        yield from ((item, row, template) for row in staged.read(item.published_pages))

    @contextmanager
    def _staged(self, key: str) -> Iterator[StagedPages | None]:
        """The capture's drafts; None if another publisher is done with it and has removed them."""
        with self._staging.open(key) as staged:
            if staged is not None:
                yield staged
                return
        self._archive.refresh()
        receipt = self._archive.receipts(day_of_key(key)).get(key)
        if receipt is not None and receipt["complete"]:
            yield None
            return
        self._extract([key])
        with self._staging.open(key) as staged:
            yield staged

    def _learn(self, source_id: str, keys: Sequence[str]) -> Template:
        """The source's template with the pages of these captures counted in, stored."""
        before = template = load_template(self._store, source_id)
        for key in keys:
            if key in template.captures:
                continue
            with self._staging.open(key) as staged:
                marks = [] if staged is None else staged.read_marks(key, WINDOW_PAGES)
            template = learn(template, marks, capture_keys=[key], now=self._now)
        if template.captures.keys() != before.captures.keys():
            save_template(self._store, source_id, template)
        return template

    def _commit(self, batch: Batch) -> None:
        counts = publish_batch(
            self._archive,
            batch,
            load_takedowns=lambda: load_takedowns(self._store),
            now=self._now,
            dag_run_id=self._dag_run_id,
        )
        self._count(counts)
        done = [one.key for one in batch.slices if one.is_last]
        for key in done:
            self._staging.remove(key)
        self._tell(captures_published=len(done), pages_published=sum(len(one.pages) for one in batch.slices))

    def _count(self, counts: Counts) -> None:
        for (source_id, _), run in counts.items():
            self.sources[source_id] = self.sources.get(source_id, SourceCounts()).plus(_as_counts(run))

    def _tell(self, **more: int) -> None:
        counted = {name: getattr(self.progress, name) + count for name, count in more.items()}
        self.progress = replace(self.progress, **counted)
        self.on_progress(self.progress)


class _Room:
    """What a batch can still take: so many pages, and no more text than so many of them have."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._chars = pages * _CHARS_A_PAGE

    @property
    def is_full(self) -> bool:
        return self._pages <= 0 or self._chars <= 0

    def fill(self, pages: Iterator[Sighting | Dropped]) -> tuple[Sighting | Dropped, ...]:
        """The next pages that it takes, of which the last may be longer than what was left."""
        taken: list[Sighting | Dropped] = []
        while not self.is_full and (page := next(pages, None)) is not None:
            taken.append(page)
            self._pages -= 1
            self._chars -= 0 if isinstance(page, Dropped) else len(page.page.text)
        return tuple(taken)


def batch_pages(stored: int) -> int:
    """How many pages are published at once where so many texts are stored.

    Joining any number of pages reads the keys of all stored texts, some 6 µs each, and a page takes 15 ms: with so many
    pages the one is a tenth of the other, up to a million texts.
    """
    return min(max(BATCH_PAGES, stored // _STORED_A_PAGE), MOST_BATCH_PAGES)


def _as_counts(run: RunCounts) -> SourceCounts:
    names = ("pages", "extracted", "new_articles", "new_appearances", "revised")
    return SourceCounts(**{name: run.counts[name] for name in names}, dropped=dict(run.dropped))


def _source_and_key(key: str) -> tuple[str, str]:
    return source_of_key(key), key
