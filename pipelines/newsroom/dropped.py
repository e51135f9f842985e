"""Every page of a source that gave no article, one by one.

Pages that are held back have rows, with the reason of that time. The others are only counted: they are found in the
captures of their runs, newest run first, and their reason is what today's extractor says.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import Archive, Row
from pipelines.capture import read_pages
from pipelines.errors import ObjectNotFoundError
from pipelines.model import Dropped, RawPage
from pipelines.newsroom.looking import open_lookers
from pipelines.store import Store
from pipelines.template import load_template

DAYS = 14
_MOST_PAGES = 300
_MOST_SECONDS = 8.0

Place = tuple[str, int]  # key of the capture, offset of the record


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPage:
    """A page that gave no article; `url` is empty where its record cannot be read. `page_id`: of one held back."""

    url: str
    at: datetime
    reason: str
    detail: str
    capture_key: str
    capture_offset: int
    page_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPages:
    """The newest first. `counted`: how many the runs of the time counted; `is_all`: whether all runs were looked at."""

    pages: tuple[DroppedPage, ...]
    counted: int
    is_all: bool


def list_dropped(store: Store, source_id: str, *, now: datetime) -> DroppedPages:
    """The pages dropped in DAYS days; some seconds of work. Raises StorageUnavailableError, BusyError."""
    since = now.date() - timedelta(days=DAYS - 1)
    archive = Archive(store)
    held = [_held(row) for row in _rows(archive, "quarantine", "capture_date", source_id, since)]
    runs = [run for run in _rows(archive, "runs", "started_date", source_id, since) if _dropped_of(run)]
    runs.sort(key=lambda run: str(run["started_at"]), reverse=True)
    appeared = _rows(archive, "appearances", "first_seen_date", source_id, since)
    known = {_place(row) for row in appeared if row["capture_offset"] is not None} | {
        (page.capture_key, page.capture_offset) for page in held
    }
    search = _Search(store, source_id, known)
    found = list(search.look(runs)) if any(_dropped_of(run) > _held_of(run) for run in runs) else []
    pages = sorted([*held, *found], key=lambda page: page.at, reverse=True)
    return DroppedPages(pages=tuple(pages), counted=sum(map(_dropped_of, runs)), is_all=search.is_all)


class _Search:
    """Looks through captures for pages that were dropped, within bounds."""

    def __init__(self, store: Store, source_id: str, known: set[Place]) -> None:
        self._store = store
        self._source_id = source_id
        self._known = known
        self._left = _MOST_PAGES
        self.is_all = True

    def look(self, runs: Sequence[Row]) -> Iterator[DroppedPage]:
        from pipelines.pages import finish

        template = load_template(self._store, self._source_id)
        until = time.monotonic() + _MOST_SECONDS
        with open_lookers() as workers:
            for run in runs:
                missing = _dropped_of(run) - _held_of(run)
                if missing <= 0:
                    continue
                if self._left <= 0 or time.monotonic() > until:
                    self.is_all = False
                    return
                for at, draft in workers.draft(self._pages(run)):
                    made = finish(draft, template)
                    if isinstance(made, Dropped):
                        yield _found(made, at)

    def _pages(self, run: Row) -> Iterator[tuple[datetime, RawPage | Dropped]]:
        """The run's pages of which the archive has no row, each with its time."""
        started_at = run["started_at"]
        assert isinstance(started_at, datetime)
        for key in _keys(run):
            try:
                for page in read_pages(self._store, key):
                    if page.capture is None or (page.capture.key, page.capture.offset) in self._known:
                        continue
                    self._left -= 1
                    if self._left < 0:
                        self.is_all = False
                        return
                    yield (started_at if isinstance(page, Dropped) else page.fetched_at), page
            except ObjectNotFoundError:  # its retention has ended
                self.is_all = False


def _rows(archive: Archive, name: str, day: str, source_id: str, since: date) -> list[Row]:
    table = archive.dataset(name)
    if table is None:
        return []
    wanted = (pc.field("source_id") == source_id) & (pc.field(day) >= pa.scalar(since, pa.date32()))
    rows: list[Row] = table.to_table(columns=_COLUMNS[name], filter=wanted).to_pylist(maps_as_pydicts="strict")
    return rows


_COLUMNS = {
    "quarantine": ["page_id", "url", "reason", "detail", "quarantined_at", "capture_key", "capture_offset"],
    "runs": ["started_at", "captures", "dropped", "quarantined"],
    "appearances": ["capture_key", "capture_offset"],
}


def _held(row: Row) -> DroppedPage:
    at = row["quarantined_at"]
    assert isinstance(at, datetime)
    key, offset = _place(row)
    return DroppedPage(
        url=str(row["url"] or ""),
        at=at,
        reason=str(row["reason"]),
        detail=str(row["detail"] or ""),
        capture_key=key,
        capture_offset=offset,
        page_id=str(row["page_id"]),
    )


def _found(dropped: Dropped, at: datetime) -> DroppedPage:
    return DroppedPage(
        url=dropped.url,
        at=at,
        reason=dropped.reason.value,
        detail=dropped.detail,
        capture_key=dropped.capture.key,
        capture_offset=dropped.capture.offset,
    )


def _place(row: Row) -> Place:
    return str(row["capture_key"]), int(str(row["capture_offset"]))


def _keys(run: Row) -> list[str]:
    keys = run["captures"]
    return [str(key) for key in keys] if isinstance(keys, list) else []


def _dropped_of(run: Row) -> int:
    counts = run["dropped"]
    return sum(int(count) for count in counts.values()) if isinstance(counts, dict) else 0


def _held_of(run: Row) -> int:
    return int(str(run["quarantined"] or 0))
