"""One WARC record as bytes: written as a gzip member, parsed back."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

Headers = tuple[tuple[str, str], ...]

_PLAIN_LEVEL = 6
_PACKED_LEVEL = 0  # stored in the member as it is: to try to pack it again takes thirty times as long, for 0.3 %
_SAMPLE_BYTES = 2048
_PACKED_SHARE = 0.9
_HEAD_END = b"\r\n\r\n"
_MEMBER_START = b"\x1f\x8b\x08"
_READ_BYTES = 1 << 16
MAX_RECORD_BYTES = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it stands in a file: its headers (names lower-cased) and its block."""

    offset: int
    headers: dict[str, str]
    block: bytes


class RecordError(ValueError):
    """A record that cannot be read; `offset` is where it starts."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


def header_safe(value: str) -> str:
    """The value without anything that could end its line: control characters become spaces, the rest stays."""
    return "".join(char if char >= " " and char != "\x7f" else " " for char in value)


def warc_date(moment: datetime) -> str:
    """The moment as WARC-Date, to the microsecond."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def http_block(first_line: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """An HTTP message; headers are latin-1 as on the wire, other characters are escaped."""
    lines = [first_line, *(f"{header_safe(name)}: {header_safe(value)}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1", "backslashreplace") + _HEAD_END + body


def split_http(block: bytes) -> tuple[str, Headers, bytes]:
    """First line, headers and body of an HTTP message. Raises ValueError if it has no end of headers."""
    head, found, body = block.partition(_HEAD_END)
    if not found:
        raise ValueError("an HTTP message without an end of its headers")
    lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines[1:]]
    return lines[0], tuple((name.strip(), value.strip()) for name, found, value in pairs if found), body


def is_packed(body: bytes) -> bool:
    """Whether it does not shrink, as what came compressed; its first bytes tell, whatever the server says of it."""
    sample = body[:_SAMPLE_BYTES]
    return len(zlib.compress(sample, 1)) > _PACKED_SHARE * len(sample)


def gzip_record(headers: Iterable[tuple[str, str]], block: bytes, *, compressed: bool = False) -> bytes:
    """The record as one gzip member without a time stamp: the same record gives the same bytes."""
    lines = ["WARC/1.1", *(f"{name}: {header_safe(value)}" for name, value in headers)]
    head = "\r\n".join([*lines, f"Content-Length: {len(block)}"]).encode() + _HEAD_END
    packer = zlib.compressobj(_PACKED_LEVEL if compressed else _PLAIN_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(head) + packer.compress(block) + packer.compress(_HEAD_END) + packer.flush()


def parse_record(offset: int, data: bytes) -> Record:
    """The record in an unpacked member. Raises RecordError."""
    head, found, rest = data.partition(_HEAD_END)
    if not found or not head.startswith(b"WARC/"):
        raise RecordError(offset, "not a WARC record")
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) > len(rest):
        raise RecordError(offset, "a WARC record shorter than it says")
    return Record(offset=offset, headers=headers, block=rest[: int(length)])


class MemberReader:
    """Unpacks the gzip members of a file one by one, in memory bounded by one record.

    `next_member` gives (offset, bytes), or None at the end. Raises RecordError on a broken or cut member; it then
    stands at the next thing that looks like a member.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._buffer = b""
        self._offset = 0

    @property
    def offset(self) -> int:
        """Where the next member starts."""
        return self._offset

    def next_member(self) -> tuple[int, bytes] | None:
        if not self._buffer and not self._more():
            return None
        start = self._offset
        decoder = zlib.decompressobj(31)
        parts: list[bytes] = []
        size = used = 0
        while True:
            chunk = self._buffer
            try:
                part = decoder.decompress(chunk, MAX_RECORD_BYTES - size + 1)
            except zlib.error as cause:
                self._skip_to_member(start)
                raise RecordError(start, f"a broken gzip member ({cause})") from cause
            size += len(part)
            parts.append(part)
            if decoder.unconsumed_tail:
                self._skip_to_member(start)
                raise RecordError(start, f"a record of more than {MAX_RECORD_BYTES} bytes")
            used += len(chunk) - len(decoder.unused_data)
            self._buffer = decoder.unused_data
            if decoder.eof:
                self._offset = start + used
                return start, b"".join(parts)
            if not self._more():
                self._offset = start + used
                raise RecordError(start, "the file is cut in the middle of a record")

    def _more(self) -> bool:
        self._buffer = self._file.read(_READ_BYTES)
        return bool(self._buffer)

    def _skip_to_member(self, start: int) -> None:
        """Stands at the first member's magic number after `start`, or at the end."""
        at = start + 1
        self._file.seek(at)
        kept = b""
        while chunk := self._file.read(_READ_BYTES):
            data = kept + chunk
            found = data.find(_MEMBER_START)
            if found >= 0:
                self._offset = at - len(kept) + found
                self._file.seek(self._offset)
                self._buffer = b""
                return
            at += len(chunk)
            kept = data[-2:]
        self._offset = at
        self._buffer = b""
