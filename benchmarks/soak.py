"""A soak: the same sources crawled again and again, with new articles, faults and bombs; nothing may grow.

    python -m benchmarks.soak [--minutes 20]

Every round adds articles to three sites and crawls all at once by one nursery, as a worker does that never stops. What
there is after a first quarter, by which everything is as large as it gets, is compared with the end: a child's peak
memory, this process's and the nursery's, open descriptors, threads, left-over spool files. Exit code 1 if any has
grown.
"""

import argparse
import gzip
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.queue import watched_children
from crawlers.launch import Launch, new_run
from crawlers.launch.nursery import Nursery
from pipelines.settings import ArchiveSettings
from tests.crawlers.conftest import source_of
from tests.local_site import NETWORK, Answer, LocalSite, redirect

SITES = 3
ARTICLES_A_ROUND = 8
KEPT_IN_FEED = 60
BOMB = Answer(gzip.compress(b"<p>x" * 4_000_000, mtime=0), headers={"Content-Encoding": "gzip"})


@dataclass(frozen=True, slots=True)
class Reading:
    """Megabytes of the heaviest child, of this process, of the nursery; its descriptors, our threads, spool files."""

    child_mb: float
    own_mb: float
    nursery_mb: float
    descriptors: int
    threads: int
    spool_files: int

    def __str__(self) -> str:
        return (
            f"child {self.child_mb:.0f} MB, own {self.own_mb:.0f} MB, nursery {self.nursery_mb:.0f} MB,"
            f" {self.descriptors} descriptors, {self.threads} threads, {self.spool_files} spool files"
        )


def one_round(sites: list[LocalSite], archive: ArchiveSettings, nursery: Nursery, number: int) -> tuple[int, float]:
    """Pages captured, and the peak of the heaviest child in megabytes."""
    captured: list[int] = []

    def crawl(site: LocalSite, name: str) -> None:
        for at in range(ARTICLES_A_ROUND):
            site.add_article(f"/world/2026/11/24/the-council-met-again-today-{number}-{at}")
        site.routes |= {f"/bomb-{number}": BOMB, f"/loop-{number}": redirect(f"/loop-{number}")}
        site.name(f"/bomb-{number}", f"/loop-{number}", f"/gone-{number}")
        for path in site.links[:-KEPT_IN_FEED]:
            site.routes.pop(path, None)
        del site.links[:-KEPT_IN_FEED]
        site.name()
        site.forget()
        source = source_of(site, id=name)
        run = new_run(source, archive, started_at=None, allow_private=NETWORK, dag_run_id=None)
        report = Launch(source, run, lambda line: None, lambda counts: None, 120).run_to_end(nursery)
        captured.append(report.captured)

    threads = [threading.Thread(target=crawl, args=(site, f"soak-{at}")) for at, site in enumerate(sites)]
    with watched_children() as watches:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sum(captured), max(watch.peak for watch in watches) / 1e6


def read(archive: ArchiveSettings, child_mb: float) -> Reading:
    """What there is between two rounds."""
    own = psutil.Process()
    nursery = next(child for child in own.children() if "crawlers.launch" in child.cmdline())
    return Reading(
        child_mb=child_mb,
        own_mb=own.memory_info().rss / 1e6,
        nursery_mb=nursery.memory_info().rss / 1e6,
        descriptors=own.num_fds() + nursery.num_fds(),
        threads=own.num_threads(),
        spool_files=sum(path.is_file() for path in archive.spool.rglob("*")),
    )


def grown(before: Reading, after: Reading) -> list[str]:
    """What has grown beyond what chance explains."""
    found = []
    for name, more in (("child_mb", 15), ("own_mb", 15), ("nursery_mb", 5), ("descriptors", 3), ("threads", 3)):
        if getattr(after, name) > getattr(before, name) + more:
            found.append(name)
    return [*found, *(["spool_files"] if after.spool_files > before.spool_files else [])]


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--minutes", type=float, default=20)
    seconds = words.parse_args().minutes * 60
    began, number, pages = time.monotonic(), 0, 0
    early: Reading | None = None
    with tempfile.TemporaryDirectory() as folder, Nursery() as nursery:
        archive = ArchiveSettings(uri=f"{folder}/archive", spool=Path(folder) / "spool")
        sites = [LocalSite() for _ in range(SITES)]
        for site in sites:
            site.__enter__()
        while time.monotonic() - began < seconds:
            number += 1
            captured, child_mb = one_round(sites, archive, nursery, number)
            pages += captured
            now = read(archive, child_mb)
            if early is None and time.monotonic() - began > seconds / 4:
                early = now
                print(f"round {number}: {now}", flush=True)
    print(f"round {number}: {now}\n{pages} pages in {time.monotonic() - began:.0f} seconds", flush=True)
    wrong = grown(early or now, now)
    if pages != number * SITES * ARTICLES_A_ROUND:
        wrong.append(f"{number * SITES * ARTICLES_A_ROUND} pages were to be captured")
    print("nothing has grown" if not wrong else "has grown or is wrong: " + ", ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
