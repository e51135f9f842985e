"""What must not be fetched or published again: addresses and whole sources that were taken down.

    state/takedowns.json    {"urls": {canonical URL: {"at": …, "reason": …}}, "sources": {source id: {…}}}

It says which page went, when and why, never what stood there. Crawls ask it before a request, publishing before a row.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from pipelines.store import Store
from pipelines.urls import canonical_url

TAKEDOWNS_KEY = "state/takedowns.json"
_FORMAT = 1
_SAVE_TRIES = 8

Entries = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Takedowns:
    """URLs are in their canonical spelling; each entry holds the moment, the reason and perhaps the article."""

    urls: Entries = field(default_factory=dict)
    sources: Entries = field(default_factory=dict)

    def covers(self, source_id: str, *urls: str) -> bool:
        """Whether the source, or any of a page's addresses, was taken down."""
        if source_id in self.sources:
            return True
        return bool(self.urls) and any((canonical_url(url) or url) in self.urls for url in urls)


def load_takedowns(store: Store) -> Takedowns:
    """All takedowns; none if there never was one."""
    return _load(store)[0]


def add_takedowns(
    store: Store,
    *,
    urls: Collection[str] = (),
    sources: Collection[str] = (),
    reason: str,
    now: datetime,
    article_id: str | None = None,
) -> None:
    """Adds addresses (of one article, if it is named) and sources; what is there already keeps its first entry."""
    entry = {"at": now.isoformat(), "reason": reason} | ({"article_id": article_id} if article_id else {})
    for _ in range(_SAVE_TRIES):
        before, etag = _load(store)
        values = {
            "format": _FORMAT,
            "urls": {canonical_url(url) or url: entry for url in urls} | dict(before.urls),
            "sources": dict.fromkeys(sources, entry) | dict(before.sources),
        }
        try:
            store.put_if(TAKEDOWNS_KEY, json.dumps(values, indent=1, sort_keys=True).encode(), etag)
        except ObjectChangedError:
            continue
        return
    raise StorageError(f"{TAKEDOWNS_KEY} in {store.uri} kept changing while it was saved.")


def _load(store: Store) -> tuple[Takedowns, str | None]:
    try:
        stored = store.get(TAKEDOWNS_KEY)
    except ObjectNotFoundError:
        return Takedowns(), None
    try:
        values = json.loads(stored.body)
        if values["format"] > _FORMAT:
            raise StorageError(f"{TAKEDOWNS_KEY} in {store.uri} was written by a newer worldwire; install a newer one.")
        return Takedowns(urls=dict(values["urls"]), sources=dict(values["sources"])), stored.etag
    except (ValueError, KeyError, TypeError) as cause:
        raise StorageError(f"{TAKEDOWNS_KEY} in {store.uri} cannot be read: {cause}.") from cause
