"""`compact`: what an archive needs once a day, and the end of captures whose time is up. It changes no row."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from pipelines.archive import Archive
from pipelines.capture import WARC_SUFFIX, day_of_key, note_retention
from pipelines.errors import ConfigurationError
from pipelines.publish import publish_new_captures
from pipelines.publish.staging import STAGED_PAGES
from pipelines.publish.worklist import is_dated
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store

logger = logging.getLogger(__name__)

# How late a capture may come (salvaged on a machine that was off, say) and still be found.
_LATEST = timedelta(days=35)
_STAGED_AGE = timedelta(days=35)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSummary:
    """`joined_files` went into fewer, larger ones; `removed_files` no version within the tables' history names.

    `removed_captures`, of `removed_capture_bytes`: their time was up.
    """

    joined_files: int
    removed_files: int
    removed_leftovers: int
    removed_staged: int
    published_captures: int
    removed_captures: int = 0
    removed_capture_bytes: int = 0


def compact(
    settings: ArchiveSettings, *, captures_older_than: timedelta | None = None, now: datetime | None = None
) -> CompactSummary:
    """Joins small files, removes what nobody needs any more, publishes captures that came very late.

    May run at any time, beside publishers and readers. Readers of versions older than 30 days fail.
    `captures_older_than`: also removes the WARC files that are older and published; their rows stay. Raises
    ConfigurationError if it is less than a day.
    """
    if captures_older_than is not None and captures_older_than < timedelta(days=1):
        raise ConfigurationError("Captures must be kept for a day at least.")
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    archive = Archive(store)
    archive.open_for_publishing()
    late = publish_new_captures(settings, now=moment, since=(moment - _LATEST).date())
    removed = _remove_captures(store, archive, captures_older_than, moment)
    summary = CompactSummary(
        joined_files=archive.compact(most_files=1),
        removed_files=archive.vacuum(),
        removed_leftovers=archive.remove_leftovers(now=moment),
        removed_staged=_remove_staged(store, archive, moment),
        published_captures=late.captures,
        removed_captures=len(removed),
        removed_capture_bytes=sum(removed),
    )
    logger.info("compacted: %s", summary)
    return summary


def _remove_captures(store: Store, archive: Archive, older_than: timedelta | None, now: datetime) -> list[int]:
    """Sizes of the removed ones. One is removed that was fetched and stored longer ago, and is published to its end."""
    if older_than is None:
        return []
    before = (now - older_than).date()
    old = (found for found in store.list("captures/") if is_dated(found.key) and day_of_key(found.key) < before)
    sizes: list[int] = []
    for day, objects in groupby(old, key=lambda found: day_of_key(found.key)):
        receipts = archive.receipts(day)
        for found in objects:
            receipt = receipts.get(found.key)
            is_due = found.key.endswith(WARC_SUFFIX) and now - found.modified_at > older_than
            if is_due and receipt is not None and receipt["complete"]:
                if not sizes:
                    note_retention(store, before, now)
                store.delete(found.key)
                sizes.append(found.size_bytes)
    return sizes


def _remove_staged(store: Store, archive: Archive, now: datetime) -> int:
    """Drafts that a publisher left when it died after its entry, and those whose capture is long gone."""
    removed = 0
    for found in list(store.list(STAGED_PAGES)):
        key = f"captures/{found.key.removeprefix('staged/').removesuffix('.parquet')}{WARC_SUFFIX}"
        receipt = archive.receipts(day_of_key(key)).get(key)
        if (receipt is not None and receipt["complete"]) or now - found.modified_at > _STAGED_AGE:
            store.delete(found.key)
            removed += 1
    return removed
