"""Runs the crawl of one source in a child process, with a time limit; gives a RunReport.

The child dies with its parent, even one that was killed; what it had fetched is then stored by the next crawl. It reads
its job from stdin and writes a message a line to stdout; its log is stderr. A report is stored in any case: by the
child at its end, by the parent where the child could not.
"""

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO, Any

from crawlers.address_guard.addresses import read_networks
from crawlers.catalogue import Source
from crawlers.settings import RUN_SECONDS, CrawlRun, new_run_id, user_agent
from pipelines.capture import write_report
from pipelines.capture.report import read_report
from pipelines.errors import StorageError
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store

logger = logging.getLogger(__name__)

Counts = Mapping[str, int]
KILL_SECONDS = RUN_SECONDS + 120.0
_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


def crawl(
    source: Source,
    archive: ArchiveSettings,
    *,
    started_at: datetime | None = None,
    allow_private: str | None = None,
    dag_run_id: str | None = None,
    on_line: Callable[[str], None] | None = None,
    on_progress: Callable[[Counts], None] | None = None,
    time_limit_seconds: float = KILL_SECONDS,
) -> RunReport:
    """Crawls the source and gives the report, which is stored as well; the child's log goes to `on_line`.

    A source that does not answer is a report of outcome "failed". Raises ConfigurationError before anything is started,
    and StorageError where the archive cannot be used. A KeyboardInterrupt or any other exception that arrives meanwhile
    ends the child and leaves a report of outcome "killed" before it goes on.
    """
    run = _new_run(source, archive, started_at=started_at, allow_private=allow_private, dag_run_id=dag_run_id)
    child = _Child(source, run, on_line or logger.info, on_progress or (lambda _: None), time_limit_seconds)
    return child.run_to_end()


