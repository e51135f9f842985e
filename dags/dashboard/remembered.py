"""An answer that is dear to find is kept for a while, and renewed behind the reader's back."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from pipelines.errors import WorldwireError

logger = logging.getLogger(__name__)

T = TypeVar("T")


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
                self.renew()
            return known[0]
        with self._lock:
            if self._answer is not known and self._answer is not None:
                return self._answer[0]  # found while we waited
            return self._find_and_keep()

    def renew(self) -> None:
        """Begins to find an answer, unless somebody is at it."""
        if self._lock.acquire(blocking=False):
            threading.Thread(target=self._renew_and_release, daemon=True).start()

    def _find_and_keep(self) -> T:
        asked_at = self._clock()
        answer = self._find()
        self._answer = answer, asked_at
        return answer

    def _renew_and_release(self) -> None:
        try:
            self._find_and_keep()
        except WorldwireError as error:
            logger.warning("the dashboard could not be renewed: %s", error)
        finally:
            self._lock.release()
