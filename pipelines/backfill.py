"""Pages out of WARC files that others made (CC-NEWS and the like) -> captures of ours, without a request to any site.

In: files on disk or objects on S3, of one site or of many mixed. Out: one capture a source and portion of a file, with
the file's own times; `publish` makes articles of them as of any crawl. A portion is as much of the file as holds
PORTION_BYTES of pages; its captures' keys follow from the file and the portion alone, and one that is there is left as
it is. So a backfill that was stopped goes on where it stopped:

    state/backfill/<file>.json      the byte of the file at which the next portion starts, the first day so far
"""

import hashlib
import json
import logging
import re
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord

from pipelines.capture import CaptureWriter, capture_prefix
from pipelines.errors import InputError, ObjectNotFoundError, StorageError
from pipelines.model import RawPage, SourceFacts
from pipelines.store import Store, open_store
from pipelines.urls import canonical_url, publisher_of, site_of

logger = logging.getLogger(__name__)

PORTION_BYTES = 64_000_000
MAX_PAGE_BYTES = 10_000_000
_SUFFIXES = (".warc.gz", ".warc")
_HTML = ("text/html", "application/xhtml+xml")
_GONE_HEADERS = frozenset({"content-encoding", "transfer-encoding", "content-length"})  # the body is stored decoded
# What warcio raises at bytes that are no record.
_BROKEN = (ArchiveLoadFailed, ValueError, TypeError, AttributeError, LookupError, EOFError, zlib.error)
_GZIP_MEMBER = b"\x1f\x8b\x08"
_STEP_BYTES = 1 << 20
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcFile:
    """A WARC file to take pages from, and the name by which a later run knows it again."""

    name: str
    size_bytes: int
    path: Path | None = None
    store_uri: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillProgress:
    """How far a file is, in bytes of it."""

    file: WarcFile
    done_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSummary:
    """What was taken: files, pages, captures; `passed_over` counts records by why they are no page of ours.

    `first_day` is the earliest day of the files' captures, those of earlier, stopped runs included: `publish` looks no
    further back than a few days unless it is told.
    """

    files: int
    pages: int
    captures: int
    passed_over: Mapping[str, int]
    first_day: date | None


@dataclass(slots=True)
class _Counts:
    pages: int = 0
    captures: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    first_day: date | None = None

    def note_day(self, day: date | None) -> None:
        if day is not None and (self.first_day is None or day < self.first_day):
            self.first_day = day


def find_warc_files(place: str) -> list[WarcFile]:
    """The WARC file of that path or s3:// address, or all below it, in the order of their names. Raises InputError."""
    if "://" in place:
        files = list(_objects(place))
    else:
        path = Path(place)
        paths = (
            sorted(found for found in path.rglob("*") if found.name.endswith(_SUFFIXES)) if path.is_dir() else [path]
        )
        if path.is_file() or path.is_dir():
            files = [WarcFile(name=file.name, size_bytes=file.stat().st_size, path=file) for file in paths]
        else:
            raise InputError(f"{place} does not exist.")
    if not files:
        raise InputError(f"There is no *.warc.gz in {place}.")
    return files


def backfill_files(
    store: Store,
    files: Sequence[WarcFile],
    sites: Mapping[str, SourceFacts] | None,
    *,
    user_agent: str,
    on_progress: Callable[[BackfillProgress], None] | None = None,
) -> BackfillSummary:
    """Stores the files' pages as captures. `sites`: the source of each publisher (`publisher_of`), others are passed
    over; None: every site is a source named after itself.

    Raises InputError for a file that is no WARC; what was stored before stays and is not stored again.
    """
    counts = _Counts()
    for file in files:
        _backfill(store, file, sites, user_agent, counts, on_progress or (lambda _: None))
    return BackfillSummary(
        files=len(files),
        pages=counts.pages,
        captures=counts.captures,
        passed_over=dict(counts.passed_over),
        first_day=counts.first_day,
    )


