"""The victims: the product's own crawl and publish, in a child that kills itself or sleeps at a given call of storage.

`python -m tests.torture.doomed DESCRIPTOR PARENT` is a nursery as crawls have one (`crawlers.launch.nursery`), whose
children take the jobs of `tests.torture.victims`. What is wrapped is wrapped in the child alone.
"""

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from crawlers.launch import child as crawl_child
from crawlers.launch.nursery import Run, serve
from pipelines.errors import WorldwireError

Tell = Callable[[Mapping[str, Any]], None]
# So small that a crawl and a publish of the small world are several steps.
FILE_BYTES = 12_000
BATCH_PAGES = 7
CALLS = ("get", "put", "put_if", "put_file", "delete", "download", "get_range", "list")


class Fate:
    """Counts calls of storage, table commits among them; at call number `call` the process gets the signal."""

    def __init__(self, doom: Mapping[str, Any]) -> None:
        self._doom = doom
        self._turn = threading.Lock()
        self.calls = 0
        self.first_entry = 0

    def noted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **values: Any) -> Any:
            with self._turn:
                self.calls += 1
                number = self.calls
            if not self._doom.get("after"):
                self._strike(number)
            try:
                return call(*args, **values)
            finally:
                if self._doom.get("after"):
                    self._strike(number)

        return counted

    def _strike(self, number: int) -> None:
        if number == self._doom.get("call"):
            os.kill(os.getpid(), self._doom.get("signal", signal.SIGKILL))


class DoomedStore:
    """A store whose calls are counted by fate; it remembers the number of its first put of a journal entry."""

    def __init__(self, store: Any, fate: Fate) -> None:
        self._store = store
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._fate.noted(found) if name in CALLS else found

    def put_if(self, key: str, body: bytes, etag: str | None) -> str:
        if key.startswith("journal/"):
            self._fate.first_entry = self._fate.first_entry or self._fate.calls + 1
        return str(self._fate.noted(self._store.put_if)(key, body, etag))


def prepare() -> Run:
    """Imports all that a crawl and a publish need, and gives what runs one."""
    crawl_run = crawl_child.prepare()
    import pipelines.publish
    import pipelines.store.s3  # noqa: F401 - for the children

    def run(job: Mapping[str, Any], tell: Tell) -> int:
        os.environ.update(job.get("environment", {}))
        doom = job.get("doom", {})
        fate = Fate(doom)
        _prepare_child(doom, fate)
        if job["task"] == "publish":
            return _publish(job, doom, fate, tell)
        code = crawl_run(job, tell)
        tell({"calls": fate.calls})
        return code

    return run


def _prepare_child(doom: Mapping[str, Any], fate: Fate) -> None:
    from crawlers import item_pipelines
    from crawlers.spiders import news
    from pipelines.archive import tables
    from pipelines.capture import CaptureWriter
    from pipelines.publish import driver
    from pipelines.store import open_store, s3
    from tests.inline_workers import open_inline_workers
    from tests.torture import broken

    if limit := doom.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if seconds := doom.get("patience_seconds"):
        _be_impatient(s3, seconds)
    if damage := doom.get("broken"):
        broken.break_it(damage)
    if days := doom.get("clock_days"):
        _turn_clock(timedelta(days=days))

    def open_doomed(uri: str) -> Any:
        return DoomedStore(broken.broken_store(doom.get("broken"), open_store(uri)), fate)

    for module in (driver, news):
        module.open_store = open_doomed
    for name in ("write_deltalake", "_create"):
        setattr(tables, name, fate.noted(getattr(tables, name)))
    driver.BATCH_PAGES = BATCH_PAGES
    item_pipelines.CaptureWriter = partial(CaptureWriter, max_file_bytes=FILE_BYTES)  # type: ignore[misc, assignment]
    if not doom.get("workers"):
        driver.open_workers = open_inline_workers  # type: ignore[assignment]


def _publish(job: Mapping[str, Any], doom: Mapping[str, Any], fate: Fate, tell: Tell) -> int:
    from pipelines.publish import publish_new_captures
    from pipelines.settings import ArchiveSettings

    where = ArchiveSettings(uri=job["archive"], spool=Path(job["spool"]))
    now = datetime.fromisoformat(job["now"]) if job.get("now") else None
    try:
        summary = publish_new_captures(where, now=now, workers=doom.get("workers"))
    except WorldwireError as error:
        tell({"error": str(error), "kind": type(error).__name__, "calls": fate.calls})
        return error.exit_code
    published = [summary.new_articles, summary.new_appearances, summary.revised]
    tell({"published": published, "calls": fate.calls, "first_entry": fate.first_entry})
    return 0


def _be_impatient(s3: Any, seconds: float) -> None:
    """Silence of the server is noticed soon: by boto3 and by deltalake."""
    config, options = s3.Config, s3.S3Store.table_options

    def impatient(**values: Any) -> Any:
        return config(**{**values, "read_timeout": seconds, "connect_timeout": seconds})

    s3.Config = impatient
    s3.S3Store.table_options = lambda store: options(store) | {"timeout": f"{seconds:g}s"}


def _turn_clock(by: timedelta) -> None:
    """The clock that crawl and publish look at is wrong."""

    class Turned(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + by

    from crawlers import item_pipelines
    from crawlers.spiders import news
    from pipelines.publish import driver

    for module in (item_pipelines, news, driver):
        module.datetime = Turned  # type: ignore[attr-defined, misc]


if __name__ == "__main__":
    sys.exit(serve(int(sys.argv[1]), int(sys.argv[2]), prepare))
