"""Ours beside other ways to find copies: `python -m benchmarks.stories --shared FOLDER`.

Every way is given the same texts and the same cores and connects what it takes for copies. Peers: exact texts; MinHash
with datatrove's defaults (word 5-grams, 14 bands of 8 rows; datasketch, and rensa) and at Jaccard 0.5 (datasketch);
containment of 5-grams from 0.7 and TF-IDF cosine from 0.6, both over all pairs.
"""

import argparse
import hashlib
import io
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from datasketch import MinHash, MinHashLSH
from rensa import RMinHash, RMinHashLSH
from scipy.sparse import csr_matrix

from benchmarks import story_sets
from pipelines.signatures import Signature, shingle_hashes
from pipelines.syndication import cluster, describe_copy, signature_table
from pipelines.syndication.stories import sign_articles

SPUN = ("syn", "mt-es", "mt+syn")
KINDS = {"verbatim": "verbatim", "trimmed": "trimmed", "excerpt": "excerpt", **dict.fromkeys(SPUN, "spun")}
KINDS |= dict.fromkeys(("relead", "localised", "update"), "edited")  # the others may be called verbatim or edited
OTHERS = ("background", "template", "digest", "sibling")
WORLD_SEEDS = (11, 12, 13)


def exact(rows: Sequence[story_sets.Text]) -> list[str]:
    return [hashlib.sha256(" ".join(words_of(row)).encode()).hexdigest() for row in rows]


def minhash_datatrove(rows: Sequence[story_sets.Text]) -> list[str]:
    index = MinHashLSH(num_perm=112, params=(14, 8))
    return connect(len(rows), _minhash_pairs(rows, index, 112, 0.0))


def minhash_half(rows: Sequence[story_sets.Text]) -> list[str]:
    return connect(len(rows), _minhash_pairs(rows, MinHashLSH(threshold=0.5, num_perm=128), 128, 0.5))


def minhash_rensa(rows: Sequence[story_sets.Text]) -> list[str]:
    index = RMinHashLSH(threshold=0.0, num_perm=112, num_bands=14)
    hashes = RMinHash.from_token_sets([_shingled(row) for row in rows], num_perm=112, seed=1)
    index.insert_many(hashes)
    found = index.query_all(hashes)
    return connect(len(rows), ((number, other) for number, others in enumerate(found) for other in others))


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
    minhash_rensa,
    minhash_half,
    containment,
    tf_idf,
    worldwire,
)


def words_of(row: story_sets.Text) -> list[str]:
    return re.findall(r"\w+", row["text"].casefold())


def _shingled(row: story_sets.Text) -> list[str]:
    words = words_of(row)
    return [" ".join(words[at : at + 5]) for at in range(max(1, len(words) - 4))]


def _minhash_pairs(
    rows: Sequence[story_sets.Text], index: MinHashLSH, permutations: int, least: float
) -> Iterable[tuple[int, int]]:
    hashes = []
    for number, row in enumerate(rows):
        found = MinHash(num_perm=permutations)
        found.update_batch([shingle.encode() for shingle in _shingled(row)])
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


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument(
        "--shared", type=Path, required=True, help="the measuring sets: dedup-dev/, extraction-dev/, newsworld.py"
    )
    given = words.parse_args()
    compare_systems(given.shared)
    measure_kinds(given.shared)
    measure_cost(given.shared)
    return 0


if __name__ == "__main__":
    sys.exit(main())
