"""The frontier of one source: which URLs were seen, their validators, and when to look again.

Articles (found, fetched, redirected to another address) and what links to them (feeds, sitemaps, sections) are told
apart by `role`. What was found but not fetched yet is kept as well: no later crawl depends on a feed still naming it.

Kept as state/<source>/frontier.parquet: URLs seen within `WINDOW` whole, older ones as eight-byte hashes, so that what
every crawl rewrites stays small; what was learned of when to ask what (`crawlers.revisit`) stands in its metadata. Two
crawls may save at once: the loser of the conditional put reads again and merges.
"""

import hashlib
import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from crawlers.revisit import SourceHistory, dump_history, load_history, merge_histories
from pipelines.errors import ObjectChangedError, ObjectNotFoundError, SchemaTooNewError, StorageError
from pipelines.store import Store

logger = logging.getLogger(__name__)

FRONTIER_VERSION = 1
WINDOW = timedelta(days=14)
# Corrections come within a day; then a page is left in peace.
REVISIT_AFTER = (timedelta(hours=6), timedelta(hours=24))
RETRY_AFTER = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))
_MAX_VALIDATOR_CHARS = 500  # longer ones are not worth keeping
_SAVE_TRIES = 8
_HISTORY = "worldwire_revisits"
_NOT_ASKED = 0
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("url_hash", pa.uint64()),
        ("role", pa.string()),
        ("first_seen_at", pa.timestamp("us", "UTC")),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("next_visit_at", pa.timestamp("us", "UTC")),
        ("status", pa.int32()),
        ("visits", pa.int32()),
        ("fails", pa.int32()),
        ("etag", pa.string()),
        ("last_modified", pa.string()),
        ("payload_sha256", pa.string()),
        ("found_in", pa.string()),
        ("title", pa.string()),
        ("published_at", pa.timestamp("us", "UTC")),
    ]
)


