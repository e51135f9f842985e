"""The archive's tables: how many rows and bytes, in how many files, how they grew, whether compaction is due."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.archive import TABLES
from pipelines.archive.tables import open_table
from pipelines.newsroom.rows import days_until
from pipelines.store import Store

DAYS = 30
SMALL_FILE_BYTES = 16 << 20
SMALL_FILES_DUE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFigures:
    """`bytes_by_day`: what the files written on each of the last DAYS days weigh, oldest first; rewrites count."""

    name: str
    version: int
    rows: int
    size_bytes: int
    files: int
    small_files: int
    changed_at: datetime | None
    bytes_by_day: tuple[int, ...]

    @property
    def is_compaction_due(self) -> bool:
        return self.small_files >= SMALL_FILES_DUE


def list_tables(store: Store, *, now: datetime) -> list[TableFigures]:
    """The tables that exist, in the order in which an entry of the journal changes them."""
    found = ((spec.name, open_table(store, spec)) for spec in TABLES.values())
    return [_figures(name, table.version(), _files(table), now.date()) for name, table in found if table is not None]


def _files(table: DeltaTable) -> pa.Table:
    return pa.table(table.get_add_actions(flatten=True)).select(["size_bytes", "modification_time", "num_records"])


def _figures(name: str, version: int, files: pa.Table, today: date) -> TableFigures:
    sizes = files["size_bytes"].to_pylist()
    written = [
        datetime.fromtimestamp(milliseconds / 1000, UTC) for milliseconds in files["modification_time"].to_pylist()
    ]
    by_day: Counter[date] = Counter()
    for size, moment in zip(sizes, written, strict=True):
        by_day[moment.date()] += size
    return TableFigures(
        name=name,
        version=version,
        rows=sum(count or 0 for count in files["num_records"].to_pylist()),
        size_bytes=sum(sizes),
        files=len(sizes),
        small_files=sum(size < SMALL_FILE_BYTES for size in sizes),
        changed_at=max(written, default=None),
        bytes_by_day=tuple(by_day[day] for day in days_until(today, DAYS)),
    )
