"""What is to be published: captures and run reports that the archive has no receipt for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from pipelines.archive import Archive
from pipelines.capture import LATE_PREFIX, REPORT_SUFFIX, WARC_SUFFIX, day_of_key
from pipelines.store import ObjectFacts, Store

# What our own writers store under an older day they announce; what others put there is found by `compact`.
LOOK_BACK = timedelta(days=2)
ROUND_BYTES = 256 << 20
ROUND_CAPTURES = 400
EVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A capture of which the first `published_pages` pages are in the tables, or a report."""

    key: str
    size_bytes: int
    published_pages: int = 0

    @property
    def is_report(self) -> bool:
        return self.key.endswith(REPORT_SUFFIX)


def list_work(store: Store, archive: Archive, *, now: datetime, since: date | None) -> list[WorkItem]:
    """All work, oldest day first. Without `since` the listing begins LOOK_BACK before the last publish."""
    if since is None:
        last = archive.last_published_at()
        since = EVER if last is None else (min(last, now) - LOOK_BACK).astimezone(UTC).date()
    listed = store.list("captures/", f"captures/date={since.isoformat()}/")
    items = list(_without_receipt(archive, (found for found in listed if is_dated(found.key))))
    known = {item.key for item in items}
    return sorted(
        [*items, *(item for item in _announced(store, archive) if item.key not in known)], key=lambda item: item.key
    )


def _announced(store: Store, archive: Archive) -> list[WorkItem]:
    """Work stored under older days; the announcements of what is published are removed."""
    announced = [found.key.removeprefix(LATE_PREFIX) for found in store.list(LATE_PREFIX)]
    keys = [key for key in announced if is_dated(key)]
    present = [found for key in keys for found in store.list(key) if found.key == key]
    items = list(_without_receipt(archive, present))
    left = {item.key for item in items}
    for found in present:
        if found.key not in left:
            store.delete(f"{LATE_PREFIX}{found.key}")
    return items


def _without_receipt(archive: Archive, listed: Iterable[ObjectFacts]) -> Iterator[WorkItem]:
    for day, objects in groupby(listed, key=lambda found: day_of_key(found.key)):
        receipts = archive.receipts(day)
        for found in objects:
            receipt = receipts.get(found.key)
            if receipt is None:
                yield WorkItem(key=found.key, size_bytes=found.size_bytes)
            elif not receipt["complete"]:
                published = int(str(receipt["pages"]))
                yield WorkItem(key=found.key, size_bytes=found.size_bytes, published_pages=published)


def is_dated(key: str) -> bool:
    """Whether the key has the form of a capture's: others are no one's captures."""
    parts = key.split("/")
    if not key.endswith((WARC_SUFFIX, REPORT_SUFFIX)) or len(parts) != 4 or not parts[2].startswith("source="):
        return False
    try:
        day_of_key(key)
    except ValueError:
        return False
    return True


def rounds(items: Iterable[WorkItem]) -> Iterator[list[WorkItem]]:
    """The work in portions: of each the templates are learned before its pages are published."""
    portion: list[WorkItem] = []
    size = 0
    for item in items:
        if portion and (size + item.size_bytes > ROUND_BYTES or len(portion) >= ROUND_CAPTURES):
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += item.size_bytes
    if portion:
        yield portion
