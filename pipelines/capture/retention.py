"""Which captures were removed since their time was up.

    state/retention.json    {"captures_before": day, "at": moment}: WARC files of days before that one were removed

Rows and receipts stay; what is missing from earlier days is missing on purpose.
"""

import json
from datetime import date, datetime

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from pipelines.store import Store

RETENTION_KEY = "state/retention.json"
_FORMAT = 1
_SAVE_TRIES = 8


def note_retention(store: Store, before: date, now: datetime) -> None:
    """To be called before captures of days before `before` are removed."""
    for _ in range(_SAVE_TRIES):
        noted, etag = _load(store)
        if noted is not None and noted >= before:
            return
        values = {"format": _FORMAT, "captures_before": before.isoformat(), "at": now.isoformat()}
        try:
            store.put_if(RETENTION_KEY, json.dumps(values, indent=1).encode(), etag)
        except ObjectChangedError:
            continue
        return
    raise StorageError(f"{RETENTION_KEY} in {store.uri} kept changing while it was saved.")


def captures_kept_from(store: Store) -> date | None:
    """A capture of an earlier day that is gone was removed since its time was up; None if none ever was."""
    return _load(store)[0]


def _load(store: Store) -> tuple[date | None, str | None]:
    try:
        stored = store.get(RETENTION_KEY)
    except ObjectNotFoundError:
        return None, None
    try:
        values = json.loads(stored.body)
        if values["format"] > _FORMAT:
            raise StorageError(f"{RETENTION_KEY} in {store.uri} was written by a newer worldwire; install a newer one.")
        return date.fromisoformat(values["captures_before"]), stored.etag
    except (ValueError, KeyError, TypeError) as cause:
        raise StorageError(f"{RETENTION_KEY} in {store.uri} cannot be read: {cause}.") from cause
