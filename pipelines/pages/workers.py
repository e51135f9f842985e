"""Pages -> drafts -> articles in worker processes, under a time limit, and each worker under a memory limit.

A page that takes too long, or that kills its worker, becomes a Dropped; the pages around it do not notice.
"""

import logging
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as PageTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from multiprocessing import resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.popen_forkserver import Popen
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Generic, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from pipelines.die_with import die_with
from pipelines.errors import ProcessesError
from pipelines.extract import Draft, dropped
from pipelines.log_lines import log_to_stderr
from pipelines.memory import keep_memory
from pipelines.model import Dropped, DropReason, RawPage
from pipelines.pages.one_page import draft, draft_staged, each_of, finish_rows
from pipelines.pages.sighting import Sighting
from pipelines.pages.staged import StagedPage, StagedRow, stage_page
from pipelines.template import Template

logger = logging.getLogger(__name__)

PAGE_SECONDS = 10.0
_WORKER_BYTES = 4 << 30
_IMPORTED = ("pipelines.forked", __name__, "pipelines.pages.prepared")  # before any worker is forked
_PAUSES = (0.0, 0.1, 0.5, 2.0)  # a fork server that was killed is started anew only once the system has buried it
_START_SECONDS = 30.0
_AHEAD = 2  # portions per worker that are sent before their turn
# A page takes some 10 ms, finishing it 2: sent alone, a tenth of the one and half of the other went into the sending.
_DRAFTED_AT_ONCE = 8
_FINISHED_AT_ONCE = 32
_PORTION_BYTES = 1 << 20
_LOST = (PageTimeoutError, ProcessExpired, BrokenProcessPool)

Label = TypeVar("Label")
Item = TypeVar("Item")
Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)


@dataclass(frozen=True, slots=True)
class _Sent(Generic[Made]):
    """Work under way, and the pool that does it."""

    future: "ProcessFuture[Made]"
    pool: ProcessPool


@dataclass(frozen=True, slots=True)
class _Job(Generic[Item, Made_co]):
    """What is done with items: `send` has something made of each of a portion; `page_of`: the page that one is of."""

    send: Callable[[Sequence[Item]], _Sent[list[Made_co | Dropped]]]
    page_of: Callable[[Item], RawPage | Dropped]


