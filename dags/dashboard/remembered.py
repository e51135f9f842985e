"""An answer that is dear to find is kept for a while, and renewed behind the reader's back."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last answer of `find`; older than `fresh_seconds`, it is still given while a new one is being found.

    One thread at a time asks; who comes first, or after `stale_seconds`, waits. An error goes to those who wait, and is
    not kept.
    """

    def __init__(
        self,
        find: Callable[[], T],
        *,
        fresh_seconds: float = 30.0,
        stale_seconds: float = 900.0,
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
        if known and age < self._fresh:
            return known[0]
        if known and age < self._stale:
            if self._lock.acquire(blocking=False):
                threading.Thread(target=self._renew_and_release, daemon=True).start()
            return known[0]
        with self._lock:
            if self._answer is not known and self._answer is not None:
                return self._answer[0]
            return self._renew()

    def _renew(self) -> T:
        asked_at = self._clock()
        answer = self._find()
        self._answer = answer, asked_at
        return answer

    def _renew_and_release(self) -> None:
        try:
            self._renew()
        finally:
            self._lock.release()
