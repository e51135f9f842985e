"""Pages that were held back: kept with their reason until they are published after all, exactly once.

A row of `quarantine` names the capture, so nothing is fetched again. `replay` makes the pages anew with today's
extractor and template: what passes becomes articles, and its row goes, in one entry of the journal; what does not
pass stays, with today's reason. Counts of the run and of the capture's receipt move along.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow.compute as pc

from pipelines.archive import Archive, Row, TableRows
from pipelines.capture import Takedowns, day_of_key, load_takedowns, read_page
from pipelines.errors import InputError, ObjectChangedError, ObjectNotFoundError
from pipelines.extract import EXTRACTOR
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage
from pipelines.pages import PageWorkers, Sighting, draft, finish, open_workers
from pipelines.publish.batch import change_stories_of
from pipelines.publish.checks import check_together
from pipelines.publish.runs import RunCounts, RunKey, run_key, run_rows
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store
from pipelines.template import load_template

logger = logging.getLogger(__name__)

_PORTION = 500


@dataclass(slots=True, kw_only=True)
class ReplaySummary:
    """`published` pages left the quarantine as articles (`new_appearances` of them not known), `taken_down` for good.

    `held` are those that stay, by today's reason; `missing`: their capture is gone or broken.
    """

    examined: int = 0
    published: int = 0
    new_articles: int = 0
    new_appearances: int = 0
    revised: int = 0
    taken_down: int = 0
    missing: int = 0
    held: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPage:
    """One row of `quarantine`, and what today's extractor makes of its page (None: the capture is gone)."""

    row: Row
    now: Sighting | Dropped | None


def list_held(
    store: Store, *, source_id: str | None = None, reason: str | None = None, page_ids: Collection[str] = ()
) -> list[Row]:
    """Rows of `quarantine`, oldest day first. Raises InputError for an id that is not there."""
    rows = _rows(Archive(store), source_id, reason, page_ids)
    _check_ids(store, rows, page_ids)
    return rows


def show_held(store: Store, page_id: str) -> HeldPage:
    """A page that was held back, made anew. Raises InputError if it is not there."""
    (row,) = list_held(store, page_ids=[page_id])
    page = _read(store, row)
    return HeldPage(row=row, now=None if page is None else finish(draft(page), load_template(store, page.source.id)))


def replay(
    settings: ArchiveSettings,
    *,
    source_id: str | None = None,
    reason: str | None = None,
    page_ids: Collection[str] = (),
    workers: int | None = None,
    now: datetime | None = None,
) -> ReplaySummary:
    """Publishes what of the quarantine (all, or only of a source, a reason, some pages) passes today.

    Safe to kill, to repeat, and to run twice at once and beside publishers. Raises InputError for an id that is not
    there, StorageError.
    """
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    archive = Archive(store)
    archive.open_for_publishing()
    rows = _rows(archive, source_id, reason, page_ids)
    _check_ids(store, rows, page_ids)
    summary = ReplaySummary()
    if not rows:
        return summary
    with open_workers(workers) as pool:
        for at in range(0, len(rows), _PORTION):
            portion = rows[at : at + _PORTION]
            made = dict(_make(store, portion, pool))
            _commit(archive, portion, made, summary, moment)
    logger.info("replayed the quarantine: %s", summary)
    return summary


def _rows(archive: Archive, source_id: str | None, reason: str | None, page_ids: Collection[str]) -> list[Row]:
    table = archive.dataset("quarantine")
    if table is None:
        return []
    wanted = pc.scalar(True)
    for column, value in (("source_id", source_id), ("reason", reason)):
        if value is not None:
            wanted = wanted & (pc.field(column) == value)
    if page_ids:
        wanted = wanted & pc.field("page_id").isin(sorted(page_ids))
    order = [("capture_date", "ascending"), ("capture_key", "ascending"), ("capture_offset", "ascending")]
    rows: list[Row] = table.to_table(filter=wanted).sort_by(order).to_pylist()
    return rows


def _check_ids(store: Store, rows: Sequence[Row], page_ids: Collection[str]) -> None:
    missing = sorted(set(page_ids) - {str(row["page_id"]) for row in rows})
    if missing:
        raise InputError(f"The quarantine of {store.uri} has no page {missing[0]!r}.")


def _read(store: Store, row: Row) -> RawPage | None:
    ref = CaptureRef(
        key=str(row["capture_key"]),
        offset=int(str(row["capture_offset"])),
        payload_sha256=str(row["payload_sha256"]),
    )
    try:
        return read_page(store, ref)
    except (InputError, ObjectNotFoundError) as error:
        logger.warning("a page in quarantine cannot be read: %s", error)
        return None


