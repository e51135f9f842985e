"""`compact`: what an archive needs once a day. It changes no row."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.archive import Archive
from pipelines.capture import WARC_SUFFIX, day_of_key
from pipelines.publish import publish_new_captures
from pipelines.publish.staging import STAGED_PAGES
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store

logger = logging.getLogger(__name__)

# How late a capture may come (salvaged on a machine that was off, say) and still be found.
_LATEST = timedelta(days=35)
_STAGED_AGE = timedelta(days=35)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactSummary:
    """`joined_files` went into fewer, larger ones; `removed_files` no version within the tables' history names."""

    joined_files: int
    removed_files: int
    removed_leftovers: int
    removed_staged: int
    published_captures: int


def compact(settings: ArchiveSettings, *, now: datetime | None = None) -> CompactSummary:
    """Joins small files, removes what nobody needs any more, publishes captures that came very late.

    May run at any time, beside publishers and readers. Readers of versions older than 30 days fail.
    """
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    archive = Archive(store)
    archive.open_for_publishing()
    late = publish_new_captures(settings, now=moment, since=(moment - _LATEST).date())
    summary = CompactSummary(
        joined_files=archive.compact(most_files=1),
        removed_files=archive.vacuum(),
        removed_leftovers=archive.remove_leftovers(now=moment),
        removed_staged=_remove_staged(store, archive, moment),
        published_captures=late.captures,
    )
    logger.info("compacted: %s", summary)
    return summary


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