def crawl_all(
    sources: Sequence[Source],
    archive: ArchiveSettings,
    *,
    workers: int,
    allow_private: str | None = None,
    dag_run_id: str | None = None,
    on_line: Callable[[str, str], None] | None = None,
    on_progress: Callable[[str, Counts], None] | None = None,
    on_report: Callable[[RunReport], None] | None = None,
) -> list[RunReport]:
    """Crawls the sources, `workers` at a time, and gives their reports in the order of the sources.

    `on_line` and `on_progress` are told the source's id first; all three are called from the workers' threads. Raises
    as `crawl` does; an interrupt or an error of the archive ends all children.
    """
    stop = threading.Event()

    def one(source: Source) -> RunReport:
        run = _new_run(source, archive, started_at=None, allow_private=allow_private, dag_run_id=dag_run_id)
        child = _Child(
            source,
            run,
            (lambda line: on_line(source.id, line)) if on_line else logger.info,
            (lambda counts: on_progress(source.id, counts)) if on_progress else (lambda _: None),
            KILL_SECONDS,
            stop,
        )
        report = child.run_to_end()
        if on_report is not None:
            on_report(report)
        return report

    for source in sources[:1]:  # a wrong setting shows before anything is started
        _new_run(source, archive, started_at=None, allow_private=allow_private, dag_run_id=dag_run_id)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="crawl") as pool:
        futures = [pool.submit(one, source) for source in sources]
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
class _Child:
    """One child process and what is known of it."""

    source: Source
    run: CrawlRun
    on_line: Callable[[str], None]
    on_progress: Callable[[Counts], None]
    time_limit_seconds: float
    stop: threading.Event = field(default_factory=threading.Event)
    counts: Counts = field(default_factory=dict)
    report_key: str = ""
    storage_error: str = ""

    def run_to_end(self) -> RunReport:
        process = subprocess.Popen(
            [sys.executable, "-m", "crawlers.launch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr
        readers = [
            threading.Thread(target=self._read_log, args=(process.stderr,), daemon=True),
            threading.Thread(target=self._read_messages, args=(process.stdout,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        why_killed = ""
        try:
            try:
                process.stdin.write(_job(self.source, self.run))
                process.stdin.close()
            except BrokenPipeError:
                pass  # it died at once; its exit code and log tell why
            why_killed = self._wait(process)
        except BaseException:
            why_killed = "it was told to stop"
            raise
        finally:
            _end(process)
            for reader in readers:
                reader.join()
            if not self.report_key and not self.storage_error:
                self._report_in_its_place(process.returncode, why_killed)
        if self.storage_error:
            raise StorageError(self.storage_error)
        return read_report(open_store(self.run.archive.uri), self.report_key)

    def _wait(self, process: subprocess.Popen[str]) -> str:
        """Why the child must be ended; empty when it ended by itself."""
        deadline = time.monotonic() + self.time_limit_seconds
        while process.poll() is None:
            if self.stop.is_set():
                return "it was told to stop"
            if time.monotonic() > deadline:
                return f"it took longer than {self.time_limit_seconds:.0f} seconds"
            try:
                process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        return ""

    def _read_log(self, stream: IO[str]) -> None:
        for line in stream:
            self.on_line(line.rstrip("\n"))

    def _read_messages(self, stream: IO[str]) -> None:
        for line in stream:
            message = json.loads(line)
            self.counts = message.get("counts", self.counts)
            self.report_key = message.get("report_key", self.report_key)
            self.storage_error = message.get("storage_error", self.storage_error)
            if "counts" in message:
                self.on_progress(self.counts)

    def _report_in_its_place(self, exit_code: int, why_killed: str) -> None:
        """For a child that ended without a report: killed by us or by somebody else, or broken."""
        from crawlers.item_pipelines import report_of

        reason = why_killed or f"the crawl ended with exit code {exit_code}"
        outcome = "killed" if why_killed or exit_code < 0 else "failed"
        report = report_of(self.run, self.counts, ended_at=datetime.now(UTC), outcome=outcome, reason=reason)
        self.report_key = write_report(open_store(self.run.archive.uri), report)


def main() -> int:
    """The child: the crawl that stdin describes. Exit code 0 also where the source did not answer."""
    job = json.load(sys.stdin)
    _die_with(job["parent"])
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not be taken for a message

    def tell(message: Mapping[str, Any]) -> None:
        messages.write(json.dumps(message) + "\n")
        messages.flush()

    sys.meta_path.insert(0, _WithoutPandas())
    from crawlers.spiders.run import run_spider  # Scrapy is imported by the child alone

    source = Source.model_validate(job["source"])
    run = CrawlRun(
        source=source.facts(),
        archive=ArchiveSettings(uri=job["archive"], spool=Path(job["spool"])),
        run_id=job["run_id"],
        started_at=datetime.fromisoformat(job["started_at"]),
        user_agent=job["user_agent"],
        allow_private=job["allow_private"],
        dag_run_id=job["dag_run_id"],
    )
    return run_spider(source, run, tell)


class _WithoutPandas(MetaPathFinder):
    """pyarrow imports pandas wherever that is installed, only to ask whether a list is one of its own: 1.6 s."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def _job(source: Source, run: CrawlRun) -> str:
    values = {
        "parent": os.getpid(),
        "source": source.model_dump(mode="json"),
        "archive": run.archive.uri,
        "spool": str(run.archive.spool),
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "user_agent": run.user_agent,
        "allow_private": run.allow_private,
        "dag_run_id": run.dag_run_id,
    }
    return json.dumps(values)


def _new_run(
    source: Source,
    archive: ArchiveSettings,
    *,
    started_at: datetime | None,
    allow_private: str | None,
    dag_run_id: str | None,
) -> CrawlRun:
    if allow_private is None:
        allow_private = os.environ.get("WORLDWIRE_ALLOW_PRIVATE", "")
    read_networks(allow_private)
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
    )


def _end(process: subprocess.Popen[str]) -> None:
    """Asks the child to end, and kills its whole group where it does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _die_with(parent: int) -> None:
    """The kernel kills this process when the thread that started it is gone (Linux; elsewhere the parent ends it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")


if __name__ == "__main__":
    sys.exit(main())
