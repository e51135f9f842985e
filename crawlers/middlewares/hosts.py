"""Whose turn a host is: of many crawls, in any process of any machine, one asks a host at a time.

    hosts/<host>.json      who asks the host now, whether another waits, when it answered last, until when it wants rest

A crawl takes the host when it first has something to ask, and paces its own requests. One that waits says so in the
record; the holder sees it, ends its request and leaves, with the moments that the next one has to respect. The holder
looks every `LOOK_SECONDS` once others have asked for the host, and less and less often while it is alone: every look
is a request that is paid for. Every write is a conditional put. A holder that died on this machine is followed at
once, one elsewhere when its record stayed as it was for `LEASE_SECONDS`. The moments are by the machines' clocks,
which must agree about them. Storage that is down ends no crawl: it goes on as if it were alone.
"""

import asyncio
import json
import logging
import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from time import monotonic
from typing import Any
from urllib.parse import quote

from crawlers.holder import Holder
from pipelines.errors import ObjectChangedError, ObjectNotFoundError, StorageError
from pipelines.store import Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SHARE_SECONDS = 5.0  # a holder with more to ask keeps the host for so long before it leaves it to whoever waits
ALONE_LOOKS = 8  # as many looks' time, at most, between two looks of a crawl that has the host to itself
RENEW_SECONDS = 25.0  # a write costs as much as a dozen looks
LEASE_SECONDS = 90.0
_MAX_KEY_CHARS = 200
_TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """What crawls tell each other of a host; moments in seconds since 1970."""

    holder: Holder | None = None
    is_wanted: bool = False
    answered_at: float = 0.0
    ready_at: float = 0.0
    busy_until: float = 0.0

    def to_bytes(self) -> bytes:
        holder = self.holder.to_values() if self.holder else None
        return json.dumps(asdict(self) | {"holder": holder}, indent=1).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> "HostRecord":
        """An empty one if it cannot be read."""
        try:
            values = json.loads(body)
            known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
            moments = {name: float(value) for name, value in known.items() if name.endswith(("_at", "_until"))}
            return cls(
                holder=Holder.from_values(known.get("holder")), is_wanted=known.get("is_wanted") is True, **moments
            )
        except (ValueError, TypeError) as error:
            logger.warning("the record of a host that cannot be read is passed over: %s", error)
            return cls()


def host_key(host: str) -> str:
    """Where a host's record lies."""
    return f"hosts/{quote(host, safe='')[:_MAX_KEY_CHARS]}.json"


class SharedHost:
    """One host, as the crawl `holder` shares it with others."""

    def __init__(self, store: Store, host: str, holder: Holder) -> None:
        self._store = store
        self._key = host_key(host)
        self._holder = holder
        self._record = HostRecord()
        self._etag: str | None = None
        self._lock = threading.Lock()  # a look that was given up goes on in its thread
        self._seen: tuple[str | None, float] = (None, 0.0)
        self._is_shared = False  # whether another crawl has been seen

    async def take(self, check: Callable[[], Any]) -> HostRecord:
        """Waits until the host is ours, and gives its record; `check` raises where waiting is of no use any more."""
        while True:
            check()
            try:
                taken = await asyncio.to_thread(self._try_to_take)
            except StorageError as error:
                logger.warning("%s is asked without knowing who else asks it: %s", self._key, error)
                self._etag = None
                return self._record
            if taken:
                return self._record
            await asyncio.sleep(LOOK_SECONDS * random.uniform(0.3, 0.7))

    async def watch(self, has_work: Callable[[], bool]) -> bool:
        """Returns when the host is to be left to another: True; or when another has taken it over: False."""
        taken_at = renewed_at = monotonic()
        looks = 1
        while True:
            await asyncio.sleep(LOOK_SECONDS * looks)
            looks = 1 if self._is_shared else min(2 * looks, ALONE_LOOKS)
            must_renew = monotonic() - renewed_at > RENEW_SECONDS
            try:
                if not await asyncio.to_thread(self._look, must_renew):
                    return False
            except StorageError as error:
                logger.warning("%s cannot be looked at: %s", self._key, error)
                continue
            renewed_at = monotonic() if must_renew else renewed_at
            self._is_shared = self._is_shared or self._record.is_wanted
            if self._record.is_wanted and (monotonic() - taken_at > SHARE_SECONDS or not has_work()):
                return True

    async def leave(self, answered_at: float, ready_at: float, busy_until: float) -> None:
        """The host is anybody's, from `ready_at` on."""
        left = HostRecord(answered_at=answered_at, ready_at=ready_at, busy_until=busy_until)
        try:
            await asyncio.to_thread(self._give_back, left)
        except StorageError as error:
            logger.warning("%s was not given back: %s", self._key, error)

    def _try_to_take(self) -> bool:
        with self._lock:
            self._read()
            holder = self._record.holder
            if holder is None or holder.run_id == self._holder.run_id or holder.is_dead_here or self._is_forsaken():
                return self._write(replace(self._record, holder=self._holder, is_wanted=False))
            self._is_shared = True
            if not self._record.is_wanted:
                self._write(replace(self._record, is_wanted=True))
            return False

    def _is_forsaken(self) -> bool:
        """Whether the record has not changed for so long that its holder must be gone."""
        if self._etag != self._seen[0]:
            self._seen = (self._etag, monotonic())
        return monotonic() - self._seen[1] > LEASE_SECONDS

    def _look(self, must_renew: bool) -> bool:
        """Whether the host is still ours; reads what others wrote, or renews, which fails if they wrote anything."""
        with self._lock:
            holder = self._record.holder
            if (
                must_renew
                and holder
                and self._write(replace(self._record, holder=replace(holder, renewals=holder.renewals + 1)))
            ):
                return True
            return self._read_ours() is not None

    def _give_back(self, left: HostRecord) -> None:
        with self._lock:
            for _ in range(_TRIES):
                if self._read_ours() is None or self._write(left):
                    return

    def _read_ours(self) -> Holder | None:
        """The holder if that is us."""
        self._read()
        holder = self._record.holder
        return holder if holder is not None and holder.run_id == self._holder.run_id else None

    def _read(self) -> None:
        try:
            stored = self._store.get(self._key)
        except ObjectNotFoundError:
            self._record, self._etag = HostRecord(), None
        else:
            self._record, self._etag = HostRecord.from_bytes(stored.body), stored.etag

    def _write(self, record: HostRecord) -> bool:
        """False if somebody else wrote in between."""
        try:
            self._etag = self._store.put_if(self._key, record.to_bytes(), self._etag)
        except ObjectChangedError:
            return False
        self._record = record
        return True
