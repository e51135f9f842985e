"""Crawls on Celery workers: `python -m benchmarks.workers [--sources 50] [--rounds 1,2,2-killed]`.

Airflow with PostgreSQL, Redis and CeleryExecutor on loopback, a real S3 server (a one-node Ceph, or moto: --moto), and
a made-up world of news sites. For each number of workers: how long a round takes, and how many articles come a minute.
Then once more with two workers, one of which is killed (kill -9, with all it started) in the middle: what was lost,
what came twice, and whether a source was ever crawled twice at once.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import boto3

from pipelines.archive import Archive
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.ceph import Ceph, is_installed
from tests.dags.cluster import Cluster, missing
from tests.dags.many_sites import NETWORK, ManySites

ARTICLES = 8
SECONDS_A_PAGE = 0.4
CONCURRENCY = 4
POOL = "crawls"
PATIENCE = 1500.0
_DONE = """
    select count(*) from dag_run where dag_id = 'crawl_15min' and state in ('success', 'failed') having count(*) > 0"""
_RUNNING = """
    select map_index from task_instance
    where dag_id = 'crawl_15min' and task_id = 'crawl_source' and state = 'running'"""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of all sources; `twice_at_once`: sources of which two crawls overlap."""

    seconds: float
    articles: int
    lost: int
    twice: int
    twice_at_once: int
    tries: Mapping[int, int]
    failed: int
    killed: int


@contextmanager
def s3_server(folder: Path, *, moto: bool) -> Iterator[dict[str, str]]:
    if moto:
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield {
            "AWS_ACCESS_KEY_ID": "news", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret", "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }  # fmt: skip
        server.stop()
        return
    ceph = Ceph(folder)
    ceph.start()
    try:
        yield ceph.environment
    finally:
        ceph.stop()


def crawl_round(s3: Mapping[str, str], *, sources: int, workers: int, kill: bool) -> Round:
    bucket = f"bucket-{uuid4().hex[:12]}"
    client(s3).create_bucket(Bucket=bucket)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="worldwire-cluster-")))
        sites = stack.enter_context(ManySites(sources, ARTICLES, seconds_a_page=SECONDS_A_PAGE))
        (folder / "sources.toml").write_text(sites.catalogue("15min"))
        environment = {
            **s3,
            "WORLDWIRE_ARCHIVE": f"s3://{bucket}/news",
            "WORLDWIRE_SOURCES": str(folder / "sources.toml"),
            "WORLDWIRE_SPOOL": str(folder / "spool"),
            "WORLDWIRE_ALLOW_PRIVATE": NETWORK,
            "WORLDWIRE_CRAWL_POOL": POOL,
        }
        cluster = Cluster(folder, environment, concurrency=CONCURRENCY)
        stack.callback(cluster.stop)
        cluster.start()
        # As many as the workers have places: what waits for a slot does not count as stuck in Celery's queue.
        slots = workers * CONCURRENCY
        cluster.change("insert into slot_pool (pool, slots, include_deferred) values (%s, %s, false)", POOL, slots)
        cluster.wait_for("select 1 from dag_run where dag_id = 'crawl_15min'", seconds=PATIENCE)
        for number in range(workers):
            cluster.start_worker(f"worker-{number}")
        cluster.wait_for(_RUNNING, seconds=PATIENCE)
        began = time.monotonic()
        killed = 0
        if kill:
            cluster.wait_for(f"select 1 from ({_RUNNING}) as running having count(*) > {CONCURRENCY}", seconds=PATIENCE)
            time.sleep(3)
            killed = cluster.kill_worker("worker-0")
        cluster.wait_for(_DONE, seconds=PATIENCE)
        seconds = time.monotonic() - began
        tries = cluster.ask(
            "select try_number, count(*) from task_instance where dag_id = 'crawl_15min' and task_id = 'crawl_source'"
            " group by 1 order by 1"
        )
        ((failed,),) = cluster.ask(
            "select count(*) from task_instance where dag_id = 'crawl_15min' and task_id = 'crawl_source'"
            " and state != 'success'"
        )
        cluster.stop()
        return judged(f"s3://{bucket}/news", s3, sites, seconds, dict(tries), failed, killed)


def judged(
    uri: str,
    s3: Mapping[str, str],
    sites: ManySites,
    seconds: float,
    tries: Mapping[int, int],
    failed: int,
    killed: int,
) -> Round:
    with patch.dict(os.environ, s3), tempfile.TemporaryDirectory() as spool:
        publish_new_captures(ArchiveSettings(uri=uri, spool=Path(spool)))
        archive = Archive(open_store(uri))
        appearances, runs = archive.dataset("appearances"), archive.dataset("runs")
        assert appearances is not None
        assert runs is not None
        urls = Counter(appearances.to_table(columns=["url"])["url"].to_pylist())
        crawls = runs.to_table(columns=["source_id", "started_at", "ended_at", "captured"]).to_pylist()
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in crawls:
        if row["ended_at"] is not None and row["captured"]:
            spans.setdefault(row["source_id"], []).append((row["started_at"], row["ended_at"]))
    return Round(
        seconds=seconds,
        articles=len(urls),
        lost=len(sites.articles - set(urls)),
        twice=sum(count > 1 for count in urls.values()),
        twice_at_once=sum(_overlaps(sorted(found)) for found in spans.values()),
        tries=tries,
        failed=failed,
        killed=killed,
    )


def _overlaps(spans: list[tuple[datetime, datetime]]) -> bool:
    return any(after[0] < before[1] for before, after in pairwise(spans))


def client(s3: Mapping[str, str]) -> "boto3.client":
    return boto3.client(
        "s3",
        aws_access_key_id=s3["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=s3["AWS_SECRET_ACCESS_KEY"],
        region_name=s3["AWS_REGION"],
        endpoint_url=s3["AWS_ENDPOINT_URL"],
    )


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sources", type=int, default=50)
    words.add_argument("--rounds", default="1,2,2-killed", help="numbers of workers")
    words.add_argument("--moto", action="store_true", help="moto's S3 server in place of Ceph")
    given = words.parse_args()
    lacking = missing() or ("" if given.moto or is_installed() else "Ceph is not installed: see tests/ceph.py")
    if lacking:
        print(lacking, file=sys.stderr)
        return 2
    rounds = [(int(one.removesuffix("-killed")), one.endswith("-killed")) for one in given.rounds.split(",")]
    with tempfile.TemporaryDirectory(prefix="worldwire-s3-") as folder, s3_server(Path(folder), moto=given.moto) as s3:
        names = (
            "workers",
            "seconds",
            "articles a minute",
            "lost",
            "twice",
            "crawled twice at once",
            "tries",
            "not green",
        )
        print(f"| {' | '.join(names)} |")
        print("|---" * 8 + "|")
        for workers, kill in rounds:
            found = crawl_round(s3, sources=given.sources, workers=workers, kill=kill)
            name = f"{workers}, one killed ({found.killed} processes)" if kill else str(workers)
            tries = ", ".join(f"{tries}: {count}" for tries, count in found.tries.items())
            minute = 60 * found.articles / found.seconds
            print(
                f"| {name} | {found.seconds:.0f} | {minute:.0f} | {found.lost} | {found.twice} | {found.twice_at_once}"
                f" | {tries} | {found.failed} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
