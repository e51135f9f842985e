"""The frontier of one source: which URLs were seen, their validators, and when to look again.

Kept as state/<source>/frontier.parquet: URLs seen within `WINDOW` whole, older ones as eight-byte hashes, so that what
every crawl rewrites stays small. Two crawls may save at once: the loser of the conditional put reads again and merges.
"""

import hashlib
import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, SchemaTooNewError, StorageError
from pipelines.store import Store

logger = logging.getLogger(__name__)

FRONTIER_VERSION = 1
WINDOW = timedelta(days=14)
# Corrections come within a day; then a page is left in peace.
REVISIT_AFTER = (timedelta(hours=6), timedelta(hours=24))
RETRY_AFTER = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))
_SAVE_TRIES = 8
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("url_hash", pa.uint64()),
        ("first_seen_at", pa.timestamp("us", "UTC")),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("next_visit_at", pa.timestamp("us", "UTC")),
        ("status", pa.int32()),
        ("visits", pa.int32()),
        ("fails", pa.int32()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("payload_sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is known of one URL; `visits` counts answers (also 304), `fails` the failures since the last of them."""

    url: str
    first_seen_at: datetime
    fetched_at: datetime
    next_visit_at: datetime
    status: int
    visits: int = 0
    fails: int = 0
    etag: str | None = None
    last_modified: str | None = None
    payload_sha256: str | None = None


class Frontier:
    """State of one source; changed by a crawl, saved once what was fetched is stored."""

    def __init__(self, visits: Iterable[Visit] = (), older: Iterable[int] = ()) -> None:
        self._visits = {visit.url: visit for visit in visits}
        self._older = set(older)

    def visit(self, url: str) -> Visit | None:
        """What is known of a URL seen within the window."""
        return self._visits.get(url)

    def seen(self, url: str) -> bool:
        """Whether the URL was ever asked for."""
        return url in self._visits or url_hash(url) in self._older

    def due(self, urls: Iterable[str], now: datetime) -> list[str]:
        """The URLs to ask for now: never seen, or with a visit that is due; each once, order kept."""
        chosen: dict[str, None] = {}
        for url in urls:
            visit = self._visits.get(url)
            if (visit.next_visit_at <= now) if visit else (url_hash(url) not in self._older):
                chosen.setdefault(url)
        return list(chosen)

    def record_answer(
        self,
        url: str,
        now: datetime,
        *,
        status: int,
        etag: str | None = None,
        last_modified: str | None = None,
        payload_sha256: str | None = None,
    ) -> None:
        """The page answered, with a body or with 304; validators that a 304 leaves out stay."""
        before = self._visits.get(url)
        done = before.visits if before else 0
        rest = REVISIT_AFTER[done] if done < len(REVISIT_AFTER) else None
        self._visits[url] = Visit(
            url=url,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=now + rest if rest else _NEVER,
            status=status,
            visits=done + 1,
            etag=etag or (before.etag if before and status == 304 else None),
            last_modified=last_modified or (before.last_modified if before and status == 304 else None),
            payload_sha256=payload_sha256 or (before.payload_sha256 if before else None),
        )

    def record_index(
        self, url: str, now: datetime, *, status: int, etag: str | None, last_modified: str | None
    ) -> None:
        """A feed, sitemap or section page answered: it is asked at every crawl, with its validators."""
        self.record_answer(url, now, status=status, etag=etag, last_modified=last_modified)
        self._visits[url] = replace(self._visits[url], next_visit_at=now)

    def record_failure(self, url: str, now: datetime, *, status: int) -> None:
        """The page did not answer, or with an error; it is tried a few times more, later each time, then no more."""
        before = self._visits.get(url)
        fails = (before.fails if before else 0) + 1
        gone = status in (404, 410) and fails >= 2
        rest = RETRY_AFTER[fails - 1] if fails <= len(RETRY_AFTER) and not gone else None
        kept = before or Visit(url=url, first_seen_at=now, fetched_at=now, next_visit_at=now, status=status)
        self._visits[url] = replace(
            kept, fetched_at=now, next_visit_at=now + rest if rest else _NEVER, status=status, fails=fails
        )

    def merge(self, other: "Frontier") -> "Frontier":
        """Both together: of a URL that both know the later visit, with the earlier first sight."""
        merged = dict(self._visits)
        for url, theirs in other._visits.items():
            ours = merged.get(url)
            merged[url] = theirs if ours is None else _later(ours, theirs)
        return Frontier(merged.values(), self._older | other._older)

    def to_bytes(self, now: datetime) -> bytes:
        """The Parquet object; visits older than the window are kept as hashes."""
        recent = [visit for visit in self._visits.values() if now - visit.fetched_at <= WINDOW]
        kept = {visit.url for visit in recent}
        older = self._older | {url_hash(url) for url in self._visits if url not in kept}
        older -= {url_hash(url) for url in kept}
        names = [field.name for field in fields(Visit)]
        rows = [{name: getattr(visit, name) for name in names} for visit in sorted(recent, key=lambda visit: visit.url)]
        rows += [{"url_hash": number} for number in sorted(older)]
        table = pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata({"worldwire_version": str(FRONTIER_VERSION)}))
        target = io.BytesIO()
        pq.write_table(table, target, compression="zstd")
        return target.getvalue()

    @classmethod
    def from_bytes(cls, body: bytes, label: str) -> "Frontier":
        """Raises SchemaTooNewError, or StorageError if it is no frontier."""
        try:
            table = pq.read_table(pa.BufferReader(body))
        except (pa.ArrowInvalid, OSError) as cause:
            raise StorageError(f"{label} is not a frontier and cannot be read: {cause}.") from cause
        version = int((table.schema.metadata or {}).get(b"worldwire_version", b"1"))
        if version > FRONTIER_VERSION:
            raise SchemaTooNewError(f"{label} was written by a newer worldwire (version {version}); update worldwire.")
        rows = table.to_pylist()
        visits = [Visit(**{name: row[name] for name in row if name != "url_hash"}) for row in rows if row["url"]]
        return cls(visits, [row["url_hash"] for row in rows if row["url"] is None])


def frontier_key(source_id: str) -> str:
    """Where a source's frontier lies."""
    return f"state/{source_id}/frontier.parquet"


def load_frontier(store: Store, source_id: str) -> Frontier:
    """The frontier as last saved; an empty one for a new source."""
    try:
        return Frontier.from_bytes(store.get(frontier_key(source_id)).body, frontier_key(source_id))
    except ObjectNotFoundError:
        return Frontier()


def save_frontier(store: Store, source_id: str, frontier: Frontier, now: datetime) -> None:
    """Saves, merged with what another crawl saved in between."""
    key = frontier_key(source_id)
    for _ in range(_SAVE_TRIES):
        try:
            stored = store.get(key)
        except ObjectNotFoundError:
            merged, etag = frontier, None
        else:
            merged, etag = frontier.merge(Frontier.from_bytes(stored.body, key)), stored.etag
        try:
            store.put_if(key, merged.to_bytes(now), etag)
        except ObjectChangedError:
            continue
        return
    raise StorageError(f"{key} in {store.uri} kept changing while it was saved.")


def url_hash(url: str) -> int:
    """Eight bytes that stand for a URL."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=8).digest(), "big")


def _later(ours: Visit, theirs: Visit) -> Visit:
    def rank(visit: Visit) -> tuple[datetime, int, int, str]:
        return (visit.fetched_at, visit.visits, visit.status, str(visit))

    chosen = max(ours, theirs, key=rank)
    return replace(chosen, first_seen_at=min(ours.first_seen_at, theirs.first_seen_at))