def _objects(place: str) -> Iterator[WarcFile]:
    parts = urlsplit(place)
    store_uri = f"{parts.scheme}://{parts.netloc}"
    for found in open_store(store_uri).list(parts.path.lstrip("/")):
        if found.key.endswith(_SUFFIXES):
            yield WarcFile(
                name=found.key.rpartition("/")[2], size_bytes=found.size_bytes, store_uri=store_uri, key=found.key
            )


def _backfill(
    store: Store,
    file: WarcFile,
    sites: Mapping[str, SourceFacts] | None,
    user_agent: str,
    counts: _Counts,
    tell: Callable[[BackfillProgress], None],
) -> None:
    ids = "" if sites is None else "\n".join(sorted(f"{site} {facts.id}" for site, facts in sites.items()))
    digest = hashlib.sha256(f"{_FORMAT}\n{file.name}\n{file.size_bytes}\n{ids}".encode()).hexdigest()[:16]
    state_key = f"state/backfill/{digest}.json"
    start, first_day = _stopped_at(store, state_key)
    counts.note_day(first_day)
    if start >= file.size_bytes:
        tell(BackfillProgress(file=file, done_bytes=file.size_bytes))
        return
    with _opened(file) as stream:
        _check_warc(stream, file)
        for end, pages in _portions(stream, file, start, sites, counts.passed_over):
            counts.captures += _store_portion(store, pages, f"{digest}-{start}", user_agent)
            counts.pages += sum(len(found) for found in pages.values())
            first_day = min([day for day in (first_day, *map(_day_of, pages.values())) if day], default=None)
            counts.note_day(first_day)
            state = {"file": file.name, "next_byte": end, "first_day": first_day and first_day.isoformat()}
            store.put(state_key, json.dumps(state).encode())
            start = end
            tell(BackfillProgress(file=file, done_bytes=end))


def _stopped_at(store: Store, state_key: str) -> tuple[int, date | None]:
    """Where the next portion starts, and the earliest day of those before it."""
    try:
        values: dict[str, Any] = json.loads(store.get(state_key).body)
        first_day = values["first_day"]
        return int(values["next_byte"]), date.fromisoformat(first_day) if first_day else None
    except ObjectNotFoundError:
        return 0, None
    except (ValueError, KeyError, TypeError) as cause:
        raise StorageError(f"{state_key} in {store.uri} does not say where a backfill stopped: {cause}.") from cause


def _day_of(pages: Sequence[RawPage]) -> date:
    """The day under which a capture of these pages lies."""
    return min(page.fetched_at for page in pages).date()


@contextmanager
def _opened(file: WarcFile) -> Iterator[BinaryIO]:
    try:
        with file.path.open("rb") if file.path else open_store(file.store_uri).open_file(file.key) as stream:
            yield stream
    except OSError as cause:
        raise InputError(f"{file.name} cannot be read: {cause.strerror or cause}.") from cause


def _check_warc(stream: BinaryIO, file: WarcFile) -> None:
    """Warcio finds no fault with a letter; it just finds no record in it."""
    head = stream.read(1 << 16)
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, 16)
        except zlib.error:
            head = b""
    if not head.startswith(b"WARC/"):
        raise InputError(f"{file.name} is not a WARC file.")


def _portions(
    stream: BinaryIO, file: WarcFile, start: int, sites: Mapping[str, SourceFacts] | None, passed_over: Counter[str]
) -> Iterator[tuple[int, dict[str, list[RawPage]]]]:
    """Pages by source id, as many as PORTION_BYTES hold, and the byte at which the next portion starts."""
    pages: defaultdict[str, list[RawPage]] = defaultdict(list)
    held = 0
    for at, record in _records(stream, file, start, passed_over):
        if held >= PORTION_BYTES:
            yield at, dict(pages)
            pages.clear()
            held = 0
        try:
            found = _page(record, sites)
        except _BROKEN:
            found = "broken_record"
        if isinstance(found, RawPage):
            pages[found.source.id].append(found)
            held += len(found.body)
        else:
            passed_over[found] += 1
    yield file.size_bytes, dict(pages)


