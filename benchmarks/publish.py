"""What publishing costs beside the extraction that it is made of: CPU, and the memory of each process.

    python -m benchmarks.publish --shared FOLDER [--pages 2000] [--captures FOLDER]

FOLDER holds the measuring sets (`extraction-dev/*/pages.jsonl.gz`); the pages are those, varied (`page_captures`).
`--captures` keeps the captures there, or takes those that lie there already. Extraction alone is `draft_page` and
`finish_page` on the decoded bytes of the same pages, half of it before and half of it after the publish, in as many
processes as publish has workers; publish is the installed command with all its children, start-up included. Beside
them trafilatura's own extraction with metadata, of every eighth capture.
"""

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil
import trafilatura
from rich.console import Console
from rich.table import Table

from benchmarks.page_captures import write_captures
from pipelines.capture import capture_keys, decoded_body, read_pages, source_of_key
from pipelines.extract import Draft, draft_page, finish_page
from pipelines.model import RawPage
from pipelines.store import open_store
from pipelines.template import Template

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_SECONDS = 0.2
_MB = 1_000_000


@dataclass(slots=True)
class Memory:
    """Peaks in bytes: resident memory of the parent and of the largest other process, and of all together by share.

    `parent_cpu`: seconds of the parent alone, when it was last looked at.
    """

    parent_cpu: float = 0.0
    parent: int = 0
    largest_worker: int = 0
    workers_together: int = 0
    all_together: int = 0

    def look(self, parent: int) -> None:
        """Takes note of how much the processes hold now; shared pages count once, in equal parts."""
        try:
            children = psutil.Process(parent).children(recursive=True)
            shares = {one: _proportional(one) for one in (parent, *(child.pid for child in children))}
            self.parent = max(self.parent, _peak(parent))
            times = psutil.Process(parent).cpu_times()
            self.parent_cpu = max(self.parent_cpu, times.user + times.system)
        except (psutil.NoSuchProcess, OSError):
            return
        workers = sum(share for process, share in shares.items() if process != parent)
        self.workers_together = max(self.workers_together, workers)
        self.all_together = max(self.all_together, sum(shares.values()))
        self.largest_worker = max(self.largest_worker, *(_peak(child.pid) for child in children), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of a command with all its descendants."""

    cpu: float
    wall: float
    memory: Memory


def _peak(process: int) -> int:
    """The highest resident memory that a process ever had, in bytes; 0 if it is gone."""
    return _kilobytes(Path(f"/proc/{process}/status"), "VmHWM:")


def _proportional(process: int) -> int:
    return _kilobytes(Path(f"/proc/{process}/smaps_rollup"), "Pss:")


def _kilobytes(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def cost_of(command: Sequence[str]) -> Cost:
    """Runs the command and waits for every process that came of it. Raises CalledProcessError if it fails."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # orphans become ours, with their CPU time
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began, memory = time.perf_counter(), Memory()
    others = _children()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    cpu = 0.0
    while _children() - others:
        memory.look(process.pid)
        ended, status, usage = os.wait4(-1, os.WNOHANG)
        if ended == 0:
            time.sleep(_LOOK_SECONDS)
            continue
        cpu += usage.ru_utime + usage.ru_stime
        if ended == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(cpu=cpu, wall=time.perf_counter() - began, memory=memory)


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


Extract = Callable[[RawPage], object]


def extraction_seconds(uri: str, keys: Sequence[str], workers: int, extract: Extract) -> tuple[float, int]:
    """CPU seconds of extraction alone of all pages of these captures, and how many pages these are."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        portions = [keys[number::workers] for number in range(workers)]
        spent = list(pool.map(_extract, [uri] * workers, portions, [extract] * workers))
    return sum(seconds for seconds, _ in spent), sum(pages for _, pages in spent)


def _extract(uri: str, keys: Sequence[str], extract: Extract) -> tuple[float, int]:
    store = open_store(uri)
    spent, count = 0.0, 0
    for key in keys:
        pages = [page for page in read_pages(store, key) if isinstance(page, RawPage)]
        before = time.process_time()
        for page in pages:
            extract(page)
        spent += time.process_time() - before
        count += len(pages)
    return spent, count


def ours(page: RawPage) -> None:
    """What publish does with a page to get its text."""
    draft = draft_page(page)
    if isinstance(draft, Draft):
        finish_page(draft, Template())


def trafilaturas(page: RawPage) -> None:
    """The same by trafilatura's defaults."""
    trafilatura.bare_extraction(decoded_body(page), url=page.url, with_metadata=True)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--shared", type=Path, required=True)
    words.add_argument("--pages", type=int, default=2000)
    words.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    words.add_argument("--captures", type=Path, help="keep the captures in this folder")
    given = words.parse_args()
    folders = sorted(path.parent for path in (given.shared / "extraction-dev").glob("*/pages.jsonl.gz"))
    if not folders:
        sys.exit(f"{given.shared} has no extraction-dev/*/pages.jsonl.gz")
    with tempfile.TemporaryDirectory(prefix="worldwire-bench-") as name:
        kept = given.captures or Path(name) / "captures"
        if not kept.exists():
            write_captures(open_store(str(kept)), Path(name) / "spool", folders, given.pages)
        archive = Path(name) / "archive"
        shutil.copytree(kept, archive, copy_function=os.link)
        measure(str(archive), given.pages, given.workers)
    return 0


def measure(archive: str, pages: int, workers: int) -> None:
    store = open_store(archive)
    keys = list(capture_keys(store))
    peer, peer_pages = extraction_seconds(archive, keys[::8], workers, trafilaturas)
    before, _ = extraction_seconds(archive, keys[::2], workers, ours)
    command = [str(Path(sys.executable).with_name("worldwire")), "publish", "--archive", archive, "--json"]
    cost = cost_of([*command, "--workers", str(workers)])
    after, _ = extraction_seconds(archive, keys[1::2], workers, ours)
    title = f"{pages} pages of {len({source_of_key(key) for key in keys})} sources in {len(keys)} captures"
    show(f"{title}, {workers} workers", pages, before + after, peer / peer_pages * pages, cost)


def show(title: str, pages: int, alone: float, peer: float, cost: Cost) -> None:
    memory = cost.memory
    table = Table(title=title)
    for column in ("", "s", "ms a page"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_row("CPU of extraction alone", f"{alone:.1f}", f"{1000 * alone / pages:.1f}")
    table.add_row("CPU of trafilatura's extraction alone", f"{peer:.1f}", f"{1000 * peer / pages:.1f}")
    table.add_row(
        "CPU of publish, all processes, start-up included", f"{cost.cpu:.1f}", f"{1000 * cost.cpu / pages:.1f}"
    )
    table.add_row("of these its parent", f"{memory.parent_cpu:.1f}", f"{1000 * memory.parent_cpu / pages:.1f}")
    table.add_row("publish beside our extraction alone", f"{cost.cpu / alone:.2f}", "")
    table.add_row("publish beside trafilatura's extraction alone", f"{cost.cpu / peer:.2f}", "")
    table.add_row("wall time of publish", f"{cost.wall:.1f}", f"{1000 * cost.wall / pages:.1f}")
    sizes = Table()
    for column in ("peak memory of publish", "MB"):
        sizes.add_column(column, justify="left" if not column else "right")
    rows: Sequence[tuple[str, int]] = (
        ("parent, resident", memory.parent),
        ("largest worker, resident", memory.largest_worker),
        ("all workers together, shared pages once", memory.workers_together),
        ("all processes together, shared pages once", memory.all_together),
    )
    for name, size in rows:
        sizes.add_row(name, f"{size / _MB:.0f}")
    Console(width=100).print(table, sizes)


if __name__ == "__main__":
    sys.exit(main())
