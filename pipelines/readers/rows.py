"""Rows of a table by date and source, and their export to a file.

A row's date is the day (UTC) on which the archive first saw it (`first_seen_date`; for `runs` the day the run started):
publication dates lie. Both ends of a range count. Rows come oldest day first, in bounded memory.

    jsonl     one JSON object a line; times as 2026-11-20T06:00:00Z, lists as arrays, maps as objects
    parquet   the table's own columns and types, ZSTD
    csv       RFC 4180 with a header; lists and maps as JSON; a cell that could run as a formula gets a ' before it
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Literal, get_args
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.archive import TABLES, Archive, TableSpec, read_entry
from pipelines.errors import ConfigurationError, InputError, StorageError, StorageUnavailableError
from pipelines.store import Store

ExportFormat = Literal["jsonl", "parquet", "csv"]
EXPORT_FORMATS: tuple[str, ...] = get_args(ExportFormat)
STDOUT = Path("-")

_BATCH_ROWS = 1_000
# OWASP, CSV injection: what Excel, LibreOffice and Google Sheets take for the start of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
    spec = _spec(table)
    check_archive(store)
    rows = Archive(store).dataset(table)
    if rows is None:
        return
    wanted = _filter(spec, RowRange(since=since, until=until, source_id=source_id))
    with _readable(store, table):
        fragments = sorted(rows.get_fragments(wanted), key=lambda fragment: _day_and_path(fragment, spec))
        for fragment in fragments:
            yield from fragment.to_batches(
                schema=spec.schema, filter=wanted, batch_size=_BATCH_ROWS, batch_readahead=1, fragment_readahead=1
            )


def export_rows(
    store: Store,
    table: str,
    output: Path,
    *,
    format: ExportFormat,
    rows: RowRange | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> int:
    """Writes the rows to a file, or to standard output for `-`, and gives their number.

    `on_rows` is told the count so far. The file appears under its name when it is whole. Raises InputError if it
    cannot be written.
    """
    wanted = rows or RowRange()
    batches = read_rows(store, table, since=wanted.since, until=wanted.until, source_id=wanted.source_id)
    counted = _counted(batches, on_rows)
    with _whole_file(output) as file:
        return _WRITERS[format](counted, _spec(table).schema, file)


def check_archive(store: Store) -> None:
    """Raises StorageUnavailableError if there is nothing at the store's address, or it cannot be reached.

    An archive in which nothing was published yet is fine; a mistyped address is not.
    """
    if read_entry(store, 1) is None and next(store.list(""), None) is None:
        raise StorageUnavailableError(f"There is no archive at {store.uri}.")


def _spec(table: str) -> TableSpec:
    if table not in TABLES:
        raise ConfigurationError(f"The archive has no table {table!r}; it has {', '.join(TABLES)}.")
    return TABLES[table]


def _filter(spec: TableSpec, rows: RowRange) -> pc.Expression | None:
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


def _day_and_path(fragment: ds.ParquetFileFragment, spec: TableSpec) -> tuple[date, str]:
    day = ds.get_partition_keys(fragment.partition_expression).get(spec.partition)
    return (day if isinstance(day, date) else date.min, fragment.path)


@contextmanager
def _readable(store: Store, table: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as cause:
        raise StorageError(
            f"A file of the table {table} of {store.uri} was cleared away while it was read; try again."
        ) from cause
    except (OSError, pa.ArrowException) as cause:
        message = " ".join(str(cause).split())[:300]
        raise StorageUnavailableError(f"The table {table} of {store.uri} cannot be read: {message}.") from cause


def _counted(batches: Iterator[pa.RecordBatch], on_rows: Callable[[int], None] | None) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        if batch.num_rows:
            yield batch
            done += batch.num_rows
            if on_rows is not None:
                on_rows(done)


@contextmanager
def _whole_file(output: Path) -> Iterator[IO[bytes]]:
    """The file to write to: put under its final name at the end, removed if anything stops the writing."""
    if output == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if output.exists() and not output.is_file():
        if output.is_dir():
            raise InputError(f"{output} is a folder; name a file to export to.")
        with _writable(output), output.open("wb") as device:  # a pipe or a device has no other name to write under
            yield device
        return
    temporary = output.parent / f".{output.name}.{uuid4().hex[:8]}.part"
    try:
        with _writable(output):
            with temporary.open("xb") as file:
                yield file
            temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _writable(output: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise InputError(f"{output} cannot be written: {cause.strerror or cause}.") from cause


def _write_jsonl(batches: Iterator[pa.RecordBatch], schema: pa.Schema, file: IO[bytes]) -> int:
    count = 0
    for batch in batches:
        lines = [json.dumps(row, ensure_ascii=False, default=_plain) for row in _as_dicts(batch)]
        file.write(("\n".join(lines) + "\n").encode("utf-8", "replace"))
        count += len(lines)
    return count


def _write_csv(batches: Iterator[pa.RecordBatch], schema: pa.Schema, file: IO[bytes]) -> int:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(schema.names)
    count = 0
    for batch in batches:
        for row in _as_dicts(batch):
            writer.writerow([csv_cell(row[name]) for name in schema.names])
            count += 1
        file.write(text.getvalue().encode("utf-8", "replace"))
        text.seek(0)
        text.truncate()
    file.write(text.getvalue().encode())
    return count


def _write_parquet(batches: Iterator[pa.RecordBatch], schema: pa.Schema, file: IO[bytes]) -> int:
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
            count += batch.num_rows
    return count


_WRITERS: Mapping[str, Callable[[Iterator[pa.RecordBatch], pa.Schema, IO[bytes]], int]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _as_dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = batch.to_pylist(maps_as_pydicts="strict")
    return rows


def csv_cell(value: object) -> str:
    """One cell of a CSV file: text that would be run as a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value
    if isinstance(value, datetime | date):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
