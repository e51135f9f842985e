"""Starts crawls and publishes that are to die, and tells what became of them."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from crawlers.catalogue import Source
from crawlers.launch import Launch, new_run
from crawlers.launch.nursery import Child, Nursery
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings

Doom = Mapping[str, Any]
ROOT = Path(__file__).parents[2]
_LIMIT_SECONDS = 120


class TortureNursery(Nursery):
    """As a crawl's nursery; its children know how to die (`tests.torture.doomed`)."""

    def __enter__(self) -> Self:
        popen = subprocess.Popen

        def started(command: list[str], **values: Any) -> Any:
            words = ["tests.torture.doomed" if word == "crawlers.launch" else word for word in command]
            return popen(words, cwd=ROOT, **values)

        from crawlers.launch import nursery

        nursery.subprocess.Popen = started  # type: ignore[misc, assignment]
        try:
            return super().__enter__()
        finally:
            nursery.subprocess.Popen = popen  # type: ignore[misc]


@dataclass
class Publish:
    """A publish in a child; `told` gathers its messages: calls, published, or error."""

    child: Child
    told: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_log, self._read_messages)]
        for reader in self._readers:
            reader.start()

    def end(self, seconds: float = _LIMIT_SECONDS) -> Self:
        """Waits for its end."""
        assert self.child.wait(seconds), f"it did not end: {self.log[-5:]}"
        for reader in self._readers:
            reader.join()
        return self

    @property
    def process_id(self) -> int:
        when(lambda: self.child.process_id)
        return self.child.process_id

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signals the process itself, not what it started."""
        try:
            os.kill(self.process_id, number)
        except ProcessLookupError:
            return  # it was quicker

    @property
    def is_stopped(self) -> bool:
        """Whether it sleeps by SIGSTOP."""
        return is_stopped(self.process_id)

    @property
    def outcome(self) -> str:
        """`done`, `killed`, or the error's sentence."""
        if "published" in self.told:
            return "done"
        if "error" in self.told:
            return f"{self.told['kind']}: {self.told['error']}"
        return "killed" if self.child.exit_code == -signal.SIGKILL else f"exit code {self.child.exit_code}: {self.log}"

    def _read_log(self) -> None:
        with self.child.log:
            self.log.extend(line.rstrip("\n") for line in self.child.log)

    def _read_messages(self) -> None:
        import json

        with self.child.messages:
            for line in self.child.messages:
                self.told |= json.loads(line)


@dataclass(frozen=True)
class Victims:
    """Starts them in the nursery; `environment` is theirs alone (the AWS variables of a proxy, say)."""

    nursery: Nursery
    environment: Mapping[str, str] = field(default_factory=dict)

    def publish(self, archive: ArchiveSettings, doom: Doom | None = None, now: datetime | None = None) -> Publish:
        job = {
            "task": "publish",
            "archive": archive.uri,
            "spool": str(archive.spool),
            "now": now.isoformat() if now else None,
            "doom": dict(doom or {}),
            "environment": dict(self.environment),
        }
        return Publish(self.nursery.start(job))

    def crawl(
        self, source: Source, archive: ArchiveSettings, allow_private: str, doom: Doom | None = None
    ) -> tuple[RunReport, int]:
        """The report of a crawl to its end, and how often it called storage. Raises what `crawl` raises."""
        return DoomedCrawl(self, source, archive, allow_private, doom or {}).run()


class DoomedCrawl:
    """One crawl, by the product's own launch; `child` can be signalled meanwhile."""

    def __init__(
        self, victims: Victims, source: Source, archive: ArchiveSettings, allow_private: str, doom: Doom
    ) -> None:
        self.child: Child | None = None
        self.log: list[str] = []
        self._victims = victims
        self._doom = doom
        run = new_run(source, archive, started_at=None, allow_private=allow_private, dag_run_id=None)
        self._launch = _CountingLaunch(source, run, self.log.append, lambda _: None, _LIMIT_SECONDS)

    def run(self) -> tuple[RunReport, int]:
        report = self._launch.run_to_end(self)  # type: ignore[arg-type]
        return report, self._launch.calls

    def start(self, job: Mapping[str, Any]) -> Child:
        """What the launch takes for its nursery."""
        more = {"task": "crawl", "doom": dict(self._doom), "environment": dict(self._victims.environment)}
        self.child = self._victims.nursery.start({**job, **more})
        return self.child


@dataclass
class _CountingLaunch(Launch):
    calls: int = 0

    def _read_messages(self, child: Child) -> None:
        import json

        with child.messages:
            for line in child.messages:
                message = json.loads(line)
                self.calls = message.get("calls", self.calls)
                self.counts = message.get("counts", self.counts)
                self.report_key = message.get("report_key", self.report_key)
                self.storage_error = message.get("storage_error", self.storage_error)


def is_stopped(process_id: int) -> bool:
    """Whether the process sleeps by SIGSTOP."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] == "T"


def command(*words: str) -> list[str]:
    """The installed command, as a user starts it."""
    return [str(Path(sys.executable).with_name("worldwire")), *words]


def when(happened: Callable[[], object], seconds: float = 60) -> None:
    """Waits until it happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
