"""An answer that is dear to find is kept for a while, and renewed behind the reader's back."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from pipelines.errors import WorldwireError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_AFTER_SECONDS = 0.5  # whoever is given the old answer is not slowed down by the search for the new one


class Remembered(Generic[T]):
    """The last answer of `find`; older than `fresh_seconds`, it is still given while a new one is being found.

    One thread at a time asks; who comes first, or after `stale_seconds`, waits. An error goes to those who wait, is
    logged where nobody does, and is not kept.
    """

    def __init__(
        self,
        find: Callable[[], T],
        *,
        fresh_seconds: float = 30.0,
        stale_seconds: float = 6 * 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._fresh = fresh_seconds
        self._stale = stale_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answer: tuple[T, float] | None = None

    def get(self) -> T:
        known = self._answer
        age = self._clock() - known[1] if known else self._stale
        if known and age < self._stale:
            if age >= self._fresh:
                self.renew(after_seconds=_AFTER_SECONDS)
            return known[0]
        with self._lock:
            if self._answer is not known and self._answer is not None:
                return self._answer[0]  # found while we waited
            return self._find_and_keep()

    def get_within(self, seconds: float) -> T | None:
        """As `get`, but None if nothing fit to be given is known and it takes longer than that to find it."""
        known = self._answer
        if known and self._clock() - known[1] < self._stale:
            return self.get()
        self.renew()
        if not self._lock.acquire(timeout=seconds):
            return None
        try:
            found = self._answer
            return found[0] if found is not None and found is not known else self._find_and_keep()
        finally:
            self._lock.release()

    def renew(self, *, after_seconds: float = 0.0) -> None:
        """Begins to find an answer, then or now, unless somebody is at it."""
        if self._lock.acquire(blocking=False):
            threading.Thread(target=self._renew_and_release, args=[after_seconds], daemon=True).start()

    def _find_and_keep(self) -> T:
        asked_at = self._clock()
        answer = self._find()
        self._answer = answer, asked_at
        return answer

    def _renew_and_release(self, after_seconds: float) -> None:
        try:
            time.sleep(after_seconds)
            self._find_and_keep()
        except WorldwireError as error:
            logger.warning("the dashboard could not be renewed: %s", error)
        finally:
            self._lock.release()


class RememberedBy(Generic[T]):
    """A remembered answer for each name, of the names that were asked for last."""

    def __init__(
        self, find: Callable[[str], T], *, fresh_seconds: float, stale_seconds: float, most: int = 100
    ) -> None:
        self._find = find
        self._fresh = fresh_seconds
        self._stale = stale_seconds
        self._most = most
        self._lock = threading.Lock()
        self._known: dict[str, Remembered[T]] = {}

    def get(self, name: str) -> T:
        return self._one(name).get()

    def get_within(self, name: str, seconds: float) -> T | None:
        """As `Remembered.get_within`."""
        return self._one(name).get_within(seconds)

    def _one(self, name: str) -> Remembered[T]:
        with self._lock:
            one = self._known.pop(name, None) or Remembered(
                partial(self._find, name), fresh_seconds=self._fresh, stale_seconds=self._stale
            )
            self._known[name] = one
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        return one
