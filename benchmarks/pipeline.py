"""The whole way of a page beside what others would write: CPU and wall time a page, from the same sites in one run.

    python -m benchmarks.pipeline --shared FOLDER [--copies 4] [--rounds 3]

FOLDER holds the measuring sets (`extraction-dev/*/pages.jsonl.gz`). CPU is that of a whole command with all its
children; start-up is taken off by running the same command against the same sites with one page each. The figures are
medians over the rounds.
"""

import argparse
import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

PORT = 18777
SITES = 2
NETWORK = "127.0.3.0/24"
WORLDWIRE = [str(Path(sys.executable).with_name("worldwire"))]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one command with all its children."""

    cpu: float
    wall: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall)


def cost_of(command: list[str], environment: dict[str, str] | None = None) -> Cost:
    """Runs the command to its end. Raises CalledProcessError if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        time.perf_counter() - started,
    )


@contextlib.contextmanager
def sites(folders: list[Path], copies: int, most: int) -> Iterator[None]:
    """The page sites as a process of their own."""
    command = [sys.executable, "-m", "benchmarks.page_sites", *map(str, folders), "--port", str(PORT)]
    command += ["--sites", str(SITES), "--copies", str(copies), "--most", str(most)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().strip() == "ready"
            yield
        finally:
            server.terminate()


def catalogue(folder: Path) -> Path:
    """The sites in the catalogue's form, with no delay: they are ours."""
    path = folder / "sources.toml"
    blocks = [
        f'[[source]]\nid = "bench-{number}"\nname = "Bench {number}"\nhomepage = "http://127.0.3.{number}:{PORT}/"\n'
        f'feeds = ["http://127.0.3.{number}:{PORT}/feed.xml"]\nsitemaps = []\nmax_pages = 2000\n'
        for number in range(1, SITES + 1)
    ]
    path.write_text("[politeness]\ndelay_seconds = 0\nconcurrency = 16\n" + "".join(blocks))
    return path


def feeds() -> list[str]:
    return [f"http://127.0.3.{number}:{PORT}/feed.xml" for number in range(1, SITES + 1)]


def peers(folder: Path) -> dict[str, Cost]:
    """What bare Scrapy costs, alone and with trafilatura in its callback or in a pool."""
    module = [sys.executable, "-m", "benchmarks.pipeline_peers"]
    return {mode: cost_of([*module, mode, str(folder / f"{mode}.jsonl"), *feeds()]) for mode in PEERS}


PEERS = {
    "fetch": "bare Scrapy, fetch only",
    "callback": "Scrapy, trafilatura in the callback",
    "pool": "Scrapy, trafilatura in two processes",
}


def ours(folder: Path) -> dict[str, Cost]:
    """Crawl, publish, then both once more with nothing new."""
    sources, archive, spool = catalogue(folder), folder / "archive", folder / "spool"
    environment = {"WORLDWIRE_ALLOW_PRIVATE": NETWORK, "WORLDWIRE_SPOOL": str(spool)}
    crawl = [*WORLDWIRE, "crawl", "--sources", str(sources), "--archive", str(archive), "--json"]
    publish = [*WORLDWIRE, "publish", "--archive", str(archive), "--json"]
    first = cost_of(crawl, environment)
    published = cost_of(publish, environment)
    again = cost_of(crawl, environment)
    shutil.rmtree(archive)
    return {"crawl": first, "publish": published, "whole": first + published, "again": again}


OURS = {
    "crawl": "worldwire crawl: fetch, robots, WARC, frontier",
    "publish": "worldwire publish: extract, clean, stories, tables",
    "whole": "worldwire, the whole way",
}


def one_round(folders: list[Path], copies: int) -> dict[str, tuple[Cost, Cost]]:
    """For each contender its cost with one page a site, and with all."""
    costs: list[dict[str, Cost]] = []
    for most in (1, 0):
        with sites(folders, copies, most), tempfile.TemporaryDirectory() as name:
            costs.append({**peers(Path(name)), **ours(Path(name))})
    return {name: (costs[0][name], costs[1][name]) for name in costs[0]}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--shared", type=Path, required=True)
    words.add_argument("--copies", type=int, default=4)
    words.add_argument("--rounds", type=int, default=3)
    given = words.parse_args()
    folders = sorted(path.parent for path in (given.shared / "extraction-dev").glob("*/pages.jsonl.gz"))
    if not folders:
        sys.exit(f"{given.shared} has no extraction-dev/*/pages.jsonl.gz")
    from benchmarks.page_sites import read_pages

    pages = len(read_pages(folders)) * given.copies
    rounds = [one_round(folders, given.copies) for _ in range(given.rounds)]
    show(rounds, pages)


def show(rounds: list[dict[str, tuple[Cost, Cost]]], pages: int) -> None:
    table = Table(title=f"{pages} pages, {SITES} sites, {len(rounds)} rounds, start-up taken off (medians)")
    for column in ("", "ms CPU a page", "beside the callback", "pages/s, start-up included", "start-up, s CPU"):
        table.add_column(column, justify="left" if not column else "right")

    def cpu_ms(name: str) -> float:
        return statistics.median(1000 * (a[name][1].cpu - a[name][0].cpu) / (pages - SITES) for a in rounds)

    for name, label in {**PEERS, **OURS}.items():
        rate = statistics.median(pages / a[name][1].wall for a in rounds)
        start = statistics.median(a[name][0].cpu for a in rounds)
        ratio = cpu_ms(name) / cpu_ms("callback")
        table.add_row(label, f"{cpu_ms(name):.1f}", f"{ratio:.2f}", f"{rate:.0f}", f"{start:.1f}")
    Console(width=120).print(table)
    again = statistics.median(a["again"][1].cpu for a in rounds)
    print(f"crawl of nothing new, start-up included: {again:.1f} s CPU for {SITES} sources with {pages} known pages")


if __name__ == "__main__":
    main()
