"""`python -m dags.standalone`: sets Airflow up, starts it, crawls at once, says where all is, ends it all at Ctrl-C."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from crawlers.catalogue import WORLD, catalogue_path, load_catalogue
from dags.standalone import airflow_home, ports, processes
from dags.standalone.airflow_api import AirflowApi
from pipelines.archive import Archive, read_entry
from pipelines.errors import StorageError, WorldwireError
from pipelines.store import open_store

DEMO = "demo"
DEMO_NETWORK = "127.0.2.0/24"

_START_SECONDS = 240
_POLL_SECONDS = 2.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, with every path made absolute."""

    sources: str
    archive: str
    port: int
    demo_port: int
    folder: Path

    @property
    def is_demo(self) -> bool:
        return self.sources == DEMO

    @property
    def catalogue(self) -> Path:
        return self.folder / "demo" / "sources.toml" if self.is_demo else catalogue_path(self.sources)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after Ctrl-C, 1 if a part of Airflow ended by itself, 2 if nothing was started."""
    options = _parse(arguments)
    try:
        with airflow_home.hold(options.folder / "airflow"):
            check(options)
            return processes.guarded(lambda: Standalone(options).run())
    except WorldwireError as error:
        console.print(f"worldwire: {error}", markup=False)
        return error.exit_code


def check(options: Options) -> None:
    """Everything that can be known to be wrong before anything starts. Raises WorldwireError."""
    if not options.is_demo:
        load_catalogue(options.catalogue)
    store = open_store(options.archive)
    read_entry(store, 1)  # an archive that cannot be reached is named by the store
    store.check_writing()
    ports.require_free(
        "127.0.0.1", options.port, purpose="Airflow's UI", remedy="choose another with --port (make run PORT=…)"
    )
    if options.is_demo:
        ports.require_free(
            "127.0.2.1", options.demo_port, purpose="the demo world's sites", remedy="choose another with --demo-port"
        )


class PartEndedError(WorldwireError):
    """A part that should run until Ctrl-C has ended by itself."""


class Standalone:
    """All parts, in the order in which they start."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._home = airflow_home.prepare_home(options.folder / "airflow", options.port)
        self._api = AirflowApi(self._home)
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._started_before = not self._home.needs_migration
        ours = {
            "WORLDWIRE_ARCHIVE": options.archive,
            "WORLDWIRE_SOURCES": str(options.catalogue),
            "WORLDWIRE_SPOOL": str(options.folder / "spool"),
            "WORLDWIRE_CRAWL_POOL": airflow_home.POOL,
            "PYTHONUNBUFFERED": "1",
        }
        if options.is_demo:
            ours["WORLDWIRE_ALLOW_PRIVATE"] = DEMO_NETWORK
        self._environ = airflow_home.airflow_environment(self._home, os.environ, ours)

    def run(self) -> int:
        try:
            self._start()
            self._report()
            self._watch()
        except (WorldwireError, TimeoutError) as error:
            console.print(f"worldwire: {error}", markup=False)
            return 1
        except processes.StopRequested:
            console.print("worldwire: ending everything …")
            return 0

    def _start(self) -> None:
        console.print(f"worldwire: starting; first articles come within two minutes (logs: {_short(self._logs)})")
        if self._options.is_demo:
            self._start_part(
                "demo", "-m", "crawlers.demo", "--port", str(self._options.demo_port), "--folder", str(self._demo)
            )
        self._start_part("api-server", "-m", "airflow", "api-server")  # the slowest to come up
        self._migrate()
        self._home.bury_schedulers()
        # Task logs are read from the folder; a log server would listen on all interfaces.
        self._start_part("scheduler", "-m", "airflow", "scheduler", "--skip-serve-logs")
        self._start_part("dag-processor", "-m", "airflow", "dag-processor")
        if self._options.is_demo:
            self._wait("the demo world's catalogue", self._options.catalogue.exists)
        self._wait("Airflow's API", self._api.is_up)
        self._api.make_pool(airflow_home.POOL, airflow_home.CRAWLS_AT_ONCE, "How many crawls run at once.")
        due = sorted({f"crawl_{source.cadence}" for source in load_catalogue(self._options.catalogue)})
        self._wait("the DAGs", lambda: self._api.dag_ids() >= {*due, "publish_articles"})
        for dag_id in due if self._started_before else ():  # the first time, Airflow does it by itself
            if not self._api.has_unfinished_run(dag_id):
                self._api.trigger(dag_id)

    def _report(self) -> None:
        program = _short(Path(sys.executable).parent / "worldwire")
        archive = self._options.archive if "://" in self._options.archive else _short(Path(self._options.archive))
        for label, value in (
            ("UI", f"{self._home.url}   login {airflow_home.USER}, password {self._home.password}"),
            ("archive", archive),
            ("read it", f"{program} export --archive {archive} --format jsonl -o articles.jsonl"),
            ("health", f"{program} status --archive {archive}"),
            ("end", "Ctrl-C"),
        ):
            console.print(f"  {label:<9}{value}", markup=False)

    def _watch(self) -> NoReturn:
        """Says how many articles there are whenever that has changed, until something ends."""
        shown = count_articles(self._options.archive)
        if shown:
            self._say(f"{shown:,} articles are in the archive from before")
        while True:
            self._pause()
            count = count_articles(self._options.archive)
            if count != shown:
                self._say(f"{count:,} articles in the archive")
                shown = count

    def _say(self, text: str) -> None:
        console.print(f"  {datetime.now(UTC).astimezone():%H:%M:%S}  {text}", markup=False)

    def _migrate(self) -> None:
        if not self._home.needs_migration:
            return
        self._start_part("migrate", "-m", "airflow", "db", "migrate")
        migration = self._parts.pop("migrate")
        if migration.wait() != 0:
            raise PartEndedError(f"Airflow's database could not be set up; see {_short(self._logs / 'migrate.log')}.")
        self._home.mark_migrated()

    def _start_part(self, name: str, *arguments: str) -> None:
        self._parts[name] = processes.start(
            [sys.executable, *arguments],
            environ=self._environ,
            folder=self._options.folder,
            log=self._logs / f"{name}.log",
        )

    def _wait(self, what: str, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not is_there():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come up in {_START_SECONDS} s; see {_short(self._logs)}.")
            self._pause(0.5)

    def _pause(self, seconds: float = _POLL_SECONDS) -> None:
        time.sleep(seconds)
        processes.check_stop()
        processes.reap_orphans(list(self._parts.values()))
        for name, process in self._parts.items():
            if (code := process.poll()) is not None:
                raise PartEndedError(f"{name} has ended by itself (code {code}); see {_short(self._logs / name)}.log.")

    @property
    def _demo(self) -> Path:
        return self._options.folder / "demo"

    @property
    def _logs(self) -> Path:
        return self._home.folder / "logs"


def count_articles(archive: str) -> int:
    """How many rows the table of articles has; 0 while there is none, or while it cannot be read."""
    try:
        rows = Archive(open_store(archive)).dataset("articles")
    except StorageError:
        return 0
    return 0 if rows is None else int(rows.count_rows())


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m dags.standalone", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--sources", default=DEMO, metavar="demo|world|FILE", help="what to crawl (default: %(default)s)"
    )
    parser.add_argument(
        "--archive", default="data", metavar="URI", help="a folder or s3://bucket/prefix (default: ./%(default)s)"
    )
    parser.add_argument("--port", type=_port, default=8080, help="of Airflow's UI, on 127.0.0.1 (default: %(default)s)")
    parser.add_argument(
        "--demo-port", type=_port, default=8790, help="of the demo world's sites (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, default=Path(".run"), help="for Airflow's files (default: %(default)s)")
    given = parser.parse_args(arguments)
    named = given.sources in (DEMO, WORLD)
    return Options(
        sources=given.sources if named else str(Path(given.sources).resolve()),
        archive=given.archive if "://" in given.archive else str(Path(given.archive).resolve()),
        port=given.port,
        demo_port=given.demo_port,
        folder=given.folder.resolve(),
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def _short(path: Path) -> str:
    """The path from here, as one would type it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


if __name__ == "__main__":
    sys.exit(main())
