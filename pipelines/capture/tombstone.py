"""Takes pages out of a WARC file without moving any other record.

A tombstone is a gzip member exactly as long as the one it replaces: a small `metadata` record, padded by a comment in
the gzip header (RFC 1952, FCOMMENT), which every gzip reader skips. It says that a page stood there, not which.
"""

import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from pipelines.capture.record import MemberReader, Record, RecordError, parse_record, warc_date

TOMBSTONE_HEADER = "Worldwire-Tombstone"
_COMMENT = 0x10
_WITH_CONTENT = frozenset({"response", "revisit", "request"})


def bury_records(path: Path, is_meant: Callable[[Record], bool], now: datetime) -> int:
    """Replaces the meant requests, responses and revisits in a local WARC file; gives how many of them it replaced."""
    found: list[tuple[int, int, str]] = []
    with path.open("rb") as file:
        reader = MemberReader(file)
        while True:
            try:
                member = reader.next_member()
                if member is None:
                    break
                record = parse_record(*member)
            except RecordError:
                continue
            kind = record.headers.get("warc-type", "")
            if kind in _WITH_CONTENT and is_meant(record):
                found.append((record.offset, reader.offset - record.offset, kind))
    with path.open("r+b") as target:
        for offset, length, kind in found:
            target.seek(offset)
            target.write(_tombstone(length, kind, now))
    return len(found)


def _tombstone(length: int, kind: str, now: datetime) -> bytes:
    """A gzip member of that length. Raises ValueError below about 250 bytes, which no record with a page is."""
    lines = [
        "WARC/1.1",
        "WARC-Type: metadata",
        f"WARC-Record-ID: <urn:uuid:{uuid4()}>",
        f"WARC-Date: {warc_date(now)}",
        f"{TOMBSTONE_HEADER}: {kind}",
        "Content-Length: 0",
    ]
    text = "\r\n".join([*lines, "", "", "", ""]).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(text) + packer.flush()
    comment = length - 10 - len(packed) - 8 - 1
    if comment < 0:
        raise ValueError(f"a record of {length} bytes is too short to be replaced by a tombstone")
    head = b"\x1f\x8b\x08" + bytes([_COMMENT]) + b"\0\0\0\0\x02\xff" + b" " * comment + b"\0"
    return head + packed + struct.pack("<II", zlib.crc32(text), len(text))
