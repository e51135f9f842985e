"""Ours beside other ways to find copies: `python -m benchmarks.stories --shared FOLDER`; `--scale N`: the join alone.

Every way is given the same texts and the same cores and connects what it takes for copies. Peers: exact texts; MinHash
with datatrove's defaults (word 5-grams, 14 bands of 8 rows) and at Jaccard 0.5 (datasketch); containment of 5-grams
from 0.7 and TF-IDF cosine from 0.6, both over all pairs.
"""

import argparse
import hashlib
import io
import re
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH
from scipy.sparse import csr_matrix

from benchmarks import story_sets
from pipelines.signatures import SKETCH_VERSION, Signature, shingle_hashes
from pipelines.syndication import KNOWN_SCHEMA, cluster, describe_copy, find_candidates, signature_table
from pipelines.syndication.stories import sign_articles

SPUN = ("syn", "mt-es", "mt+syn")
KINDS = {"verbatim": "verbatim", "trimmed": "trimmed", "excerpt": "excerpt", **dict.fromkeys(SPUN, "spun")}
KINDS |= dict.fromkeys(("relead", "localised", "update"), "edited")  # the others may be called verbatim or edited
OTHERS = ("background", "template", "digest", "sibling")
WORLD_SEEDS = (11, 12, 13)
DAYS = 30  # of the window; a day of new texts meets this many times as many stored ones


def exact(rows: Sequence[story_sets.Text]) -> list[str]:
    return [hashlib.sha256(" ".join(words_of(row)).encode()).hexdigest() for row in rows]


def minhash_datatrove(rows: Sequence[story_sets.Text]) -> list[str]:
    index = MinHashLSH(num_perm=112, params=(14, 8))
    return connect(len(rows), _minhash_pairs(rows, index, 112, 0.0))


def minhash_half(rows: Sequence[story_sets.Text]) -> list[str]:
    return connect(len(rows), _minhash_pairs(rows, MinHashLSH(threshold=0.5, num_perm=128), 128, 0.5))


def containment(rows: Sequence[story_sets.Text]) -> list[str]:
    sets = [set(shingle_hashes(row["text"])) for row in rows]
    holders: dict[int, list[int]] = defaultdict(list)
    for number, held in enumerate(sets):
        for one in held:
            holders[one].append(number)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for held_by in holders.values():
        for pair in combinations(held_by, 2):
            shared[pair] += 1
    copies = (pair for pair, count in shared.items() if count >= 0.7 * min(len(sets[pair[0]]), len(sets[pair[1]])))
    return connect(len(rows), copies)


def tf_idf(rows: Sequence[story_sets.Text]) -> list[str]:
    vocabulary: dict[str, int] = {}
    places = [[vocabulary.setdefault(word, len(vocabulary)) for word in words_of(row)] for row in rows]
    starts = np.cumsum([0, *map(len, places)])
    counts = csr_matrix((np.ones(starts[-1]), np.concatenate(places), starts), (len(rows), len(vocabulary)))
    counts.sum_duplicates()
    held_by = np.bincount(counts.indices, minlength=len(vocabulary))
    counts.data = (1 + np.log(counts.data)) * np.log(len(rows) / held_by[counts.indices])
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    cosine = (counts @ counts.T).tocoo()
    alike = cosine.data >= 0.6 * lengths[cosine.row] * lengths[cosine.col]
    return connect(len(rows), zip(cosine.row[alike].tolist(), cosine.col[alike].tolist(), strict=True))


def worldwire(rows: Sequence[story_sets.Text]) -> list[str]:
    return cluster(rows)


SYSTEMS: tuple[Callable[[Sequence[story_sets.Text]], list[str]], ...] = (
    exact,
    minhash_datatrove,
    minhash_half,
    containment,
    tf_idf,
    worldwire,
)


def words_of(row: story_sets.Text) -> list[str]:
    return re.findall(r"\w+", row["text"].casefold())


def _minhash_pairs(
    rows: Sequence[story_sets.Text], index: MinHashLSH, permutations: int, least: float
) -> Iterable[tuple[int, int]]:
    hashes = []
    for number, row in enumerate(rows):
        found = MinHash(num_perm=permutations)
        words = words_of(row)
        found.update_batch([" ".join(words[at : at + 5]).encode() for at in range(max(1, len(words) - 4))])
        for other in index.query(found):
            if found.jaccard(hashes[int(other)]) >= least:
                yield number, int(other)
        index.insert(str(number), found)
        hashes.append(found)


def connect(count: int, pairs: Iterable[tuple[int, int]]) -> list[str]:
    leader = list(range(count))

    def find(one: int) -> int:
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, other in pairs:
        leader[find(one)] = find(other)
    return [str(find(one)) for one in range(count)]


def compare_systems(shared: Path) -> None:
    rows = story_sets.labelled(shared)
    score = story_sets.score_labelled(shared)
    worlds = [story_sets.world(shared, seed) for seed in WORLD_SEEDS]
    print(f"{len(rows)} labelled texts; worlds of the same paragraphs, seeds {WORLD_SEEDS}\n")
    print(
        "| system | P | R | F1 | B³ | " + " | ".join(SPUN) + " | wrong: background, forms, digests, siblings |", end=""
    )
    print(" worlds: stories, kept copies | texts/s |\n|" + "---|" * 11)
    for system in SYSTEMS:
        began = time.process_time()
        got = score(rows, system(rows))
        rate = len(rows) / (time.process_time() - began)
        figures = " | ".join(f"{got[name]:.3f}" for name in ("P", "R", "F1", "B3"))
        by_kind = " | ".join(f"{got['kinds'][kind]:.3f}" for kind in SPUN)
        wrong = ", ".join(
            "{}/{}".format(*got["negs"][kind]) for kind in ("background", "template", "digest", "sibling")
        )
        world = "; ".join("{:.3f}, {:.3f}".format(*story_sets.score_world(world, system(world))) for world in worlds)
        print(f"| {system.__name__} | {figures} | {by_kind} | {wrong} | {world} | {rate:.0f} |", flush=True)


