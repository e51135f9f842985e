"""Rows to a file that is whole or not there.

jsonl     one JSON object a line; times as 2026-11-20T06:00:00Z, lists as arrays, maps as objects
parquet   the table's own columns and types, ZSTD
csv       RFC 4180 with a header; lists and maps as JSON; a cell that could run as a formula gets a ' before it
"""

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, Literal, get_args
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.archive import TABLES
from pipelines.errors import ConfigurationError, InputError
from pipelines.readers.as_of import read_as_of
from pipelines.readers.changes import read_changes
from pipelines.readers.rows import RowRange, read_rows, spec_of
from pipelines.store import Store

ExportFormat = Literal["jsonl", "parquet", "csv"]
EXPORT_FORMATS: tuple[str, ...] = get_args(ExportFormat)
STDOUT = Path("-")

# OWASP, CSV injection: what Excel, LibreOffice and Google Sheets take for the start of a formula.
# What is not seen before it (spaces, control and direction characters) does not make it text.
_FORMULA = re.compile(r"[\t\r\n]|[\s\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060\ufeff]*[=+\-@＝＋－＠]")


def export_rows(
    store: Store,
    table: str,
    output: Path,
    *,
    format: ExportFormat,
    rows: RowRange | None = None,
    as_of: datetime | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> int:
    """Writes the rows to a file, or to standard output for `-`, and gives their number.

    With `as_of` (only of `articles`) as they were at that moment. `on_rows` is told the count so far. The file appears
    under its name when it is whole. Raises InputError if it cannot be written, ConfigurationError.
    """
    spec, wanted = spec_of(table), rows or RowRange()
    if as_of is None:
        batches = read_rows(store, table, since=wanted.since, until=wanted.until, source_id=wanted.source_id)
    elif spec is not TABLES["articles"]:
        raise ConfigurationError(f"Only articles can be had as of a moment, not {table}.")
    else:
        batches = read_as_of(store, as_of, rows=wanted)
    with _whole_file(output) as file:
        return _WRITERS[format](_counted(batches, on_rows), spec.schema, file)


def export_changes(
    store: Store,
    table: str,
    output: Path,
    *,
    format: ExportFormat,
    since_version: int,
    on_rows: Callable[[int], None] | None = None,
) -> tuple[int, int]:
    """Writes what changed since a version as `export_rows` does; gives the number of rows and the version to ask from
    next time.
    """
    changes = read_changes(store, table, since_version=since_version)
    with _whole_file(output) as file:
        count = _WRITERS[format](_counted(changes.batches, on_rows), changes.schema, file)
    return count, changes.version


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
        return f"'{value}" if _FORMULA.match(value) else value
    if isinstance(value, datetime | date):
        return _plain(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)
