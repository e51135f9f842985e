"""One source over a quarter of a year: its days, what was dropped and why, its newest articles and runs."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import TABLES, Archive
from pipelines.health import SourceHealth, judge_sources
from pipelines.health.health import HISTORY
from pipelines.newsroom.rows import Row, Rows, days_until, open_rows
from pipelines.store import Store

DAYS = 90
NEWEST = 30
RUNS = 20
_NEWEST_DAYS = (3, DAYS)  # most sources fill the list from the last days; the others have few rows anyway

_DAYS = """
    SELECT started_date AS day, sum(asked) AS asked, sum(captured) AS captured, sum(unchanged) AS unchanged,
        sum(pages) AS pages, sum(new_appearances) AS new,
        sum(coalesce(list_sum(map_values(dropped)), 0)) AS dropped,
        sum(coalesce(list_sum(map_values(clutter_removed)), 0)) AS clutter,
        sum(coalesce(list_sum(map_values(refused)), 0) + coalesce(list_sum(map_values(failed)), 0)) AS refused,
        count(*) FILTER (outcome IN ('failed', 'killed')) AS failed_runs
    FROM runs GROUP BY ALL
"""
_COUNTS = """
    SELECT name, sum(count) AS count
    FROM (SELECT unnest(map_keys({column})) AS name, unnest(map_values({column})) AS count FROM runs)
    GROUP BY name ORDER BY count DESC, name
"""
_NEWEST = f"""
    SELECT article_id, story_id, title, url, first_seen_at, published_at, word_count, credited_agency, revision,
        coalesce(list_sum(map_values(removed)), 0) AS clutter
    FROM articles WHERE source_id = $source_id AND first_seen_date >= $since
    ORDER BY first_seen_at DESC, article_id LIMIT {NEWEST}
"""  # noqa: S608 - a constant of ours
_LAST_RUNS = f"""
    SELECT run_id, started_at, epoch(ended_at) - epoch(started_at) AS seconds, outcome, reason, asked, captured,
        unchanged, new_articles, coalesce(list_sum(map_values(dropped)), 0) AS dropped, dag_run_id
    FROM runs ORDER BY started_at DESC LIMIT {RUNS}
"""  # noqa: S608 - a constant of ours
_UNREAD = frozenset(("bytes_received", "captures", "published_captures", "last_published_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Sums over the runs that started on one day."""

    day: date
    asked: int = 0
    captured: int = 0
    unchanged: int = 0
    pages: int = 0
    new: int = 0
    dropped: int = 0
    clutter: int = 0
    refused: int = 0
    failed_runs: int = 0

    @property
    def clutter_per_page(self) -> float:
        """Pieces of clutter taken out of a page that gave an article."""
        extracted = self.pages - self.dropped
        return self.clutter / extracted if extracted > 0 else 0.0

    @property
    def share_dropped(self) -> float:
        """Share of the captured pages that gave no article, in [0, 1]."""
        return self.dropped / self.pages if self.pages else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """`days` has one entry a day for DAYS days; `dropped`, `refused`, `failed` and `clutter` count by name, most first.

    `newest` and `runs` are rows, the latest first. `health` is None for a source without a run in the health's history.
    """

    source_id: str
    health: SourceHealth | None
    days: tuple[Day, ...]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    failed: Mapping[str, int]
    clutter: Mapping[str, int]
    newest: tuple[Row, ...]
    runs: tuple[Row, ...]


def view_source(store: Store, source_id: str, *, now: datetime) -> SourceView | None:
    """None if the archive has no run of that source within DAYS days."""
    since = now.date() - timedelta(days=DAYS - 1)
    with ThreadPoolExecutor(1) as beside:
        newest = beside.submit(_newest, store, source_id, now.date())
        runs = _runs(store, source_id, since)
        if not runs.num_rows:
            return None
        with open_rows(store, ()) as rows:
            rows.add("runs", runs)
            days = {row["day"]: row for row in rows.ask(_DAYS)}
            return SourceView(
                source_id=source_id,
                health=_health(runs, now),
                days=tuple(_day(day, days.get(day)) for day in days_until(now.date(), DAYS)),
                dropped=_counts(rows, "dropped"),
                refused=_counts(rows, "refused"),
                failed=_counts(rows, "failed"),
                clutter=_counts(rows, "clutter_removed"),
                runs=tuple(rows.ask(_LAST_RUNS)),
                newest=newest.result(),
            )


def _newest(store: Store, source_id: str, today: date) -> tuple[Row, ...]:
    found: list[Row] = []
    with open_rows(store, ("articles",)) as rows:
        for days in _NEWEST_DAYS:
            found = rows.ask(_NEWEST, source_id=source_id, since=today - timedelta(days=days - 1))
            if len(found) == NEWEST:
                break
    return tuple(found)


def _health(runs: pa.Table, now: datetime) -> SourceHealth | None:
    recent = runs.filter(pc.field("started_date") >= pa.scalar((now - HISTORY).date(), pa.date32()))
    return next(iter(judge_sources(recent, now=now)), None)


def _runs(store: Store, source_id: str, since: date) -> pa.Table:
    """The source's rows, read once for all questions."""
    found = Archive(store).dataset("runs")
    if found is None:
        return TABLES["runs"].schema.empty_table()
    wanted = (pc.field("source_id") == source_id) & (pc.field("started_date") >= pa.scalar(since, pa.date32()))
    columns = [name for name in TABLES["runs"].schema.names if name not in _UNREAD]
    return found.to_table(columns=columns, filter=wanted)


def _day(day: date, row: Row | None) -> Day:
    if row is None:
        return Day(day=day)
    return Day(day=day, **{name: int(value or 0) for name, value in row.items() if name != "day"})


def _counts(rows: Rows, column: str) -> Mapping[str, int]:
    return {row["name"]: int(row["count"]) for row in rows.ask(_COUNTS.format(column=column))}
