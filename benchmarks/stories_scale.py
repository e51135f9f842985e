"""The candidate join at scale: `python -m benchmarks.stories_scale 1000000 3000000`; `--spark`: Spark beside ours.

Windows of made-up signatures of that many texts, joined with the new texts of a day (a thirtieth) and of one batch.
Keys are spread as in real texts: a fifth of the texts are copies and have six of ten keys of their story, each text has
five keys of its event, of which there are large and small ones, and three of phrases that very many texts hold. Each
join runs in a process of its own, so that its memory can be told.

`--spark` writes both sides as Parquet, has CANDIDATE_PAIRS_SQL run word for word by PySpark in local mode (which needs
Java), and compares its pairs with ours: uv run --group spark python -m benchmarks.stories_scale 100000 --spark
"""

import argparse
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from pipelines.publish.driver import BATCH_PAGES
from pipelines.signatures import SKETCH_VERSION, Signature
from pipelines.syndication import CANDIDATE_PAIRS_SQL, KNOWN_SCHEMA, find_candidates
from pipelines.syndication.candidates import find_pairs

DAYS = 30  # of the window; a day of new texts meets this many times as many stored ones
KEYS = 58
EVENT_KEYS, EVENT_POOL = 5, 60
PHRASES = 3
SKETCH_BYTES = 450
ROWS_A_FILE = 100_000
SEEN_AT = datetime(2026, 11, 20, tzinfo=UTC)

Numbers = npt.NDArray[np.int64]


def write_window(folder: Path, count: int) -> None:
    for first in range(0, count, ROWS_A_FILE):
        rows = make_signatures(first, min(ROWS_A_FILE, count - first), of=count)
        pq.write_table(rows, folder / f"{first}.parquet", compression="zstd")


def make_signatures(first: int, count: int, of: int) -> pa.Table:
    """Signatures of `count` texts; those of one `of` have their stories and events in common."""
    rnd = np.random.default_rng(first)
    keys = rnd.integers(0, 1 << 40, (count, KEYS))
    story = rnd.integers(0, max(1000, of // 5), count)
    is_copy = rnd.random(count) < 0.2
    copied = (rnd.random((count, KEYS)) < 0.6) & is_copy[:, None]
    keys = np.where(copied, _mixed(story[:, None] * KEYS + np.arange(KEYS)), keys)
    event = rnd.zipf(1.4, count) % max(1000, of // 20)
    keys[:, PHRASES : PHRASES + EVENT_KEYS] = _mixed(
        event[:, None] * EVENT_POOL + rnd.integers(0, EVENT_POOL, (count, EVENT_KEYS)) + (1 << 50)
    )
    keys[:, :PHRASES] = _mixed(rnd.zipf(1.3, (count, PHRASES)) % 100_000 + (1 << 51))
    names = [f"{number:032x}" for number in range(first, first + count)]
    moments = pa.array([SEEN_AT] * count, pa.timestamp("us", tz="UTC"))
    columns = {
        "appearance_id": pa.array(names),
        "source_id": pa.array(["source"] * count),
        "agency": pa.array([False] * count),
        "published_at": moments,
        "first_seen_at": moments,
        "language": pa.array(["en"] * count),
        "sketch_version": pa.array([SKETCH_VERSION] * count, pa.int32()),
        "word_count": pa.array([500] * count, pa.int32()),
        "keys": pa.ListArray.from_arrays(pa.array(np.arange(0, KEYS * count + 1, KEYS), pa.int32()), keys.ravel()),
        "sketch": pa.array([rnd.bytes(SKETCH_BYTES) for _ in range(count)], pa.binary()),
        "story_id": pa.array([f"s{at}" if one else name for at, one, name in zip(story, is_copy, names, strict=True)]),
    }
    return pa.table(columns, schema=KNOWN_SCHEMA)


def _mixed(numbers: Numbers) -> Numbers:
    """40 bits that look like a hash; the same for the same number."""
    values = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    values ^= values >> np.uint64(29)
    return ((values * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(24)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one join took; memory is that of the process that ran it and nothing else."""

    candidates: int
    seconds: float
    cpu_seconds: float
    new_megabytes: float  # the new signatures, before the join
    peak_megabytes: float


def measure(count: int, folder: Path) -> None:
    write_window(folder, count)
    size = sum(path.stat().st_size for path in folder.iterdir()) / count
    for new in (BATCH_PAGES, count // DAYS):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
            cost = processes.submit(join, folder, count, new).result()
        print(
            f"| {count:,} | {size:,.0f} | {new:,} | {cost.candidates:,} | {cost.seconds:.1f} | {cost.cpu_seconds:.1f} "
            f"| {cost.new_megabytes:.0f} | {cost.peak_megabytes:.0f} |",
            flush=True,
        )


def join(folder: Path, count: int, new: int) -> Cost:
    """Looks for candidates of `new` made-up texts in the window of `count` texts that lies in the folder."""
    rows = make_signatures(count, new, of=count).drop_columns("story_id")
    signatures = [Signature(**row) for row in rows.to_pylist()]
    del rows
    before, began, cpu = _peak_megabytes(), time.perf_counter(), time.process_time()
    found = find_candidates(signatures, ds.dataset(folder))
    return Cost(
        candidates=found.num_rows,
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        new_megabytes=before,
        peak_megabytes=_peak_megabytes(),
    )


def compare_with_spark(count: int) -> bool:
    """Whether Spark and we give the same pairs for the same Parquet files."""
    with tempfile.TemporaryDirectory() as folder:
        stored, new = Path(folder) / "stored", Path(folder) / "new"
        stored.mkdir()
        new.mkdir()
        write_window(stored, count)
        pq.write_table(make_signatures(count, count // DAYS, of=count), new / "0.parquet")
        began = time.perf_counter()
        ours = find_pairs(pq.read_table(new), pq.read_table(stored))
        our_seconds = time.perf_counter() - began
        theirs, spark_seconds = _spark_pairs(stored, new)
    same = {tuple(row.values()) for row in ours.to_pylist()} == theirs
    print(
        f"{count:,} stored, {count // DAYS:,} new: {ours.num_rows:,} pairs by us in {our_seconds:.1f} s, "
        f"{len(theirs):,} by Spark in {spark_seconds:.1f} s: {'the same' if same else 'NOT THE SAME'}"
    )
    return same


def _spark_pairs(stored: Path, new: Path) -> tuple[set[tuple[str, str, int]], float]:
    from pyspark.sql import SparkSession  # only here: it is large and needs Java

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.warehouse.dir", str(stored.parent / "warehouse"))
        .getOrCreate()
    )
    try:
        session.read.parquet(str(stored)).createOrReplaceTempView("known_signatures")
        session.read.parquet(str(new)).createOrReplaceTempView("new_signatures")
        began = time.perf_counter()
        rows = session.sql(CANDIDATE_PAIRS_SQL).collect()
        return {(row.new_id, row.appearance_id, row.shared) for row in rows}, time.perf_counter() - began
    finally:
        session.stop()


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("stored", type=int, nargs="+", help="texts in the window")
    words.add_argument("--spark", action="store_true", help="compare with PySpark instead")
    given = words.parse_args()
    if given.spark:
        return 0 if all(compare_with_spark(count) for count in given.stored) else 1
    print("| stored | bytes a text | new | candidates | s | CPU s | MB before | peak MB |\n|" + "---:|" * 8)
    for count in given.stored:
        with tempfile.TemporaryDirectory() as folder:
            measure(count, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
