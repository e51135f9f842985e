"""Runs the crawl of one source in a child process, with a time limit; gives a RunReport.

Of one source one crawl runs at a time (`crawlers.launch.lease`); a second one gives a report and asks nothing. The
child dies with its parent, even one that was killed; what it had fetched is then stored by the next crawl. A report is
stored in any case: by the child at its end, by the parent where the child could not.
"""

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from crawlers.address_guard.addresses import read_networks
from crawlers.catalogue import Source
from crawlers.holder import Holder
from crawlers.launch.child import as_job
from crawlers.launch.lease import Lease, take_lease
from crawlers.launch.nursery import Child, Nursery
from crawlers.settings import RUN_SECONDS, CrawlRun, new_run_id, user_agent
from pipelines.capture import write_report
from pipelines.capture.report import read_report
from pipelines.errors import StorageError
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store

logger = logging.getLogger(__name__)

Counts = Mapping[str, int]
KILL_SECONDS = RUN_SECONDS + 120.0
_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.2


def crawl(
    source: Source,
    archive: ArchiveSettings,
    *,
    started_at: datetime | None = None,
    allow_private: str | None = None,
    dag_run_id: str | None = None,
    scheduled: bool = False,
    days: tuple[date, date] | None = None,
    on_line: Callable[[str], None] | None = None,
    on_progress: Callable[[Counts], None] | None = None,
    time_limit_seconds: float = KILL_SECONDS,
) -> RunReport:
    """Crawls the source and gives the report, which is stored as well; the child's log goes to `on_line`.

    `days`: it asks sitemaps alone, for articles of the first to the last of these days. `scheduled`: it comes round by
    itself, and asks only what is due. A source that does not answer is a report of
    outcome "failed". Raises ConfigurationError before anything is started, and StorageError where the archive cannot be
    used. A KeyboardInterrupt (SIGTERM is one here) or any other exception that arrives meanwhile ends the child and
    leaves a report of outcome "killed" before it goes on.
    """
    run = new_run(
        source,
        archive,
        started_at=started_at,
        allow_private=allow_private,
        dag_run_id=dag_run_id,
        scheduled=scheduled,
        days=days,
    )
    with interrupted_by_sigterm(), Nursery() as nursery:
        launch = Launch(source, run, on_line or logger.info, on_progress or (lambda _: None), time_limit_seconds)
        return launch.run_to_end(nursery)


def crawl_all(
    sources: Sequence[Source],
    archive: ArchiveSettings,
    *,
    workers: int,
    allow_private: str | None = None,
    dag_run_id: str | None = None,
    days: tuple[date, date] | None = None,
    on_line: Callable[[str, str], None] | None = None,
    on_progress: Callable[[str, Counts], None] | None = None,
    on_report: Callable[[RunReport], None] | None = None,
    before: Callable[[], None] | None = None,
) -> list[RunReport]:
    """Crawls the sources, `workers` at a time, and gives their reports in the order of the sources.

    `on_line` and `on_progress` are told the source's id first; all three are called from the workers' threads. `before`
    is called before the first crawl, while Scrapy is imported in another process: what it raises ends everything.
    Raises as `crawl` does; an interrupt or an error of the archive ends all children.
    """
    stop = threading.Event()

    def one(source: Source, nursery: Nursery) -> RunReport:
        launch = Launch(
            source,
            new_run(source, archive, started_at=None, allow_private=allow_private, dag_run_id=dag_run_id, days=days),
            (lambda line: on_line(source.id, line)) if on_line else logger.info,
            (lambda counts: on_progress(source.id, counts)) if on_progress else (lambda _: None),
            KILL_SECONDS,
            stop,
        )
        report = launch.run_to_end(nursery)
        if on_report is not None:
            on_report(report)
        return report

    for source in sources[:1]:  # a wrong setting shows before anything is started
        new_run(source, archive, started_at=None, allow_private=allow_private, dag_run_id=dag_run_id)
    with (
        interrupted_by_sigterm(),
        Nursery() as nursery,
        ThreadPoolExecutor(max_workers=workers, thread_name_prefix="crawl") as pool,
    ):
        if before is not None:
            before()
        futures = [pool.submit(one, source, nursery) for source in sources]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return [future.result() for future in futures]


