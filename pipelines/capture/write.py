"""The rolling WARC writer of one crawl, and the rescue of what a dead crawl left.

A file grows in a local spool folder, locked while its writer lives, and is stored whole when full, old or closed. Its
place in the spool mirrors its key, so whoever finds it later stores it under the same key with the same bytes.
"""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from uuid import uuid4

from pipelines.capture.keys import WARC_SUFFIX, announce_late, capture_prefix
from pipelines.capture.record import MemberReader, RecordError, gzip_record, http_block, is_packed, warc_date
from pipelines.errors import StorageUnavailableError
from pipelines.model import RawPage, SourceFacts
from pipelines.store import Store

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_FILE_SECONDS = 300.0
PAGE_HEADER = "Worldwire-Page"
REVISIT_NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
REVISIT_SAME_PAYLOAD = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_DROPPED_HEADERS = frozenset({"transfer-encoding"})


class CaptureWriter:
    """Writes the pages of one run of one source; `on_stored(key)` is called once a file is on object storage."""

    def __init__(
        self,
        store: Store,
        spool: Path,
        source: SourceFacts,
        run_id: str,
        started_at: datetime,
        *,
        user_agent: str,
        max_file_bytes: int = MAX_FILE_BYTES,
        max_file_seconds: float = MAX_FILE_SECONDS,
        on_stored: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._spool = spool_folder(spool, store.uri)
        self._source = source
        self._run_id = run_id
        self._started_at = started_at
        self._user_agent = user_agent
        self._max_file_bytes = max_file_bytes
        self._max_file_seconds = max_file_seconds
        self._on_stored = on_stored
        self._file: BinaryIO | None = None
        self._key = ""
        self._opened = 0.0
        self._stored: list[str] = []

    def write(self, page: RawPage) -> None:
        """Adds the request and the response; the body is kept as it was transferred."""
        response_id, request_id = _record_id(), _record_id()
        headers = [(name, value) for name, value in page.headers if name.lower() not in _DROPPED_HEADERS]
        block = http_block(f"HTTP/1.1 {page.status} {_reason(page.status)}", headers, page.body)
        fields = [
            ("WARC-Type", "response"),
            ("WARC-Record-ID", response_id),
            *self._target(page),
            ("WARC-Payload-Digest", f"sha256:{hashlib.sha256(page.body).hexdigest()}"),
            ("WARC-Block-Digest", f"sha256:{hashlib.sha256(block).hexdigest()}"),
            ("Content-Type", "application/http; msgtype=response"),
            (PAGE_HEADER, json.dumps({"requested_url": page.requested_url, "discovered": dict(page.discovered)})),
        ]
        record = gzip_record(fields, block, compressed=is_packed(page.body))
        self._append(record + self._request(page, request_id, response_id))

    def write_revisit(self, page: RawPage, *, payload_sha256: str | None) -> None:
        """Adds a revisit record: a 304, or a body whose digest is the one already captured."""
        profile = REVISIT_NOT_MODIFIED if page.status == 304 else REVISIT_SAME_PAYLOAD
        block = http_block(f"HTTP/1.1 {page.status} {_reason(page.status)}", page.headers, b"")
        revisit_id = _record_id()
        fields = [
            ("WARC-Type", "revisit"),
            ("WARC-Record-ID", revisit_id),
            *self._target(page),
            ("WARC-Profile", profile),
            ("WARC-Refers-To-Target-URI", page.url),
            *([("WARC-Payload-Digest", f"sha256:{payload_sha256}")] if payload_sha256 else []),
            ("Content-Type", "application/http; msgtype=response"),
        ]
        self._append(gzip_record(fields, block) + self._request(page, _record_id(), revisit_id))

    def rotate(self) -> tuple[str, ...]:
        """Stores the file that is open, if any, and gives the keys of all files stored so far."""
        if self._file is not None:
            file, self._file = self._file, None
            file.flush()
            path = self._spool / self._key
            announce_late(self._store, self._key, datetime.now(UTC))
            self._store.put_file(self._key, path)
            path.unlink()
            file.close()
            self._stored.append(self._key)
            if self._on_stored is not None:
                self._on_stored(self._key)
        return tuple(self._stored)

    def close(self) -> tuple[str, ...]:
        """Stores what is open and gives the keys of all files of the run."""
        return self.rotate()

    def _append(self, members: bytes) -> None:
        if self._file is not None and self._is_full():
            self.rotate()
        file = self._file or self._open()
        try:
            file.write(members)
            file.flush()
        except OSError as cause:
            raise StorageUnavailableError(f"The spool {self._spool} cannot be written: {cause.strerror}.") from cause

    def _is_full(self) -> bool:
        aged = time.monotonic() - self._opened > self._max_file_seconds
        return aged or (self._file is not None and self._file.tell() > self._max_file_bytes)

    def _open(self) -> BinaryIO:
        prefix = capture_prefix(self._started_at.date(), self._source.id)
        self._key = f"{prefix}{self._run_id}-{len(self._stored) + 1}{WARC_SUFFIX}"
        path = self._spool / self._key
        unlocked = path.with_name(f"{path.name}.new")  # a name that no salvage looks for
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = unlocked.open("xb")
            fcntl.flock(file, fcntl.LOCK_EX)
            unlocked.rename(path)
        except OSError as cause:
            raise StorageUnavailableError(f"The spool {self._spool} cannot be written: {cause.strerror}.") from cause
        self._file, self._opened = file, time.monotonic()
        file.write(self._warcinfo(path.name))
        return file

    def _warcinfo(self, name: str) -> bytes:
        facts = {
            "software": self._user_agent.partition(" ")[0],
            "format": "WARC File Format 1.1",
            "robots": "obey",
            "http-header-user-agent": self._user_agent,
            "worldwire-run": self._run_id,
            "worldwire-source": json.dumps(asdict(self._source)),
        }
        block = "".join(f"{field}: {value}\r\n" for field, value in facts.items()).encode()
        fields = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Record-ID", _record_id()),
            ("WARC-Date", warc_date(self._started_at)),
            ("WARC-Filename", name),
            ("Content-Type", "application/warc-fields"),
        ]
        return gzip_record(fields, block)

    def _target(self, page: RawPage) -> list[tuple[str, str]]:
        address = [("WARC-IP-Address", page.ip_address)] if page.ip_address else []
        return [("WARC-Target-URI", page.url), ("WARC-Date", warc_date(page.fetched_at)), *address]

    def _request(self, page: RawPage, request_id: str, answer_id: str) -> bytes:
        parts = urlsplit(page.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = [
            ("Host", parts.netloc),
            *((name, value) for name, value in page.request_headers if name.lower() != "host"),
        ]
        fields = [
            ("WARC-Type", "request"),
            ("WARC-Record-ID", request_id),
            *self._target(page),
            ("WARC-Concurrent-To", answer_id),
            ("Content-Type", "application/http; msgtype=request"),
        ]
        return gzip_record(fields, http_block(f"GET {path} HTTP/1.1", sent, b""))


def salvage_spool(store: Store, spool: Path, source_id: str = "*") -> list[str]:
    """Stores the files that dead crawls (of one source, or of all) left, each cut after its last whole record.

    Gives their keys. A file whose writer lives is locked and left alone.
    """
    folder = spool_folder(spool, store.uri)
    salvaged: list[str] = []
    for path in sorted(folder.glob(f"captures/*/source={source_id}/*{WARC_SUFFIX}")):
        with _unlocked(path) as file:
            if file is None:
                continue
            whole, records = _whole_length(file)
            if records > 1:
                os.truncate(path, whole)
                key = path.relative_to(folder).as_posix()
                announce_late(store, key, datetime.now(UTC))
                store.put_file(key, path)
                salvaged.append(key)
                logger.warning("salvaged %s, %d records of a crawl that died", key, records)
            path.unlink()
    return salvaged


def spool_folder(spool: Path, archive_uri: str) -> Path:
    """The archive's own folder in the spool: two archives never mix."""
    return spool / hashlib.sha256(archive_uri.encode()).hexdigest()[:16]


@contextmanager
def _unlocked(path: Path) -> Iterator[BinaryIO | None]:
    """The file under our own lock, or None while another process holds it or has removed it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file if path.exists() else None


def _whole_length(file: BinaryIO) -> tuple[int, int]:
    """How many bytes of the file are whole records, and how many records."""
    reader, whole, records = MemberReader(file), 0, 0
    try:
        while reader.next_member() is not None:
            whole, records = reader.offset, records + 1
    except RecordError as error:
        logger.info("a record is cut at byte %d: %s", error.offset, error)
    return whole, records


def _record_id() -> str:
    return f"<urn:uuid:{uuid4()}>"


def _reason(status: int) -> str:
    return {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 404: "Not Found"}.get(status, "-")
