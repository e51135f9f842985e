"""Rows of a table by date and source.

A row's date is the day (UTC) on which the archive first saw it (`first_seen_date`; for `runs` the day the run started):
publication dates lie. Both ends of a range count. Rows come oldest day first, in bounded memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.archive import TABLES, Archive, TableSpec, read_entry
from pipelines.errors import ConfigurationError, StorageError, StorageUnavailableError, did_you_mean
from pipelines.store import Store

_BATCH_ROWS = 1_000
_KINDS = ("captures/", "state/", "tables/", "late/")  # what an archive has before its first journal entry


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """Which rows: first and last day (both included), and of which source; None is no bound."""

    since: date | None = None
    until: date | None = None
    source_id: str | None = None


def read_rows(
    store: Store, table: str, *, since: date | None = None, until: date | None = None, source_id: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Rows of a table in the archive's schema, oldest day first; none if nothing was published yet.

    Raises StorageUnavailableError if there is no archive at that address, and SchemaTooNewError.
    """
    spec = spec_of(table)
    check_archive(store)
    rows = Archive(store).dataset(table)
    if rows is None:
        return
    wanted = chosen(spec, RowRange(since=since, until=until, source_id=source_id))
    yield from in_order(store, spec, rows, wanted)


def in_order(store: Store, spec: TableSpec, rows: ds.Dataset, wanted: pc.Expression | None) -> Iterator[pa.RecordBatch]:
    """Rows that meet a condition, oldest day first."""
    with readable(store, spec.name):
        fragments = sorted(rows.get_fragments(wanted), key=lambda fragment: (day_of(fragment, spec), fragment.path))
        for fragment in fragments:
            yield from fragment.to_batches(
                schema=spec.schema, filter=wanted, batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1
            )


def check_archive(store: Store) -> None:
    """Raises StorageUnavailableError if there is no archive at the store's address, or it cannot be reached.

    An archive in which nothing was published yet is fine; a mistyped address is not, nor is a folder of something else.
    """
    if read_entry(store, 1) is None and not any(next(store.list(kind), None) for kind in _KINDS):
        raise StorageUnavailableError(f"There is no archive at {store.uri}.")


def check_source(store: Store, source_id: str | None) -> None:
    """Raises ConfigurationError if the archive has sources, but none of this id: a mistyped one would give no rows."""
    if source_id is None:
        return
    archive = Archive(store)
    tables = {name: rows for name in ("runs", "appearances") if (rows := archive.dataset(name)) is not None}
    known: set[str] = set()
    for name, rows in tables.items():
        with readable(store, name):
            if rows.head(1, columns=["source_id"], filter=pc.field("source_id") == source_id).num_rows:
                return
    for name, rows in tables.items():
        with readable(store, name):
            known.update(rows.to_table(columns=["source_id"])["source_id"].unique().to_pylist())
    if known:
        meant = did_you_mean(source_id, known) or "."
        raise ConfigurationError(f"The archive {store.uri} has no source {source_id!r}{meant}")


def spec_of(table: str) -> TableSpec:
    """The table's specification. Raises ConfigurationError if there is no such table."""
    if table not in TABLES:
        raise ConfigurationError(f"The archive has no table {table!r}; it has {', '.join(TABLES)}.")
    return TABLES[table]


def chosen(spec: TableSpec, rows: RowRange) -> pc.Expression | None:
    """The range as a condition; None if all are meant. Raises ConfigurationError if the table cannot be so asked."""
    tests: list[pc.Expression] = []
    if (rows.since or rows.until) and spec.partition is None:
        raise ConfigurationError(f"The table {spec.name} has no dates to choose by.")
    if rows.since is not None:
        tests.append(pc.field(spec.partition) >= pa.scalar(rows.since, pa.date32()))
    if rows.until is not None:
        tests.append(pc.field(spec.partition) <= pa.scalar(rows.until, pa.date32()))
    if rows.source_id is not None:
        if "source_id" not in spec.schema.names:
            raise ConfigurationError(f"The rows of the table {spec.name} belong to no source.")
        tests.append(pc.field("source_id") == rows.source_id)
    wanted = None
    for test in tests:
        wanted = test if wanted is None else wanted & test
    return wanted


def day_of(fragment: ds.ParquetFileFragment, spec: TableSpec) -> date:
    """The day under which a file lies."""
    day = ds.get_partition_keys(fragment.partition_expression).get(spec.partition)
    return day if isinstance(day, date) else date.min


@contextmanager
def readable(store: Store, table: str) -> Iterator[None]:
    """Gives what goes wrong while rows are read as one sentence."""
    try:
        yield
    except FileNotFoundError as cause:
        raise StorageError(
            f"A file of the table {table} of {store.uri} was cleared away while it was read; try again."
        ) from cause
    except (OSError, pa.ArrowException) as cause:
        message = " ".join(str(cause).split())[:300]
        raise StorageUnavailableError(f"The table {table} of {store.uri} cannot be read: {message}.") from cause