@dataclass
class Launch:
    """One crawl in a child: what is told of it meanwhile, and what is known of it."""

    source: Source
    run: CrawlRun
    on_line: Callable[[str], None]
    on_progress: Callable[[Counts], None]
    time_limit_seconds: float
    stop: threading.Event = field(default_factory=threading.Event)
    counts: Counts = field(default_factory=dict)
    report_key: str = ""
    storage_error: str = ""
    error: str = ""

    def run_to_end(self, nursery: Nursery) -> RunReport:
        """The report; of a crawl without a request if another crawl of the source is running."""
        store = open_store(self.run.archive.uri)
        lease = take_lease(store, self.source.id, self.run.run_id, datetime.now(UTC))
        if isinstance(lease, Holder):
            return self._report_of_another(store, lease)
        with lease:
            return self._run_alone(nursery, lease)

    def _run_alone(self, nursery: Nursery, lease: Lease) -> RunReport:
        child = nursery.start(as_job(self.source, self.run))
        readers = [
            threading.Thread(target=self._read_log, args=(child,), daemon=True),
            threading.Thread(target=self._read_messages, args=(child,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        why_ended = "it was told to stop"
        try:
            why_ended = self._wait(child, lease)
        finally:
            _end(child)
            for reader in readers:
                reader.join()
            if not self.report_key and not self.storage_error:
                nursery_exit_code = nursery.exit_code() if child.exit_code is None else None
                self._report_in_its_place(child.exit_code, nursery_exit_code, why_ended)
        if self.storage_error:
            raise StorageError(self.storage_error)
        return read_report(open_store(self.run.archive.uri), self.report_key)

    def _wait(self, child: Child, lease: Lease) -> str:
        """Why the child must be ended; empty when it ended by itself."""
        deadline = time.monotonic() + self.time_limit_seconds
        while not child.wait(_LOOK_SECONDS):
            if self.stop.is_set():
                return "it was told to stop"
            if lease.is_lost:
                return "another crawl took over"
            if time.monotonic() > deadline:
                return f"it took longer than {self.time_limit_seconds:.0f} seconds"
        return ""

    def _read_log(self, child: Child) -> None:
        with child.log:
            for line in child.log:
                self.on_line(line.rstrip("\n"))

    def _read_messages(self, child: Child) -> None:
        with child.messages:
            for line in child.messages:
                if not line.endswith("\n"):
                    break  # it was killed while it spoke
                message = json.loads(line)
                self.counts = message.get("counts", self.counts)
                self.report_key = message.get("report_key", self.report_key)
                self.storage_error = message.get("storage_error", self.storage_error)
                self.error = message.get("error", self.error)
                if "counts" in message:
                    self.on_progress(self.counts)

    def _report_of_another(self, store: Store, holder: Holder) -> RunReport:
        from crawlers.item_pipelines import report_of

        reason = f"another crawl of it is running since {holder.since:%Y-%m-%d %H:%M} UTC"
        report = report_of(self.run, {}, ended_at=datetime.now(UTC), outcome="ok", reason=reason)
        write_report(store, report)
        self.on_line(f"{self.source.id}: {reason}")
        return report

    def _report_in_its_place(self, exit_code: int | None, nursery_exit_code: int | None, why_ended: str) -> None:
        """For a child that ended without a report: killed by us or by somebody else, or broken."""
        from crawlers.item_pipelines import report_of

        if self.error:
            reason = f"the crawl broke: {self.error}"
        elif exit_code is None and nursery_exit_code:
            reason = f"no crawl could be started (exit code {nursery_exit_code}); the log says why"
        else:
            reason = why_ended or f"the crawl ended with exit code {exit_code}"
        code = nursery_exit_code if exit_code is None else exit_code
        is_killed = why_ended or code is None or code < 0
        outcome = "killed" if is_killed and not self.error else "failed"
        report = report_of(self.run, self.counts, ended_at=datetime.now(UTC), outcome=outcome, reason=reason)
        self.report_key = write_report(open_store(self.run.archive.uri), report)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Within, SIGTERM is a KeyboardInterrupt: children are ended first, and their crawls leave their reports.

    Only in the main thread, and only where nobody else handles it.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def new_run(
    source: Source,
    archive: ArchiveSettings,
    *,
    started_at: datetime | None,
    allow_private: str | None,
    dag_run_id: str | None,
    scheduled: bool = False,
    days: tuple[date, date] | None = None,
) -> CrawlRun:
    """A crawl that is about to start; `allow_private` None stands for the environment's. Raises ConfigurationError."""
    if allow_private is None:
        allow_private = os.environ.get("WORLDWIRE_ALLOW_PRIVATE", "")
    read_networks(allow_private)
    if source.browser:
        from crawlers.middlewares.browser import check_browser  # Scrapy takes a second to import

        check_browser(source.id)
    started_at = started_at or datetime.now(UTC)
    open_store(archive.uri)
    return CrawlRun(
        source=source.facts(),
        archive=archive,
        run_id=new_run_id(started_at),
        started_at=started_at,
        user_agent=user_agent(),
        allow_private=allow_private,
        dag_run_id=dag_run_id,
        scheduled=scheduled,
        days=days,
    )


def _end(child: Child) -> None:
    """Asks the child to end, and kills it where it does not."""
    if not child.wait(0):
        child.send(signal.SIGTERM)
        if not child.wait(_GRACE_SECONDS):
            child.send(signal.SIGKILL)
            child.wait(_GRACE_SECONDS)
