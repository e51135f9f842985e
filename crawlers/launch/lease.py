"""One crawl of a source at a time: a lease on object storage, renewed while the crawl runs.

    state/<source>/lease.json     who holds it; {} when nobody does

Every write is a conditional put, so of two that want it one gets it. A holder that is gone loses it: at once where its
process is known to be dead on this machine, else when it was not renewed for `LEASE_SECONDS`. That time is measured
by the storage's clock alone (two of its time stamps), so machines may disagree about what time it is. A holder that
slept through it finds out at its next renewal, and ends; two crawls at once would only be impolite, they lose nothing.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from crawlers.holder import Holder, this_process
from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from pipelines.store import Store

logger = logging.getLogger(__name__)

LEASE_SECONDS = 180.0
RENEW_SECONDS = 45.0
_FREE = b"{}"
_TRIES = 4


class Lease:
    """Held and renewed while the context is open; `is_lost` once somebody else has taken it over."""

    def __init__(self, store: Store, key: str, holder: Holder, etag: str) -> None:
        self._store = store
        self._key = key
        self._holder = holder
        self._etag = etag
        self._ended = threading.Event()
        self.is_lost = False

    def __enter__(self) -> Self:
        self._renewer = threading.Thread(target=self._renew_until_ended, name="lease", daemon=True)
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewer.join()
        if not self.is_lost:
            self._write(_FREE)

    def _renew_until_ended(self) -> None:
        while not self.is_lost and not self._ended.wait(RENEW_SECONDS):
            self._holder = replace(self._holder, renewals=self._holder.renewals + 1)
            self._write(self._holder.to_bytes())

    def _write(self, body: bytes) -> None:
        """Storage that is down for a while is no reason to end a crawl: the next renewal finds out."""
        try:
            self._etag = self._store.put_if(self._key, body, self._etag)
        except ObjectChangedError:
            self._find_out()
        except StorageError as error:
            logger.warning("the lease %s was not written: %s", self._key, error)

    def _find_out(self) -> None:
        """Somebody else has it, or a put of ours whose answer was lost."""
        try:
            stored = self._store.get(self._key)
        except StorageError as error:
            logger.warning("the lease %s cannot be read: %s", self._key, error)
            return
        holder = Holder.from_bytes(stored.body)
        if holder is not None and holder.run_id == self._holder.run_id:
            self._etag = stored.etag
            return
        self.is_lost = True
        logger.warning("%s was taken over by %s", self._key, holder.run_id if holder else "nobody")


def lease_key(source_id: str) -> str:
    """Where a source's lease lies."""
    return f"state/{source_id}/lease.json"


def take_lease(store: Store, source_id: str, run_id: str, now: datetime) -> Lease | Holder:
    """The source's lease, or who else holds it. Raises StorageError."""
    key = lease_key(source_id)
    ours = this_process(run_id, now)
    for _ in range(_TRIES):
        try:
            stored = store.get(key)
        except ObjectNotFoundError:
            etag = None
        else:
            holder, etag = Holder.from_bytes(stored.body), stored.etag
            if holder is not None and not _is_gone(holder, lambda: _age_seconds(store, key)):
                return holder
        try:
            return Lease(store, key, ours, store.put_if(key, ours.to_bytes(), etag))
        except ObjectChangedError:
            continue
    raise StorageError(f"{key} in {store.uri} kept changing while it was asked for.")


def _is_gone(holder: Holder, age_seconds: Callable[[], float]) -> bool:
    if holder.is_dead_here:
        logger.warning("the crawl %s died; its lease is taken over", holder.run_id)
        return True
    return age_seconds() > LEASE_SECONDS


def _age_seconds(store: Store, key: str) -> float:
    """How long ago the lease was written, by the storage's clock: compared with an object written just now."""
    clock_key = f"{key}.clock"
    store.put(clock_key, b"")
    written = {found.key: found.modified_at for found in store.list(key)}
    store.delete(clock_key)
    if key not in written or clock_key not in written:
        return 0.0  # somebody else is finding out the same
    return (written[clock_key] - written[key]).total_seconds()
