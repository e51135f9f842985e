"""Rows of `runs` and `receipts`: what a crawl reported, and what publishing has made of its captures so far."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.archive import SCHEMA_VERSION, Archive, Row
from pipelines.capture import day_of_key, run_of_key, source_of_key
from pipelines.model import DatePrecision, ExtractedPage, RunReport
from pipelines.pages import Sighting

RunKey = tuple[str, str]  # source id, run id

_COUNTS = (
    "pages", "extracted", "new_articles", "new_appearances", "revised", "published_captures", "quarantined", "words",
)  # fmt: skip
_MAPS = ("dropped", "clutter_removed", "languages", "delays")
# Upper bounds, in minutes, of the time from a page's publication to its fetch; what took longer is "more".
_DELAYS = (5, 15, 60, 240, 1440)
_REPORTED = (
    "started_at", "ended_at", "outcome", "reason", "discovered", "asked", "captured", "unchanged", "refused", "failed",
    "bytes_received", "captures", "dag_run_id",
)  # fmt: skip


@dataclass(slots=True)
class RunCounts:
    """What publishing made of some pages of one run; `started_on` names the partition of its row."""

    counts: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    clutter_removed: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    delays: Counter[str] = field(default_factory=Counter)
    first_fetched_at: datetime | None = None

    def count_article(self, seen: Sighting) -> None:
        """One article, known or not."""
        page = seen.page
        self.counts["extracted"] += 1
        self.counts["words"] += seen.word_count
        self.clutter_removed.update(page.removed)
        self.languages[page.facts.language or "unknown"] += 1
        first = self.first_fetched_at
        self.first_fetched_at = page.fetched_at if first is None else min(first, page.fetched_at)

    def count_delay(self, page: ExtractedPage) -> None:
        """How long after its publication a new page was fetched, if it says when to the minute."""
        if page.facts.published_at is None or page.facts.published_precision is DatePrecision.DAY:
            return
        minutes = (page.fetched_at - page.facts.published_at).total_seconds() / 60
        self.delays[next((str(bound) for bound in _DELAYS if minutes <= bound), "more")] += 1


def run_key(capture_key: str) -> RunKey:
    """Whose run a capture or report belongs to."""
    return source_of_key(capture_key), run_of_key(capture_key)


def run_rows(
    archive: Archive,
    counts: Mapping[RunKey, RunCounts],
    reports: Mapping[str, RunReport],
    keys: Iterable[str],
    now: datetime,
) -> list[Row]:
    """The rows of all runs of some captures and reports (`keys`), with these counts and reports folded in."""
    days = {run_key(key): day_of_key(key) for key in keys}
    reported = {run_key(key): report for key, report in reports.items()}
    present = {
        (str(row["source_id"]), str(row["run_id"])): row
        for row in archive.rows_by("runs", "run_id", {run_id for _, run_id in days})
    }
    rows = []
    for key, day in sorted(days.items()):
        row = present.get(key) or _empty_row(key) | {"started_date": day}
        if key in reported:
            row = row | _reported(reported[key])
        row = _counted(row, counts.get(key, RunCounts()))
        rows.append(row | {"last_published_at": now, "schema_version": SCHEMA_VERSION})
    return rows


def _empty_row(key: RunKey) -> Row:
    row: Row = {"source_id": key[0], "run_id": key[1], "reported": False, "captures": []}
    return row | dict.fromkeys(_COUNTS, 0) | {name: {} for name in _MAPS}


def _reported(report: RunReport) -> Row:
    values: Row = {name: getattr(report, name) for name in _REPORTED}
    maps = {"refused": dict(report.refused), "failed": dict(report.failed)}
    return values | maps | {"captures": list(report.captures), "reported": True}


def _counted(row: Row, found: RunCounts) -> Row:
    # A row of an older worldwire has nulls in columns that came later.
    row = row | {name: int(str(row[name] or 0)) + found.counts[name] for name in _COUNTS}
    for name in _MAPS:
        before = row[name] or {}
        assert isinstance(before, dict)
        row[name] = dict(sorted((Counter(before) + Counter(getattr(found, name))).items()))
    if row.get("started_at") is None:  # until the report comes
        row["started_at"] = found.first_fetched_at
    return row


def receipt_row(
    key: str, *, journal: int, pages: int, articles: int, dropped: int, complete: bool, now: datetime
) -> Row:
    """That the first `pages` pages of a capture, or a report, are in the tables since that journal entry."""
    return {
        "capture_key": key,
        "source_id": source_of_key(key),
        "journal": journal,
        "complete": complete,
        "pages": pages,
        "articles": articles,
        "dropped": dropped,
        "published_at": now,
        "capture_date": day_of_key(key),
    }
