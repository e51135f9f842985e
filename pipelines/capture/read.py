"""Pages out of WARC files: all of one file in order, or one by key and offset."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pipelines.capture.keys import source_of_key
from pipelines.capture.record import Headers, MemberReader, Record, RecordError, parse_record, split_http
from pipelines.capture.tombstone import TOMBSTONE_HEADER
from pipelines.capture.write import PAGE_HEADER
from pipelines.errors import InputError, ObjectNotFoundError
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage, SourceFacts
from pipelines.store import Store

_FIRST_READ_BYTES = 1 << 18
_MAX_READ_BYTES = 1 << 27


def read_pages(store: Store, key: str) -> Iterator[RawPage | Dropped]:
    """Every captured response of a WARC file in order; revisits and requests are passed over.

    A record that cannot be read becomes a Dropped(BAD_RECORD), one that was taken down a Dropped(TAKEN_DOWN); the next
    whole one follows, so that the n-th page stays the n-th. Memory: one record.
    """
    info = _WarcInfo(SourceFacts(id=source_of_key(key), name="", homepage=""), "")
    with store.open_file(key) as file:
        reader = MemberReader(file)
        while True:
            try:
                member = reader.next_member()
                if member is None:
                    return
                record = parse_record(*member)
                if record.headers.get("warc-type") == "warcinfo":
                    info = _read_info(record, info)
                elif record.headers.get("warc-type") == "response":
                    yield _page(record, key, info)
                elif record.headers.get(TOMBSTONE_HEADER.lower()) == "response":
                    yield _not_read(key, info, record.offset, DropReason.TAKEN_DOWN, "")
            except RecordError as error:
                yield _not_read(key, info, error.offset, DropReason.BAD_RECORD, str(error))


def _not_read(key: str, info: "_WarcInfo", offset: int, reason: DropReason, detail: str) -> Dropped:
    return Dropped(
        source_id=info.source.id,
        run_id=info.run_id,
        url="",
        capture=CaptureRef(key=key, offset=offset, payload_sha256=""),
        stage="capture",
        reason=reason,
        detail=detail,
    )


def read_page(store: Store, ref: CaptureRef) -> RawPage:
    """The page that a row of the archive names. Raises InputError if it is not there or its checksum differs."""
    page = read_page_at(store, ref.key, ref.offset)
    if page.capture is None or page.capture.payload_sha256 != ref.payload_sha256:
        raise InputError(
            f"The page at byte {ref.offset} of {ref.key} is not the one that was captured: its checksum differs."
        )
    return page


def read_page_at(store: Store, key: str, offset: int) -> RawPage:
    """The page whose record starts at that byte, whatever its checksum. Raises InputError if there is none."""
    first = parse_record(0, _member_at(store, key, 0))
    info = _read_info(first, _WarcInfo(SourceFacts(id=source_of_key(key), name="", homepage=""), ""))
    try:
        record = parse_record(offset, _member_at(store, key, offset))
        if TOMBSTONE_HEADER.lower() in record.headers:
            raise InputError(f"The page at byte {offset} of {key} was taken down.")
        return _page(record, key, info)
    except RecordError as cause:
        raise InputError(f"{key} has no page at byte {offset}: {cause}.") from cause


class _WarcInfo:
    """Whose captures the file holds, from its warcinfo record."""

    def __init__(self, source: SourceFacts, run_id: str) -> None:
        self.source = source
        self.run_id = run_id


def _read_info(record: Record, before: _WarcInfo) -> _WarcInfo:
    fields: dict[str, str] = {}
    for line in record.block.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    try:
        facts: dict[str, Any] = json.loads(fields["worldwire-source"])
        source = SourceFacts(**{**facts, "languages": tuple(facts.get("languages", ()))})
    except (KeyError, ValueError, TypeError):
        return before  # a file of another crawler: the key alone says whose it is
    return _WarcInfo(source, fields.get("worldwire-run", ""))


def _page(record: Record, key: str, info: _WarcInfo) -> RawPage:
    try:
        first_line, headers, body = split_http(record.block)
        status = int(first_line.split(" ", 2)[1])
        fetched_at = datetime.fromisoformat(record.headers["warc-date"]).astimezone(UTC)
        hints = _hints(record)
    except (ValueError, KeyError, IndexError) as cause:
        raise RecordError(record.offset, f"a response that cannot be read ({cause})") from cause
    url = record.headers.get("warc-target-uri", "").strip("<>")
    return RawPage(
        source=info.source,
        run_id=info.run_id,
        requested_url=str(hints.get("requested_url") or url),
        url=url,
        status=status,
        headers=_without_chunks(headers),
        body=body,
        fetched_at=fetched_at,
        ip_address=record.headers.get("warc-ip-address"),
        discovered={str(name): str(value) for name, value in dict(hints.get("discovered") or {}).items()},
        capture=CaptureRef(key=key, offset=record.offset, payload_sha256=hashlib.sha256(body).hexdigest()),
    )


def _hints(record: Record) -> dict[str, Any]:
    hints = json.loads(record.headers.get(PAGE_HEADER.lower(), "{}"))
    if not isinstance(hints, dict) or not isinstance(hints.get("discovered") or {}, dict):
        raise ValueError("page hints of an unknown form")
    return hints


def _without_chunks(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() != "transfer-encoding")


def _member_at(store: Store, key: str, offset: int) -> bytes:
    """The unpacked gzip member that starts at `offset`, asked for in growing steps."""
    length = _FIRST_READ_BYTES
    while length <= _MAX_READ_BYTES:
        data = store.get_range(key, offset, length)
        decoder = zlib.decompressobj(31)
        try:
            unpacked = decoder.decompress(data, _MAX_READ_BYTES)
        except zlib.error as cause:
            raise InputError(f"{key} has no record at byte {offset}.") from cause
        if decoder.eof:
            return unpacked
        if len(data) < length:
            raise ObjectNotFoundError(f"{key} ends in the middle of the record at byte {offset}.")
        length *= 4
    raise InputError(f"The record at byte {offset} of {key} is larger than {_MAX_READ_BYTES} bytes.")