class PageWorkers:
    """A pool of processes that draft and finish pages; `open_workers` gives one."""

    def __init__(self, count: int, page_seconds: float) -> None:
        self._count = count
        self._page_seconds = page_seconds
        self._pool = self._start()

    def draft(self, pages: Iterable[tuple[Label, RawPage | Dropped]]) -> Iterator[tuple[Label, Draft | Dropped]]:
        """The drafts in the order of their pages, each with the label it came with. Few pages are held at a time."""
        return self._labelled(pages, draft, lambda page: page)

    def stage(self, pages: Iterable[tuple[Label, RawPage | Dropped]]) -> Iterator[tuple[Label, StagedPage]]:
        """The same as rows of a staged object."""
        return self._labelled(pages, draft_staged, stage_page)

    def finish(self, rows: Iterable[tuple[Label, StagedRow, Template]]) -> Iterator[tuple[Label, Sighting | Dropped]]:
        """The articles of staged drafts, in their order, recognised and signed, each with the label it came with.

        A site's template is sent with every few of its drafts: `Template.carried` is the smaller.
        """
        job: _Job[tuple[Label, StagedRow, Template], Sighting] = _Job(
            send=lambda portion: self._schedule(finish_rows, [row for _, row, _ in portion], portion[0][2]),
            page_of=lambda item: _page_of_row(item[1]),
        )
        # By identity: the last portion, which holds its template, still waits when the next site's first row is seen.
        of_sites = (site for _, site in groupby(rows, key=lambda item: id(item[2])))
        portions = chain.from_iterable(_portions(site, _FINISHED_AT_ONCE, _row_bytes) for site in of_sites)
        return ((item[0], made) for item, made in self._each(portions, job))

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
        """Raises ProcessesError if there is no pool that takes it."""
        for seconds in _PAUSES:
            try:
                return self._send(work, given)
            except RuntimeError:  # a pool in which something broke takes no more
                self._renew(after_seconds=seconds)
        try:
            return self._send(work, given)
        except RuntimeError as cause:
            why = cause.__cause__ or cause
            raise ProcessesError(f"The processes that extract pages cannot be started: {why}.") from cause

    def _send(self, work: Callable[..., Made], given: tuple[object, ...]) -> _Sent[Made]:
        return _Sent(self._pool.schedule(work, args=given, timeout=self._page_seconds), self._pool)

    def _labelled(
        self,
        pages: Iterable[tuple[Label, RawPage | Dropped]],
        work: Callable[[RawPage], Made],
        of_dropped: Callable[[Dropped], Made],
    ) -> Iterator[tuple[Label, Made]]:
        job: _Job[tuple[Label, RawPage | Dropped], Made] = _Job(
            send=lambda portion: self._schedule(each_of, [page for _, page in portion], work),
            page_of=lambda item: item[1],
        )
        for (label, _), made in self._each(_portions(pages, _DRAFTED_AT_ONCE, _page_bytes), job):
            yield label, of_dropped(made) if isinstance(made, Dropped) else made

    def _each(self, portions: Iterable[list[Item]], job: _Job[Item, Made]) -> Iterator[tuple[Item, Made | Dropped]]:
        """Each item with what is made of it, in order."""
        waiting: deque[tuple[list[Item], _Sent[list[Made | Dropped]]]] = deque()
        for portion in portions:
            waiting.append((portion, job.send(portion)))
            if len(waiting) > self._count * _AHEAD:
                yield from self._made(*waiting.popleft(), job)
        while waiting:
            yield from self._made(*waiting.popleft(), job)

    def _made(
        self, portion: Sequence[Item], sent: _Sent[list[Made | Dropped]], job: _Job[Item, Made]
    ) -> Iterable[tuple[Item, Made | Dropped]]:
        """What was made of a portion, or of each alone if one of them held it up: so that it costs only itself."""
        try:
            together = self._result(sent)
        except _LOST:
            each = [(item, sent if len(portion) == 1 else job.send([item])) for item in portion]
        else:
            return zip(portion, together, strict=True)
        made = [self._made_alone(item, alone, job) for item, alone in each]
        return zip(portion, made, strict=True)

    def _made_alone(self, item: Item, sent: _Sent[list[Made | Dropped]], job: _Job[Item, Made]) -> Made | Dropped:
        """Tried twice more at most if its worker or pool broke: it may have been killed by somebody else."""
        page = job.page_of(item)
        if isinstance(page, Dropped):
            return page
        kind = ""
        for attempt in range(3):
            try:
                return self._result(job.send([item]) if attempt else sent)[0]
            except PageTimeoutError:
                return self._late(page)
            except (ProcessExpired, BrokenProcessPool) as error:
                logger.warning("a worker died at %s (%s)", page.url, error)
                kind = type(error).__name__
        return dropped(page, DropReason.ERROR, f"its process died ({kind})")

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


def _portions(items: Iterable[Item], most: int, size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in their order, at most so many together, and few large ones."""
    portion: list[Item] = []
    held = 0
    for item in items:
        portion.append(item)
        held += size(item)
        if len(portion) == most or held > _PORTION_BYTES:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


def _page_bytes(item: tuple[object, RawPage | Dropped]) -> int:
    page = item[1]
    return 0 if isinstance(page, Dropped) else len(page.body)


def _row_bytes(item: tuple[object, StagedRow, Template]) -> int:
    return len(item[1].value)


def _page_of_row(row: StagedRow) -> RawPage | Dropped:
    made = row.made()
    return made if isinstance(made, Dropped) else made.page


@contextmanager
def open_workers(count: int | None, page_seconds: float = PAGE_SECONDS) -> Iterator[PageWorkers]:
    """Workers for the duration of the block; without a count one for each processor that we may use."""
    workers = PageWorkers(count or len(os.sched_getaffinity(0)), page_seconds)
    try:
        yield workers
    finally:
        workers.stop()


def _begin() -> None:
    die_with(os.getppid())  # of a server that is gone: the pool takes its workers for dead as well, and never ends them
    log_to_stderr(logging.WARNING)
    keep_memory()
    _limit_memory()


def _limit_memory() -> None:
    """A page that would take all memory of the machine ends as MemoryError, or with its worker."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _WORKER_BYTES if hard == resource.RLIM_INFINITY else min(_WORKER_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _context() -> "_PlainContext":
    context = _PlainContext()
    context.set_forkserver_preload(list(_IMPORTED))
    return context


class _PlainProcess(ForkServerProcess):
    """A process that does not import the parent's main program: a page needs neither Scrapy nor Airflow.

    Ctrl-C, which a terminal sends to all of us, is for the parent: the server that is started here and its workers are
    deaf to it, where they would answer with a traceback each.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Popen:  # noqa: N802 -- multiprocessing's name
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        resource_tracker.ensure_running()  # it begins by lifting such a mask
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return Popen(process_obj)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            sys.modules["__main__"] = main


class _PlainContext(ForkServerContext):
    """Workers are forked from a server process that has only the extraction imported: quick to start, no threads."""

    Process = _PlainProcess