def _records(
    stream: BinaryIO, file: WarcFile, start: int, passed_over: Counter[str]
) -> Iterator[tuple[int, ArcWarcRecord]]:
    """The records from a byte on, each with the byte at which it starts; what is broken is passed over, once."""
    at: int | None = start
    is_whole = True
    while at is not None:
        stream.seek(at)
        records = ArchiveIterator(stream)
        try:
            for record in records:
                if record.format != "warc":  # warcio takes what it cannot read for a line of an ARC file
                    raise ArchiveLoadFailed("no WARC record")
                at, is_whole = records.offset, True  # `get_record_offset` would read the record away
                yield at, record
            return
        except _BROKEN as cause:
            if is_whole:
                passed_over["broken_record"] += 1
                logger.warning("%s is broken after the record at byte %d: %s", file.name, at, cause)
            is_whole = False
            at = _next_start(stream, at + 1)


def _next_start(stream: BinaryIO, at: int) -> int | None:
    """The next byte at which a packed record may start. In a file that is not packed a page could feign one."""
    stream.seek(0)
    if stream.read(len(_GZIP_MEMBER)) != _GZIP_MEMBER:
        return None
    stream.seek(at)
    held = b""
    while block := stream.read(_STEP_BYTES):
        held += block
        found = held.find(_GZIP_MEMBER)
        if found >= 0:
            return at + found
        at += len(held)
        held = held[-len(_GZIP_MEMBER) :]
        at -= len(held)
    return None


def _page(record: ArcWarcRecord, sites: Mapping[str, SourceFacts] | None) -> RawPage | str:
    """The page in a record, or in one word why there is none."""
    headers = record.http_headers
    if record.rec_type != "response" or headers is None:
        return "no_response"
    if headers.get_statuscode() != "200":
        return "status_not_ok"
    if not (headers.get_header("Content-Type") or "").strip().lower().startswith(_HTML):
        return "not_html"
    url = canonical_url((record.rec_headers.get_header("WARC-Target-URI") or "").strip("<> "))
    source = None if url is None else _source_of(url, sites)
    if url is None or source is None:
        return "other_site"
    body = record.content_stream().read(MAX_PAGE_BYTES + 1)
    if len(body) > MAX_PAGE_BYTES:
        return "too_large"
    if not record.raw_stream.read(1) and record.raw_stream.limit > 0:
        return "broken_record"  # the file ends in it
    try:
        fetched_at = datetime.fromisoformat(record.rec_headers.get_header("WARC-Date") or "").astimezone(UTC)
    except ValueError:
        return "no_date"
    return RawPage(
        source=source,
        run_id="",
        requested_url=url,
        url=url,
        status=200,
        headers=tuple((name, value) for name, value in headers.headers if name.lower() not in _GONE_HEADERS),
        body=body,
        fetched_at=fetched_at,
        ip_address=record.rec_headers.get_header("WARC-IP-Address"),
    )


def _source_of(url: str, sites: Mapping[str, SourceFacts] | None) -> SourceFacts | None:
    if sites is not None:
        return sites.get(publisher_of(url))
    name = site_of(url).rstrip(":")
    source_id = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:64].strip("-") or "site"
    return SourceFacts(id=source_id, name=name, homepage=f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/")


def _store_portion(store: Store, pages: Mapping[str, Sequence[RawPage]], portion: str, user_agent: str) -> int:
    """Stores a capture a source, unless it is there; gives how many it stored."""
    stored = 0
    for source_id, found in sorted(pages.items()):
        started_at = min(page.fetched_at for page in found)
        run_id = f"backfill-{portion}"
        if next(store.list(f"{capture_prefix(started_at.date(), source_id)}{run_id}-"), None) is not None:
            continue
        # A spool of its own, so that no crawl salvages half a portion.
        with tempfile.TemporaryDirectory(prefix="worldwire-backfill-") as spool:
            writer = CaptureWriter(
                store, Path(spool), found[0].source, run_id, started_at, user_agent=user_agent, max_file_seconds=1e9
            )
            for page in found:
                writer.write(page)
            stored += len(writer.close())
    return stored