def _make(store: Store, rows: Sequence[Row], pool: PageWorkers) -> Iterator[tuple[str, Sighting | Dropped]]:
    """Each page as it is today, by its id; those whose capture is gone are left out."""
    pages = ((str(row["page_id"]), page) for row in rows if (page := _read(store, row)) is not None)
    templates = {source_id: load_template(store, source_id) for source_id in {str(row["source_id"]) for row in rows}}
    sources = {str(row["page_id"]): str(row["source_id"]) for row in rows}
    for page_id, drafted in pool.draft(pages):
        yield page_id, finish(drafted, templates[sources[page_id]])


def _commit(
    archive: Archive,
    rows: Sequence[Row],
    made: Mapping[str, Sighting | Dropped],
    summary: ReplaySummary,
    now: datetime,
) -> None:
    ids = {str(row["page_id"]) for row in rows}
    while True:
        after = archive.replay()
        present = {str(row["page_id"]): row for row in archive.rows_by("quarantine", "page_id", ids)}
        entry = _Entry(archive, present, made, load_takedowns(archive.store), now)
        if entry.is_change:
            try:
                archive.commit(entry.rows(), after=after, captures=(), kind="replay", now=now)
            except ObjectChangedError:
                continue
        entry.add_to(summary)
        return


class _Entry:
    """What the pages that are still held become."""

    def __init__(
        self,
        archive: Archive,
        present: Mapping[str, Row],
        made: Mapping[str, Sighting | Dropped],
        takedowns: Takedowns,
        now: datetime,
    ) -> None:
        self._archive = archive
        self._now = now
        self._counts: defaultdict[RunKey, RunCounts] = defaultdict(RunCounts)
        self._released: list[Row] = []
        self._taken_down = 0
        self._changed: list[Row] = []
        self._held: Counter[str] = Counter()
        self._present = present
        self._missing = sum(page_id not in made for page_id in present)
        checked = _checked({page_id: made[page_id] for page_id in present if page_id in made})
        passed: list[tuple[Row, Sighting]] = []
        for page_id, seen in checked.items():
            row = present[page_id]
            if isinstance(seen, Dropped):
                self._hold(row, seen)
            elif takedowns.covers(seen.page.source.id, seen.page.url, seen.canonical_url):
                self._taken_down += 1
                self._leave(row, DropReason.TAKEN_DOWN)
            else:
                passed.append((row, seen))
        for row, seen in passed:
            self._leave(row, None)
            self._counts[_run_of(row)].count_article(seen)
        self._published = Counter(str(row["capture_key"]) for row, _ in passed)
        self._changes = change_stories_of(archive, [seen for _, seen in passed], self._counts, now)

    @property
    def is_change(self) -> bool:
        return bool(self._released or self._changed)

    def rows(self) -> dict[str, TableRows]:
        keys = {str(row["capture_key"]) for row in [*self._released, *self._changed]}
        runs = run_rows(self._archive, self._counts, {}, keys, self._now)
        return {
            **self._changes.table_rows(),
            "quarantine": TableRows(changed=self._changed, deleted=self._released),
            "runs": TableRows(changed=runs),
            "receipts": TableRows(changed=self._receipts()),
        }

    def add_to(self, summary: ReplaySummary) -> None:
        summary.examined += len(self._present)
        summary.published += self._published.total()
        summary.taken_down += self._taken_down
        summary.missing += self._missing
        summary.held += self._held
        for run in self._counts.values():
            summary.new_articles += run.counts["new_articles"]
            summary.new_appearances += run.counts["new_appearances"]
            summary.revised += run.counts["revised"]

    def _leave(self, row: Row, other_reason: DropReason | None) -> None:
        run = self._counts[_run_of(row)]
        run.counts["quarantined"] -= 1
        run.dropped[str(row["reason"])] -= 1
        if other_reason is not None:
            run.dropped[other_reason.value] += 1
        self._released.append(row)

    def _hold(self, row: Row, seen: Dropped) -> None:
        self._held[seen.reason.value] += 1
        after = row | {"stage": seen.stage, "reason": seen.reason.value, "detail": seen.detail, "extractor": EXTRACTOR}
        if after == row:
            return
        run = self._counts[_run_of(row)]
        run.dropped[str(row["reason"])] -= 1
        run.dropped[seen.reason.value] += 1
        self._changed.append(after)

    def _receipts(self) -> list[Row]:
        rows = []
        for day in {day_of_key(key) for key in self._published}:
            receipts = self._archive.receipts(day)
            for key in self._published.keys() & receipts.keys():
                count, row = self._published[key], receipts[key]
                articles, dropped = int(str(row["articles"])), int(str(row["dropped"]))
                rows.append(row | {"articles": articles + count, "dropped": dropped - count})
        return rows


def _checked(made: Mapping[str, Sighting | Dropped]) -> dict[str, Sighting | Dropped]:
    """What of the pages passes the checks that look at them together."""
    sightings = {page_id: seen for page_id, seen in made.items() if isinstance(seen, Sighting)}
    ids = list(sightings)
    refused = {ids[at]: dropped for at, dropped in check_together(list(sightings.values())).items()}
    return {**made, **refused}


def _run_of(row: Row) -> RunKey:
    return run_key(str(row["capture_key"]))
