"""Pages -> drafts -> articles in worker processes, under a time limit, and each worker under a memory limit.

A page that takes too long, or that kills its worker, becomes a Dropped; the pages around it do not notice.
"""

import logging
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as PageTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.popen_forkserver import Popen
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Generic, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from pipelines.extract import Draft
from pipelines.log_lines import log_to_stderr
from pipelines.model import Dropped, DropReason, RawPage
from pipelines.publish.one_page import draft, draft_staged, dropped, finish_rows
from pipelines.publish.sightings import Sighting
from pipelines.publish.staging import StagedPage, StagedRow, stage_page
from pipelines.template import Template

logger = logging.getLogger(__name__)

PAGE_SECONDS = 10.0
_WORKER_BYTES = 4 << 30
_PREPARED = "pipelines.publish.prepared"
_PAUSES = (0.0, 0.1, 0.5, 2.0)  # a fork server that was killed is started anew only once the system has buried it
_START_SECONDS = 30.0
_AHEAD = 8  # pages per worker that are sent before their turn
_FINISHED_AT_ONCE = 16  # a page takes 3 ms: sent alone, half of that again would go into the sending

Label = TypeVar("Label")
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class _Sent(Generic[Made]):
    """A page's work under way, and the pool that does it."""

    future: "ProcessFuture[Made]"
    pool: ProcessPool


