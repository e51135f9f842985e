"""Where a row came from: the WARC record with its request, the run, the receipt; the checksum verified."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.archive import JOURNAL, Archive, Row, read_entry
from pipelines.capture import captures_kept_from, day_of_key
from pipelines.capture.record import Headers, MemberReader, Record, RecordError, parse_record, split_http
from pipelines.errors import InputError, ObjectNotFoundError, StorageError
from pipelines.store import Store

_FIRST_READ_BYTES = 1 << 18
_MAX_READ_BYTES = 1 << 27


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """An article's way back. `capture` says whether its record was read and its checksum is the row's.

    `run` and `receipt` are rows of those tables, `entry` the journal's entry that last wrote the row, with the run of
    the DAG that put it; None where they are missing.
    """

    article: Mapping[str, Any]
    capture: str
    is_verified: bool
    warc_headers: Mapping[str, str]
    response: tuple[str, Headers]
    request: tuple[str, Headers]
    run: Mapping[str, Any] | None
    receipt: Mapping[str, Any] | None
    entry: Mapping[str, Any] | None


def find_origin(store: Store, any_id: str) -> Origin:
    """Where the article or appearance of that id came from. Raises InputError if there is none."""
    archive = Archive(store)
    row = _row(archive, any_id)
    if row is None:
        raise InputError(f"The archive {store.uri} has no article or appearance {any_id!r}.")
    record, request, words, is_verified = _exchange(store, row)
    run = [
        run for run in archive.rows_by("runs", "run_id", {str(row["run_id"])}) if run["source_id"] == row["source_id"]
    ]
    receipts = archive.rows_by("receipts", "capture_key", {str(row["capture_key"])})
    return Origin(
        article={name: value for name, value in row.items() if name != "text"},
        capture=words,
        is_verified=is_verified,
        warc_headers=record.headers if record else {},
        response=_head(record),
        request=_head(request),
        run=run[0] if run else None,
        receipt=receipts[0] if receipts else None,
        entry=_entry(store, row, receipts),
    )


def _entry(store: Store, row: Mapping[str, Any], receipts: list[Row]) -> Mapping[str, Any] | None:
    """What wrote the row; of a row that is older than its own column, what published its capture."""
    number: Any = row[JOURNAL] or (receipts[0][JOURNAL] if receipts else None)
    entry = read_entry(store, int(number)) if number else None
    if entry is None:
        return None
    return {name: getattr(entry, name) for name in ("number", "kind", "written_at", "dag_run_id")}


def _row(archive: Archive, any_id: str) -> Mapping[str, Any] | None:
    for table, column in (("articles", "article_id"), ("appearances", "appearance_id")):
        for row in archive.rows_by(table, column, {any_id}):
            return row
    return None


def _exchange(store: Store, row: Mapping[str, Any]) -> tuple[Record | None, Record | None, str, bool]:
    """The response's record and its request's, what is to be said of them, and whether the payload is the row's."""
    try:
        records = _records(store, str(row["capture_key"]), int(row["capture_offset"]))
    except ObjectNotFoundError:
        return None, None, _why_gone(store, str(row["capture_key"])), False
    except RecordError as error:
        return None, None, f"the record cannot be read: {error}", False
    record = records[0]
    request = next((other for other in records[1:] if _answers(other, record)), None)
    try:
        _, _, body = split_http(record.block)
    except ValueError as error:
        return record, request, f"the record cannot be read: {error}", False
    if hashlib.sha256(body).hexdigest() != row["payload_sha256"]:
        return record, request, "the payload is not the one that was captured: its checksum differs", False
    return record, request, "read, checksum verified", True


def _why_gone(store: Store, key: str) -> str:
    kept_from = captures_kept_from(store)
    if kept_from is not None and day_of_key(key) < kept_from:
        return "the WARC file was removed when its retention ended"
    return "the WARC file is gone, and not by retention"


def _records(store: Store, key: str, offset: int) -> list[Record]:
    """The record at the offset and the one behind it, if there is one. Raises RecordError, ObjectNotFoundError."""
    length = _FIRST_READ_BYTES
    while True:
        data = store.get_range(key, offset, length)
        reader = MemberReader(io.BytesIO(data))
        records: list[Record] = []
        try:
            while len(records) < 2 and (member := reader.next_member()) is not None:
                records.append(parse_record(*member))
        except RecordError:
            if len(data) == length and length < _MAX_READ_BYTES:
                length *= 4
                continue
            if not records:
                raise
        if not records:
            raise StorageError(f"{key} in {store.uri} has no record at byte {offset}.")
        return records


def _answers(request: Record, response: Record) -> bool:
    return request.headers.get("warc-concurrent-to") == response.headers.get("warc-record-id")


def _head(record: Record | None) -> tuple[str, Headers]:
    if record is None:
        return "", ()
    try:
        first_line, headers, _ = split_http(record.block)
    except ValueError:
        return "", ()
    return first_line, headers
