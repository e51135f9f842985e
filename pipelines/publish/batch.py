"""One journal entry: some pages of some captures, and some reports, made into rows of all tables."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipelines.archive import Archive, Row, TableRows
from pipelines.capture import Takedowns, day_of_key
from pipelines.errors import ObjectChangedError
from pipelines.model import Dropped, DropReason, RunReport
from pipelines.pages import Sighting
from pipelines.publish.checks import QUARANTINED, check_together
from pipelines.publish.fresh import Fresh, find_fresh
from pipelines.publish.rows import held_row
from pipelines.publish.runs import RunCounts, RunKey, receipt_row, run_key, run_rows
from pipelines.publish.stories import StoryChanges, change_stories

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Pages of a capture from number `start` on; `is_last`: there are no more after them."""

    key: str
    start: int
    pages: tuple[Sighting | Dropped, ...]
    is_last: bool

    def without_first(self, published: int) -> "Slice":
        """What is left of it when that many pages of the capture are published."""
        skipped = max(0, published - self.start)
        return replace(self, start=self.start + skipped, pages=self.pages[skipped:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one entry publishes. A report that could not be read is None: it gets its receipt all the same."""

    slices: Sequence[Slice] = ()
    reports: Mapping[str, RunReport | None] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        return [*(one.key for one in self.slices), *self.reports]


Counts = Mapping[RunKey, RunCounts]


def publish_batch(
    archive: Archive,
    batch: Batch,
    *,
    load_takedowns: Callable[[], Takedowns],
    now: datetime,
    dag_run_id: str | None = None,
) -> Counts:
    """Commits what of the batch is not in the tables; gives the counts of what it added, by run.

    If another publisher is first, everything is read and joined again.
    """
    while True:
        after = archive.replay()
        receipts = _receipts(archive, batch)
        left = _unpublished(batch, receipts)
        if not left.keys:
            return {}
        rows, counts = _rows(archive, left, receipts, takedowns=load_takedowns(), journal=after + 1, now=now)
        try:
            archive.commit(rows, after=after, captures=left.keys, kind="publish", now=now, dag_run_id=dag_run_id)
        except ObjectChangedError:
            logger.info("another publisher was first; joining again")
            continue
        return counts


def _receipts(archive: Archive, batch: Batch) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for day in {day_of_key(key) for key in batch.keys}:
        found |= archive.receipts(day)
    return {key: found[key] for key in batch.keys if key in found}


def _unpublished(batch: Batch, receipts: Mapping[str, Row]) -> Batch:
    slices = []
    for one in batch.slices:
        receipt = receipts.get(one.key)
        if receipt is None:
            slices.append(one)
        elif not receipt["complete"]:
            left = one.without_first(int(str(receipt["pages"])))
            if left.pages or left.is_last:
                slices.append(left)
    reports = {key: report for key, report in batch.reports.items() if key not in receipts}
    return Batch(slices=slices, reports=reports)


def _rows(
    archive: Archive,
    batch: Batch,
    receipts: Mapping[str, Row],
    *,
    takedowns: Takedowns,
    journal: int,
    now: datetime,
) -> tuple[dict[str, TableRows], Counts]:
    counts: defaultdict[RunKey, RunCounts] = defaultdict(RunCounts)
    sightings: list[Sighting] = []
    made: dict[str, Row] = {}
    held: list[Row] = []
    for one in _checked(batch.slices):
        seen = _see_slice(one, takedowns, counts[run_key(one.key)])
        held += [held_row(page, now) for page in one.pages if isinstance(page, Dropped) and page.reason in QUARANTINED]
        sightings += seen
        made[one.key] = _receipt(one, len(seen), receipts.get(one.key), journal, now)
    for key in batch.reports:
        made[key] = receipt_row(key, journal=journal, pages=0, articles=0, dropped=0, complete=True, now=now)
    changes = change_stories_of(archive, sightings, counts, now)
    rows = changes.table_rows()
    rows["quarantine"] = TableRows(added=held)
    reports = {key: report for key, report in batch.reports.items() if report is not None}
    keys = [*(one.key for one in batch.slices), *reports]
    rows["runs"] = TableRows(changed=run_rows(archive, counts, reports, keys, now))
    rows["receipts"] = TableRows(
        added=[row for key, row in made.items() if key not in receipts],
        changed=[row for key, row in made.items() if key in receipts],
    )
    return rows, counts


def _checked(slices: Sequence[Slice]) -> Iterator[Slice]:
    """The slices without what their pages, taken together, show to be no articles."""
    found = [
        (number, at)
        for number, one in enumerate(slices)
        for at, page in enumerate(one.pages)
        if not isinstance(page, Dropped)
    ]
    seen = [page for one in slices for page in one.pages if not isinstance(page, Dropped)]
    refused = {found[at]: dropped for at, dropped in check_together(seen).items()}
    for number, one in enumerate(slices):
        pages = tuple(refused.get((number, at), page) for at, page in enumerate(one.pages))
        yield replace(one, pages=pages)


def _see_slice(one: Slice, takedowns: Takedowns, run: RunCounts) -> list[Sighting]:
    """The slice's articles; all its pages are counted."""
    sightings = []
    for seen in one.pages:
        run.counts["pages"] += 1
        if isinstance(seen, Dropped):
            run.dropped[seen.reason.value] += 1
            run.counts["quarantined"] += seen.reason in QUARANTINED
            continue
        page = seen.page
        if takedowns.covers(page.source.id, page.url, seen.canonical_url):
            run.dropped[DropReason.TAKEN_DOWN.value] += 1
            continue
        sightings.append(seen)
        run.count_article(seen)
    run.counts["published_captures"] += one.is_last
    return sightings


def _receipt(one: Slice, articles: int, before: Row | None, journal: int, now: datetime) -> Row:
    known = {name: 0 if before is None else int(str(before[name])) for name in ("articles", "dropped")}
    return receipt_row(
        one.key,
        journal=journal,
        pages=one.start + len(one.pages),
        articles=known["articles"] + articles,
        dropped=known["dropped"] + len(one.pages) - articles,
        complete=one.is_last,
        now=now,
    )


def change_stories_of(
    archive: Archive, sightings: Iterable[Sighting], counts: Mapping[RunKey, RunCounts], now: datetime
) -> StoryChanges:
    """What the pages change in the tables of stories; what of them is new is counted under their runs."""
    sightings = list(sightings)
    by_source: defaultdict[str, set[str]] = defaultdict(set)
    for sighting in sightings:
        by_source[sighting.page.source.id].add(sighting.appearance_id)
    known = {str(row["appearance_id"]): row for row in archive.known_appearances(by_source)}
    fresh = find_fresh(sightings, known)
    changes = change_stories(archive, fresh, now=now)
    for one in fresh:
        run = _run_of(one, counts)
        run.counts["new_appearances" if one.known is None else "revised"] += 1
        if one.known is None:
            run.count_delay(one.page)
    for one in changes.new_stories.values():
        _run_of(one, counts).counts["new_articles"] += 1
    return changes


def _run_of(one: Fresh, counts: Mapping[RunKey, RunCounts]) -> RunCounts:
    return counts[run_key(one.page.capture.key)]
