"""The archive's tables: how many rows and bytes, in how many files, how they grew, whether compaction is due."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.archive import TABLES
from pipelines.archive.tables import open_table
from pipelines.newsroom.rows import days_until, open_rows
from pipelines.store import Store

DAYS = 90
SMALL_FILE_BYTES = 16 << 20
SMALL_FILES_DUE = 50
_VERSIONS_LOOKED_AT = 100

_CAPTURED = """
    SELECT started_date AS day, sum(bytes_received) AS bytes, sum(captured) AS pages
    FROM runs WHERE started_date >= $since GROUP BY ALL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFigures:
    """`rows_until`, `bytes_until`: what the table held of the days up to each of the last DAYS days, oldest first.

    A row's day is its partition's; `compacted_at` is None where the last versions have no compaction.
    """

    name: str
    version: int
    rows: int
    size_bytes: int
    files: int
    small_files: int
    changed_at: datetime | None
    compacted_at: datetime | None
    rows_until: tuple[int, ...]
    bytes_until: tuple[int, ...]

    @property
    def is_compaction_due(self) -> bool:
        return self.small_files >= SMALL_FILES_DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFigures:
    """The tables that exist, in the order in which an entry of the journal changes them; what was fetched a day."""

    days: tuple[date, ...]
    tables: tuple[TableFigures, ...]
    bytes_fetched: tuple[int, ...]
    pages_fetched: tuple[int, ...]


def view_archive(store: Store, *, now: datetime) -> ArchiveFigures:
    """Raises StorageUnavailableError, SchemaTooNewError."""
    days = days_until(now.date(), DAYS)
    with open_rows(store, ("runs",)) as rows:
        found = {row["day"]: row for row in rows.ask(_CAPTURED, since=days[0])}
    return ArchiveFigures(
        days=tuple(days),
        tables=tuple(_figures(name, partition, table, days) for name, partition, table in _tables(store)),
        bytes_fetched=tuple(int(found[day]["bytes"] or 0) if day in found else 0 for day in days),
        pages_fetched=tuple(int(found[day]["pages"] or 0) if day in found else 0 for day in days),
    )


def _tables(store: Store) -> Iterator[tuple[str, str | None, DeltaTable]]:
    for spec in TABLES.values():
        table = open_table(store, spec)
        if table is not None:
            yield spec.name, spec.partition, table


def _figures(name: str, partition: str | None, table: DeltaTable, days: Sequence[date]) -> TableFigures:
    files = pa.table(table.get_add_actions(flatten=True))
    sizes: list[int] = files["size_bytes"].to_pylist()
    rows: list[int] = [count or 0 for count in files["num_records"].to_pylist()]
    written = [_moment(milliseconds) for milliseconds in files["modification_time"].to_pylist()]
    of_day = [moment.date() for moment in written]
    if partition is not None and sizes:
        of_day = files[f"partition.{partition}"].to_pylist()
    return TableFigures(
        name=name,
        version=table.version(),
        rows=sum(rows),
        size_bytes=sum(sizes),
        files=len(sizes),
        small_files=sum(size < SMALL_FILE_BYTES for size in sizes),
        changed_at=max(written, default=None),
        compacted_at=_compacted_at(table),
        rows_until=_until(of_day, rows, days),
        bytes_until=_until(of_day, sizes, days),
    )


def _until(of_day: Sequence[date], values: Sequence[int], days: Sequence[date]) -> tuple[int, ...]:
    """Sums up to each of the days; what is older than the first of them is in all."""
    by_day: Counter[date] = Counter()
    for day, value in zip(of_day, values, strict=True):
        by_day[max(day, days[0] - timedelta(days=1))] += value
    start = by_day[days[0] - timedelta(days=1)]
    return tuple(accumulate((by_day[day] for day in days), initial=start))[1:]


def _compacted_at(table: DeltaTable) -> datetime | None:
    done = (entry for entry in table.history(_VERSIONS_LOOKED_AT) if entry.get("operation") == "OPTIMIZE")
    return next((_moment(entry["timestamp"]) for entry in done), None)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
