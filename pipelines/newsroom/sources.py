"""Every source in one row: how it is, and its figures of the last two weeks."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipelines.health import SourceHealth, source_health
from pipelines.newsroom.rows import Row, Rows, days_until, open_rows
from pipelines.store import Store

DAYS = 14

_RUNS = """
    SELECT source_id, started_date AS day, sum(asked) AS asked, sum(captured) AS captured, sum(unchanged) AS unchanged,
        sum(pages) AS pages, sum(new_articles) AS new_articles, sum(new_appearances) AS new_appearances,
        sum(coalesce(list_sum(map_values(dropped)), 0)) AS dropped,
        sum(coalesce(list_sum(map_values(clutter_removed)), 0)) AS clutter,
        sum(coalesce(refused['robots'], 0)) AS robots
    FROM runs WHERE started_date >= $since GROUP BY ALL
"""
# A delay of more than two days is a source's archive being read, not lateness; a date without a time tells nothing.
_DELAYS = """
    SELECT source_id, quantile_cont(epoch(first_seen_at) - epoch(published_at), [0.5, 0.95]) AS delays
    FROM articles
    WHERE first_seen_date >= $since AND published_precision <> 'day'
        AND epoch(first_seen_at) - epoch(published_at) BETWEEN 0 AND 172800
    GROUP BY ALL
"""
_COPIES = """
    SELECT source_id, avg(CASE WHEN kind = 'original' THEN 0.0 ELSE 1.0 END) AS share
    FROM appearances WHERE first_seen_date >= $since GROUP BY ALL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """Health and the last DAYS days. Shares are in [0, 1], None where there is nothing to share; delays in seconds.

    `new_by_day`: pages new to the archive, oldest day first. `clutter_per_page`: pieces of clutter taken out of a page.
    """

    health: SourceHealth
    new_by_day: tuple[int, ...]
    share_unchanged: float | None
    share_dropped: float | None
    dropped: int
    share_copies: float | None
    clutter_per_page: float | None
    robots_refused: int
    delay_median: float | None
    delay_p95: float | None


def list_sources(store: Store, *, now: datetime) -> list[SourceFigures]:
    """One entry a source with a run in the history that health looks at; the ill come first, then by id."""
    since = now.date() - timedelta(days=DAYS - 1)
    runs: dict[str, list[Row]] = defaultdict(list)
    with open_rows(store, ("runs", "articles", "appearances")) as rows:
        for row in rows.ask(_RUNS, since=since):
            runs[row["source_id"]].append(row)
        delays, copies = _by_source(rows, _DELAYS, "delays", since), _by_source(rows, _COPIES, "share", since)
    order = {"ill": 0, "off": 1, "quiet": 2, "well": 3}
    healths = sorted(source_health(store, now=now), key=lambda health: (order[health.state], health.source_id))
    return [
        _figures(health, runs[health.source_id], delays.get(health.source_id), copies.get(health.source_id), now.date())
        for health in healths
    ]


def _by_source(rows: Rows, query: str, column: str, since: date) -> Mapping[str, object]:
    return {row["source_id"]: row[column] for row in rows.ask(query, since=since)}


def _figures(health: SourceHealth, days: list[Row], delays: object, copies: object, today: date) -> SourceFigures:
    new = {row["day"]: int(row["new_appearances"] or 0) for row in days}
    total = {
        name: sum(int(row[name] or 0) for row in days)
        for name in ("asked", "unchanged", "pages", "dropped", "clutter", "robots")
    }
    median, p95 = delays if isinstance(delays, list) else (None, None)
    return SourceFigures(
        health=health,
        new_by_day=tuple(new.get(day, 0) for day in days_until(today, DAYS)),
        share_unchanged=_share(total["unchanged"], total["asked"]),
        share_dropped=_share(total["dropped"], total["pages"]),
        dropped=total["dropped"],
        share_copies=copies if isinstance(copies, float) else None,
        clutter_per_page=_share(total["clutter"], total["pages"] - total["dropped"]),
        robots_refused=total["robots"],
        delay_median=median,
        delay_p95=p95,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