class Role(StrEnum):
    """What a URL is to the crawl; an alias redirects to the address under which the article is kept."""

    ARTICLE = "article"
    ALIAS = "alias"
    FEED = "feed"
    SITEMAP = "sitemap"
    SECTION = "section"
    HOMEPAGE = "homepage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is known of one URL; `visits` counts answers (also 304), `fails` the failures since the last of them.

    `status` is 0 until it was asked. `found_in`, `title` and `published_at` are the link's; of an article they are kept
    until it was fetched.
    """

    url: str
    role: Role = Role.ARTICLE
    first_seen_at: datetime
    fetched_at: datetime
    next_visit_at: datetime
    status: int
    visits: int = 0
    fails: int = 0
    etag: str | None = None
    last_modified: str | None = None
    payload_sha256: str | None = None
    found_in: str | None = None
    title: str | None = None
    published_at: datetime | None = None


class Frontier:
    """State of one source; changed by a crawl, saved once what was fetched is stored."""

    def __init__(
        self, visits: Iterable[Visit] = (), older: Iterable[int] = (), history: SourceHistory | None = None
    ) -> None:
        self._visits = {visit.url: visit for visit in visits}
        self._older = set(older)
        self.history = history or SourceHistory()

    def visit(self, url: str) -> Visit | None:
        """What is known of a URL seen within the window."""
        return self._visits.get(url)

    def seen(self, url: str) -> bool:
        """Whether the URL was ever asked for."""
        return url in self._visits or url_hash(url) in self._older

    def snapshot(self) -> "Frontier":
        """The frontier as it is now, apart from what is recorded later."""
        copied = Frontier(history=self.history)
        copied._visits, copied._older = dict(self._visits), set(self._older)
        return copied

    def due_articles(self, now: datetime) -> list[Visit]:
        """Articles to ask for now: found and not fetched yet, failed and to be tried again, to be looked at again.

        New ones first, and of these the latest published.
        """
        due = [visit for visit in self._visits.values() if visit.role == Role.ARTICLE and visit.next_visit_at <= now]
        return sorted(due, key=lambda visit: (visit.visits, -(visit.published_at or _EPOCH).timestamp(), visit.url))

    def indexes(self, role: Role, found_in: str | None = None) -> list[Visit]:
        """Known feeds, sitemaps … of that role, or of those the ones that `found_in` names."""
        return [
            visit
            for visit in self._visits.values()
            if visit.role == role and (found_in is None or visit.found_in == found_in)
        ]

    def record_link(
        self,
        url: str,
        now: datetime,
        *,
        found_in: str | None = None,
        title: str | None = None,
        published_at: datetime | None = None,
    ) -> None:
        """An article was found; it is due until it was asked for. One that is known already stays as it is."""
        if not self.seen(url):
            self._visits[url] = Visit(
                url=url,
                first_seen_at=now,
                fetched_at=now,
                next_visit_at=now,
                status=_NOT_ASKED,
                found_in=found_in,
                title=title,
                published_at=published_at,
            )

    def record_alias(self, url: str, now: datetime, *, status: int) -> None:
        """The address redirects to another one, under which the article is kept; it is not asked again."""
        before = self._visits.get(url)
        self._visits[url] = Visit(
            url=url,
            role=Role.ALIAS,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=_NEVER,
            status=status,
            visits=(before.visits if before else 0) + 1,
        )

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
            etag=_short(etag) or (before.etag if before and status == 304 else None),
            last_modified=_short(last_modified) or (before.last_modified if before and status == 304 else None),
            payload_sha256=payload_sha256 or (before.payload_sha256 if before else None),
        )

    def record_index(
        self,
        url: str,
        now: datetime,
        *,
        role: Role,
        status: int,
        etag: str | None = None,
        last_modified: str | None = None,
        found_in: str | None = None,
    ) -> None:
        """A feed, sitemap or page of links answered: it is asked at every crawl, with its validators."""
        before = self._visits.get(url)
        kept = before if before and status == 304 else None
        self._visits[url] = Visit(
            url=url,
            role=role,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=now,
            status=status,
            visits=(before.visits if before else 0) + 1,
            etag=_short(etag) or (kept.etag if kept else None),
            last_modified=_short(last_modified) or (kept.last_modified if kept else None),
            found_in=found_in or (before.found_in if before else None),
        )

    def record_failure(self, url: str, now: datetime, *, status: int = _NOT_ASKED, final: bool = False) -> None:
        """The page did not answer, or with an error; it is tried a few times more, later each time, then no more.

        `final`: trying again would not help.
        """
        before = self._visits.get(url)
        fails = (before.fails if before else 0) + 1
        gone = final or (status in (404, 410) and fails >= 2)
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
        return Frontier(merged.values(), self._older | other._older, merge_histories(self.history, other.history))

    def to_bytes(self, now: datetime) -> bytes:
        """The Parquet object; visits older than the window are kept as hashes."""
        recent = [visit for visit in self._visits.values() if now - visit.fetched_at <= WINDOW]
        kept = {visit.url for visit in recent}
        older = self._older | {url_hash(url) for url in self._visits if url not in kept}
        older -= {url_hash(url) for url in kept}
        names = [field.name for field in fields(Visit)]
        rows = [{name: getattr(visit, name) for name in names} for visit in sorted(recent, key=lambda visit: visit.url)]
        rows += [{"url_hash": number} for number in sorted(older)]
        metadata = {"worldwire_version": str(FRONTIER_VERSION), _HISTORY: dump_history(self.history)}
        table = pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata(metadata))
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
        metadata = table.schema.metadata or {}
        version = int(metadata.get(b"worldwire_version", b"1"))
        if version > FRONTIER_VERSION:
            raise SchemaTooNewError(f"{label} was written by a newer worldwire (version {version}); update worldwire.")
        rows = table.to_pylist()
        visits = [_visit(row) for row in rows if row["url"]]
        text = metadata.get(_HISTORY.encode())
        history = load_history(text.decode()) if text else None
        return cls(visits, [row["url_hash"] for row in rows if row["url"] is None], history)


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


def _short(validator: str | None) -> str | None:
    return validator if validator and len(validator) <= _MAX_VALIDATOR_CHARS else None


def _visit(row: dict[str, Any]) -> Visit:
    values = {name: value for name, value in row.items() if name != "url_hash"}
    return Visit(**values | {"role": Role(row["role"])})


def _later(ours: Visit, theirs: Visit) -> Visit:
    def rank(visit: Visit) -> tuple[datetime, int, int, str]:
        return (visit.fetched_at, visit.visits, visit.status, str(visit))

    chosen = max(ours, theirs, key=rank)
    return replace(chosen, first_seen_at=min(ours.first_seen_at, theirs.first_seen_at))
