"""What a large catalogue costs Airflow: `python -m benchmarks.catalogue_scale [--sources 2000] [--scheduler]`.

Parsing: seconds to read all DAG files, which do not read the catalogue. `list_sources`: seconds to read it, and bytes
that it hands to the mapped tasks. With --scheduler also, on PostgreSQL and Celery (tests/dags/cluster.py): how long
after the start of `list_sources` every mapped task of one round stands in the database, what the scheduler uses of a
core while they all wait for a slot, and how long the API server takes for what Airflow's UI asks: the grid of the DAG,
and the first hundred of its tasks.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import psutil

from crawlers.catalogue import load_catalogue
from tests.dags.cluster import Cluster, missing
from tests.dags.conftest import airflow_environment

COUNTS = (50, 500, 2000)
PATIENCE = 900.0
LOOKED_SECONDS = 30.0
POOL = "held"
_PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
bag = DagBag()
assert not bag.import_errors, bag.import_errors
print("SECONDS", json.dumps(sum(stat.duration.total_seconds() for stat in bag.dagbag_stats)))
"""


def catalogue(sources: int) -> str:
    return "\n".join(
        f'[[source]]\nid = "paper-{number}"\nname = "Paper {number}"\nhomepage = "https://paper-{number}.example/"\n'
        f'feeds = ["https://paper-{number}.example/feed.xml"]\ncadence = "hourly"\n'
        for number in range(sources)
    )


def parse_seconds(file: Path, folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _PARSE],
        env=airflow_environment(folder, WORLDWIRE_SOURCES=str(file)), capture_output=True, text=True, check=True,
    )  # fmt: skip
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("SECONDS"))
    return float(json.loads(line.removeprefix("SECONDS")))


def scheduler_figures(file: Path, sources: int) -> tuple[float, float, float, float]:
    """Seconds until all tasks are there, share of a core that the scheduler uses, seconds of the UI's two questions."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="worldwire-scale-")))
        environment = {
            "WORLDWIRE_SOURCES": str(file),
            "WORLDWIRE_ARCHIVE": str(folder / "archive"),
            "WORLDWIRE_CRAWL_POOL": POOL,
            "AIRFLOW__CORE__MAX_MAP_LENGTH": "10000",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        }
        cluster = Cluster(folder, environment, concurrency=2)
        stack.callback(cluster.stop)
        cluster.start()
        cluster.change("insert into slot_pool (pool, slots, include_deferred) values (%s, 0, false)", POOL)
        cluster.start_worker("worker")
        cluster.wait_for(
            "select 1 from task_instance where task_id = 'crawl_source' and dag_id = 'crawl_hourly' and map_index >= 0"
            f" having count(*) >= {sources}",
            seconds=PATIENCE,
        )
        ((expanded,),) = cluster.ask(
            "select extract(epoch from now() - start_date)::float from task_instance"
            " where task_id = 'list_sources' and dag_id = 'crawl_hourly'"
        )
        scheduler = cluster.process("scheduler")
        before = _cpu(scheduler)
        time.sleep(LOOKED_SECONDS)
        used = (_cpu(scheduler) - before) / LOOKED_SECONDS
        return expanded, used, *_answer_seconds(cluster)


def _cpu(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _answer_seconds(cluster: Cluster) -> tuple[float, float]:
    """Of what Airflow's UI asks for the DAG's grid, and for the first hundred of its mapped tasks."""
    base = f"http://127.0.0.1:{cluster.api_port}"
    with urllib.request.urlopen(f"{base}/auth/token", timeout=60) as answer:
        token = json.load(answer)["access_token"]
    ((run_id,),) = cluster.ask("select run_id from dag_run where dag_id = 'crawl_hourly' limit 1")
    run_id = urllib.request.quote(run_id)
    grid = f"{base}/ui/grid/ti_summaries/crawl_hourly?run_ids={run_id}"
    tasks = f"{base}/api/v2/dags/crawl_hourly/dagRuns/{run_id}/taskInstances?limit=100"
    return _seconds_of(grid, token), _seconds_of(tasks, token)


def _seconds_of(address: str, token: str) -> float:
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.read()
        seconds.append(time.monotonic() - began)
    return statistics.median(seconds)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sources", type=int, action="append", help="how many; may be given several times")
    words.add_argument("--scheduler", action="store_true", help="with a real scheduler; some minutes")
    given = words.parse_args()
    if given.scheduler and missing():
        print(missing(), file=sys.stderr)
        return 2
    more = " all tasks there, s | scheduler, share of a core | UI: grid, s | UI: tasks, s |" if given.scheduler else ""
    print(f"| sources | parse all DAG files, s | list_sources, s | handed on, kB |{more}")
    print("|---" * (8 if given.scheduler else 4) + "|")
    with tempfile.TemporaryDirectory(prefix="worldwire-scale-") as name:
        folder = Path(name)
        for sources in given.sources or COUNTS:
            file = folder / f"sources-{sources}.toml"
            file.write_text(catalogue(sources))
            began = time.monotonic()
            found = [source.model_dump(mode="json") for source in load_catalogue(file)]
            listed = time.monotonic() - began
            cells = [f"{parse_seconds(file, folder):.2f}", f"{listed:.2f}", f"{len(json.dumps(found)) / 1000:.0f}"]
            if given.scheduler:
                expanded, used, grid, tasks = scheduler_figures(file, sources)
                cells += [f"{expanded:.0f}", f"{used:.2f}", f"{grid:.2f}", f"{tasks:.2f}"]
            print(f"| {sources} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