def measure_kinds(shared: Path) -> None:
    rows = story_sets.labelled(shared)
    originals = {row["story"]: row["text"] for row in rows if row["kind"] == "original"}
    copies = [row for row in rows if row["kind"] in KINDS]
    named = [describe_copy(originals[row["story"]], row["text"])[0] for row in copies]
    right = sum(kind == KINDS[row["kind"]] for kind, row in zip(named, copies, strict=True))
    print(f"\nkind of copy named right: {right / len(copies):.3f} of {len(copies)}")


def measure_cost(shared: Path) -> None:
    """Bytes of stored state and signing speed, on texts of which none is a copy of another."""
    rows = [row for row in story_sets.labelled(shared) if row["kind"] == "original"]
    sign_articles(rows)
    began = time.process_time()
    signatures = sign_articles(rows)
    rate = len(rows) / (time.process_time() - began)
    words = sum(len(row["text"].split()) for row in rows) / len(rows)
    size = stored_bytes(signatures)
    print(f"signed: {rate:.0f} texts/s a core, {words:.0f} words each; stored: {size:.0f} bytes a text")


def stored_bytes(signatures: Sequence[Signature]) -> float:
    table = signature_table(
        [
            Signature(**(one.row() | {"appearance_id": hashlib.sha256(bytes(number)).hexdigest(), "keys": one.keys}))
            for number, one in enumerate(signatures)
        ]
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return len(sink.getvalue()) / len(signatures)


def measure_scale(count: int) -> None:
    """The join of a day's new texts with a window of `count` stored ones, in made-up keys; a fifth are copies."""
    with tempfile.TemporaryDirectory() as folder:
        rnd = np.random.default_rng(1)
        stories = rnd.integers(0, 1 << 40, (max(1000, count // 5), 58))
        for part in range(0, count, 100_000):
            rows = _made_up(rnd, stories, part, min(100_000, count - part))
            pq.write_table(rows, Path(folder) / f"{part}.parquet", compression="zstd")
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        new = _made_up(rnd, stories, count, count // DAYS)
        signatures = [Signature(**row) for row in new.drop_columns("story_id").to_pylist()]
        before, began, cpu = _peak_megabytes(), time.perf_counter(), time.process_time()
        found = find_candidates(signatures, ds.dataset(folder))
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    print(f"{len(signatures):,} new texts against {count:,} stored ({size / 1e9:.2f} GB): ", end="")
    print(f"{found.num_rows:,} candidates in {seconds:.1f} s ({cpu_seconds:.1f} s CPU), ", end="")
    print(f"peak {_peak_megabytes():.0f} MB ({before:.0f} MB before the join)")


def _made_up(rnd: np.random.Generator, stories: np.ndarray, first: int, count: int) -> pa.Table:
    """Signatures whose keys are a story's for a fifth of them (six of ten keys), else their own; sketches are noise."""
    keys = rnd.integers(0, 1 << 40, (count, 58))
    common = rnd.zipf(1.3, (count, 3)) % 100_000  # phrases that many texts hold
    story = rnd.integers(0, len(stories), count)
    copied = rnd.random((count, 58)) < 0.6
    copied &= (rnd.random(count) < 0.2)[:, None]
    keys = np.where(copied, stories[story], keys)
    keys[:, :3] = common
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    names = [f"{number:032x}" for number in range(first, first + count)]
    offsets = pa.array(np.arange(0, 58 * count + 1, 58), pa.int32())
    columns = {
        "appearance_id": pa.array(names),
        "source_id": pa.array(["source"] * count),
        "agency": pa.array([False] * count),
        "published_at": pa.array([moment] * count, pa.timestamp("us", tz="UTC")),
        "first_seen_at": pa.array([moment] * count, pa.timestamp("us", tz="UTC")),
        "language": pa.array(["en"] * count),
        "sketch_version": pa.array([SKETCH_VERSION] * count, pa.int32()),
        "word_count": pa.array([500] * count, pa.int32()),
        "keys": pa.ListArray.from_arrays(offsets, pa.array(keys.ravel())),
        "sketch": pa.array([rnd.bytes(450) for _ in range(count)], pa.binary()),
        "story_id": pa.array(
            [f"s{at}" if is_copy else name for at, is_copy, name in zip(story, copied.any(axis=1), names, strict=True)]
        ),
    }
    return pa.table(columns, schema=KNOWN_SCHEMA)


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--shared", type=Path, help="the measuring sets: dedup-dev/, extraction-dev/, newsworld.py")
    words.add_argument("--scale", type=int, help="stored texts in the join's window, for example 1000000")
    given = words.parse_args()
    if given.shared:
        compare_systems(given.shared)
        measure_kinds(given.shared)
        measure_cost(given.shared)
    if given.scale:
        measure_scale(given.scale)
    return 0


if __name__ == "__main__":
    sys.exit(main())
