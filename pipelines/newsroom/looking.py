"""Captured pages looked at anew, in processes that can be killed: what a page does there costs only itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.errors import WorldwireError

if TYPE_CHECKING:
    from pipelines.pages import PageWorkers

PAGE_SECONDS = 10.0  # as in publishing
_PATIENCE_SECONDS = 20.0
_IDLE_SECONDS = 60.0  # the next page of the same reader finds the workers warm


class BusyError(WorldwireError):
    """Pages are looked at for somebody else just now."""


class _Lookers:
    """The workers, made when they are first needed and ended when nobody has needed them for a while."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._workers: PageWorkers | None = None
        self._end = threading.Timer(0, self._stop)

    @contextmanager
    def open(self) -> Iterator["PageWorkers"]:
        # Extraction takes a second to import, for which the other pages do not wait.
        from pipelines.pages import PageWorkers

        if not self._turn.acquire(timeout=_PATIENCE_SECONDS):
            raise BusyError("Pages are looked at for somebody else just now; try again in a moment.")
        try:
            self._end.cancel()
            if self._workers is None:
                self._workers = PageWorkers(2, PAGE_SECONDS)
            yield self._workers
        finally:
            self._end = threading.Timer(_IDLE_SECONDS, self._stop)
            self._end.daemon = True
            self._end.start()
            self._turn.release()

    def _stop(self) -> None:
        with self._turn:
            if self._workers is not None and threading.current_thread() is self._end:
                self._workers.stop()
                self._workers = None


_lookers = _Lookers()


@contextmanager
def open_lookers() -> Iterator["PageWorkers"]:
    """Two workers; one reader at a time has them. Raises BusyError."""
    with _lookers.open() as workers:
        yield workers