class PageWorkers:
    """A pool of processes that draft and finish pages; `open_workers` gives one."""

    def __init__(self, count: int, page_seconds: float) -> None:
        self._count = count
        self._page_seconds = page_seconds
        self._pool = self._start()

    def draft(self, pages: Iterable[tuple[Label, RawPage | Dropped]]) -> Iterator[tuple[Label, Draft | Dropped]]:
        """The drafts in the order of their pages, each with the label it came with. Few pages are held at a time."""
        return self._each(pages, draft, lambda page: page)

    def stage(self, pages: Iterable[tuple[Label, RawPage | Dropped]]) -> Iterator[tuple[Label, StagedPage]]:
        """The same as rows of a staged object."""
        return self._each(pages, draft_staged, stage_page)

    def finish(self, rows: Iterable[StagedRow], template: Template) -> Iterator[Sighting | Dropped]:
        """The articles of staged drafts of one site, in their order, recognised and signed.

        The template is sent with every few of them: `Template.carried` is the smaller.
        """
        waiting: deque[tuple[list[StagedRow], _Sent[list[Sighting | Dropped]]]] = deque()
        left = iter(rows)
        while portion := list(islice(left, _FINISHED_AT_ONCE)):
            waiting.append((portion, self._schedule(finish_rows, portion, template)))
            if len(waiting) > 2 * self._count:
                yield from self._finished(*waiting.popleft(), template)
        while waiting:
            yield from self._finished(*waiting.popleft(), template)

    def look(self, page: RawPage, work: Callable[[RawPage], Made]) -> Made | Dropped:
        """What `work`, a function of a module, makes of one page, under the same limits."""
        try:
            return self._result(self._schedule(work, page))
        except PageTimeoutError:
            return self._late(page)
        except (ProcessExpired, BrokenProcessPool) as error:
            return dropped(page, DropReason.ERROR, f"its process died ({type(error).__name__})")

    def stop(self) -> None:
        """Ends the processes, whatever they are at."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def _start(self) -> ProcessPool:
        return ProcessPool(max_workers=self._count, initializer=_begin, context=_context())

    def _schedule(self, work: Callable[..., Made], *given: object) -> _Sent[Made]:
        for seconds in _PAUSES:
            try:
                return self._send(work, given)
            except RuntimeError:  # a pool in which something broke takes no more
                self._renew(after_seconds=seconds)
        return self._send(work, given)

    def _send(self, work: Callable[..., Made], given: tuple[object, ...]) -> _Sent[Made]:
        return _Sent(self._pool.schedule(work, args=given, timeout=self._page_seconds), self._pool)

    def _each(
        self,
        pages: Iterable[tuple[Label, RawPage | Dropped]],
        work: Callable[[RawPage], Made],
        of_dropped: Callable[[Dropped], Made],
    ) -> Iterator[tuple[Label, Made]]:
        """What `work` makes of each page; `of_dropped` makes the same of those that give nothing."""
        waiting: deque[tuple[Label, RawPage | Dropped, _Sent[Made] | None]] = deque()

        def first() -> tuple[Label, Made]:
            label, page, sent = waiting.popleft()
            if isinstance(page, Dropped) or sent is None:
                assert isinstance(page, Dropped)
                return label, of_dropped(page)
            made = self._made(page, sent, work)
            return label, of_dropped(made) if isinstance(made, Dropped) else made

        for label, page in pages:
            waiting.append((label, page, None if isinstance(page, Dropped) else self._schedule(work, page)))
            if len(waiting) > self._count * _AHEAD:
                yield first()
        while waiting:
            yield first()

    def _made(self, page: RawPage, sent: _Sent[Made], work: Callable[[RawPage], Made]) -> Made | Dropped:
        try:
            return self._result(sent)
        except PageTimeoutError:
            return self._late(page)
        except ProcessExpired as error:
            logger.warning("a worker died at %s (exit code %s)", page.url, error.exitcode)
            return self._again(page, work, page)  # it may have been killed by somebody else
        except BrokenProcessPool:
            return self._again(page, work, page)

    def _finished(
        self, rows: Sequence[StagedRow], sent: _Sent[list[Sighting | Dropped]], template: Template
    ) -> list[Sighting | Dropped]:
        """What was sent, or what comes of its rows one by one, so that one costs only itself."""
        try:
            return self._result(sent)
        except (PageTimeoutError, ProcessExpired, BrokenProcessPool):
            return [self._finished_alone(row, template) for row in rows]

    def _finished_alone(self, row: StagedRow, template: Template) -> Sighting | Dropped:
        page = row.made()
        if isinstance(page, Dropped):
            return page
        made = self._again(page.page, finish_rows, [row], template)
        return made if isinstance(made, Dropped) else made[0]

    def _result(self, sent: _Sent[Made]) -> Made:
        """Raises as `result` does; BrokenProcessPool also where the pool is gone or takes no work any more.

        A worker that is killed while it fetches a page takes the page, or the lock of the queue, with it.
        """
        future = sent.future
        if not future.done() and sent.pool is not self._pool:
            raise BrokenProcessPool
        try:
            return future.result(timeout=3 * self._page_seconds + _START_SECONDS)
        except CancelledError as cause:
            raise BrokenProcessPool from cause
        except PageTimeoutError as cause:
            if future.done():
                return future.result()
            logger.warning("the workers take no work any more; others are started")
            self._renew()
            raise BrokenProcessPool from cause

    def _renew(self, after_seconds: float = 0.0) -> None:
        self.stop()
        time.sleep(after_seconds)
        self._pool = self._start()

    def _late(self, page: RawPage) -> Dropped:
        return dropped(page, DropReason.TIMEOUT, f"more than {self._page_seconds:g} s")

    def _again(self, page: RawPage, work: Callable[..., Made], *given: object) -> Made | Dropped:
        """The work for a page whose worker or pool broke, perhaps by no fault of its own, twice more at most."""
        for _ in range(2):
            try:
                return self._result(self._schedule(work, *given))
            except PageTimeoutError:
                return self._late(page)
            except (ProcessExpired, BrokenProcessPool) as error:
                kind = type(error).__name__
        return dropped(page, DropReason.ERROR, f"its process died ({kind})")


@contextmanager
def open_workers(count: int | None, page_seconds: float = PAGE_SECONDS) -> Iterator[PageWorkers]:
    """Workers for the duration of the block; without a count one for each processor that we may use."""
    workers = PageWorkers(count or len(os.sched_getaffinity(0)), page_seconds)
    try:
        yield workers
    finally:
        workers.stop()


def _begin() -> None:
    log_to_stderr(logging.WARNING)
    _limit_memory()


def _limit_memory() -> None:
    """A page that would take all memory of the machine ends as MemoryError, or with its worker."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _WORKER_BYTES if hard == resource.RLIM_INFINITY else min(_WORKER_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _context() -> "_PlainContext":
    context = _PlainContext()
    context.set_forkserver_preload([__name__, _PREPARED])
    return context


class _PlainProcess(ForkServerProcess):
    """A process that does not import the parent's main program: a page needs neither Scrapy nor Airflow."""

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Popen:  # noqa: N802 -- multiprocessing's name
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _PlainContext(ForkServerContext):
    """Workers are forked from a server process that has only the extraction imported: quick to start, no threads."""

    Process = _PlainProcess
