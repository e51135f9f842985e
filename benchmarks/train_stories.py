"""Makes `pipelines/syndication/weights.toml`: `python -m benchmarks.train_stories SHARED [--halvings N] [--write]`.

Pairs of texts that share keys, from both measuring sets and from variants of the labelled texts (`story_variants`), are
compared as the pipeline compares them; a logistic model tells copies from others. Tried by cross-validation over groups
of texts of one origin, never over pairs: what is printed first was decided by weights that had seen no text of the same
origin, whole or in a variant. Then every pair is used.

Not all pairs that are copies have to be seen as such, a story is found if enough of them connect it: those of a story's
strongest tree count fully, the others a tenth. The kinds of hard negatives differ in number; each weighs as the root of
its number. Odds are shifted so that a merge has to be three times as likely as not.
"""

import argparse
import hashlib
import math
import random
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import story_sets, story_variants
from pipelines.syndication import decision
from pipelines.syndication.comparison import Comparison, compare
from pipelines.syndication.decision import Evidence, features, is_ruled_out
from pipelines.syndication.sketch import Sketch
from pipelines.syndication.stories import candidate_pairs, sign_articles

HARD_NEGATIVES = ("digest", "template", "background", "sibling")
WEIGHTS_FILE = Path(decision.__file__).with_name("weights.toml")
WORLD_SEEDS = (1, 2, 3)
FOLDS = 5
NEEDED_ODDS = 3
OTHER_PAIRS = 0.1  # weight of pairs of copies that a story does not need
SHARE_OF_WORLD = 0.6
# Of variants, beside the set's 1.
SHARES = {"shortened": 0.05, "near": 0.1, "backgrounds": 0.05, "round_ups": 0.05, "retold": 0.02}
BESIDE = (
    "original",
    "verbatim",
    "trimmed",
    "excerpt",
    "syn",
    "mt-es",
    "mt+syn",
)  # kinds that false friends are held to
RIDGE = 1e-4
ROUNDS = 3  # which pairs a story needs depends on the weights

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    one: int
    other: int
    values: tuple[float, ...]
    ruled_out: bool
    is_copy: bool
    kind: str  # of a hard negative; "" for other pairs


def read_pairs(rows: Sequence[story_sets.Text]) -> list[Pair]:
    signatures = sign_articles(rows)
    sketches = [Sketch.unpack(signature.sketch) for signature in signatures]
    pairs = []
    for one, other in candidate_pairs({signature.appearance_id: signature.keys for signature in signatures}):
        found = compare(sketches[int(one)], sketches[int(other)])
        if found is not None:
            two = signatures[int(one)], signatures[int(other)]
            evidence = Evidence.of((two[0].word_count, two[1].word_count), (two[0].keys, two[1].keys))
            pairs.append(_pair(rows, int(one), int(other), found, evidence))
    return pairs


def feature_names(row: story_sets.Text) -> list[str]:
    sketch = Sketch.unpack(sign_articles([row])[0].sketch)
    found = compare(sketch, sketch)
    assert found is not None
    return list(features(found))


def read_variants(rows: Sequence[story_sets.Text]) -> dict[str, list[Pair]]:
    """Pairs with variants of these texts, by the name of the variant."""
    rnd = random.Random(1)
    beside = [row for row in rows if row["kind"] in BESIDE]
    pairs = {}
    for name, make in story_variants.VARIANTS.items():
        made = make(rows, rnd)
        both = [*made, *beside] if name in ("backgrounds", "round_ups") else made
        pairs[name] = [
            pair
            for pair in read_pairs(both)
            if pair.one < len(made) and _is_meant(name, both[pair.one], both[pair.other])
        ]
    return pairs


def _is_meant(name: str, one: story_sets.Text, other: story_sets.Text) -> bool:
    """Whether a variant says of the two what they are: what a text was made of begins like it, and is no false friend;
    of reports made from one article only those two that were made together tell it differently.
    """
    if name == "backgrounds":
        return bool(one["origin"] != other["origin"])
    return name != "retold" or bool(one["origin"] == other["origin"])


def _pair(rows: Sequence[story_sets.Text], one: int, other: int, found: Comparison, evidence: Evidence) -> Pair:
    kinds = {rows[one]["kind"], rows[other]["kind"]}
    kind = next((name for name in HARD_NEGATIVES if name in kinds), "")
    same = rows[one]["story"] == rows[other]["story"]
    return Pair(one, other, tuple(features(found).values()), is_ruled_out(found, evidence), same, kind)


def train(labelled: Sequence[Pair], world: Sequence[Sequence[Pair]], variants: Mapping[str, Sequence[Pair]]) -> Floats:
    """Weights of the features, the intercept last."""
    sets = [labelled, *world, *variants.values()]
    shares = [1.0, *[SHARE_OF_WORLD / len(world)] * len(world)]
    values = np.array([pair.values for pairs in sets for pair in pairs])
    copies = np.array([pair.is_copy for pairs in sets for pair in pairs])
    weights = np.zeros(values.shape[1] + 1)
    weights[0] = 1  # what is covered most is the first guess of what a story needs
    for _ in range(ROUNDS):
        counts = [share * _counts(pairs, _odds(pairs, weights)) for share, pairs in zip(shares, sets, strict=False)]
        counts += [SHARES[name] * _evenly(pairs) for name, pairs in variants.items()]
        weights = fit_logistic(values, copies, np.concatenate(counts))
    weights[-1] -= math.log(NEEDED_ODDS)
    return weights


def _counts(pairs: Sequence[Pair], odds: Floats) -> Floats:
    """How much each pair counts; copies and others count the same in sum. The rules leave nothing to the weights."""
    needed = set(strongest_trees(pairs, odds))
    of_kind = Counter(pair.kind for pair in pairs if not pair.is_copy)
    counts = np.array(
        [
            (1.0 if index in needed else OTHER_PAIRS) if pair.is_copy else of_kind[pair.kind] ** -0.5
            for index, pair in enumerate(pairs)
        ]
    )
    copies = np.array([pair.is_copy for pair in pairs])
    return np.where(copies, counts / counts[copies].sum(), counts / counts[~copies].sum())


def _evenly(pairs: Sequence[Pair]) -> Floats:
    copies = np.array([pair.is_copy for pair in pairs])
    return np.where(copies, 1 / max(1, copies.sum()), 1 / max(1, (~copies).sum()))


def strongest_trees(pairs: Sequence[Pair], odds: Floats) -> list[int]:
    """Indices of the pairs that connect each story by its strongest links (Kruskal)."""
    leader: dict[int, int] = {}

    def find(one: int) -> int:
        while leader.setdefault(one, one) != one:
            one = leader[one]
        return one

    kept = []
    for index in np.argsort(-odds, kind="stable"):
        pair = pairs[index]
        if pair.is_copy and find(pair.one) != find(pair.other):
            leader[find(pair.one)] = find(pair.other)
            kept.append(int(index))
    return kept


def fit_logistic(values: Floats, copies: npt.NDArray[np.bool_], counts: Floats) -> Floats:
    """Newton's method on standardised features with a ridge; gives weights of the features as they are."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-9
    design = np.column_stack([(values - mean) / deviation, np.ones(len(values))])
    ridge = np.diag([*[RIDGE * counts.sum()] * values.shape[1], 0.0])
    weights = np.zeros(design.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (counts * (chance - copies)) + ridge @ weights
        step = np.linalg.solve((design.T * (counts * chance * (1 - chance))) @ design + ridge, slope)
        weights -= step
        if np.abs(step).max() < 1e-7:
            break
    plain = weights[:-1] / deviation
    return np.append(plain, weights[-1] - plain @ mean)


def _odds(pairs: Sequence[Pair], weights: Floats) -> Floats:
    return np.array([pair.values for pair in pairs]) @ weights[:-1] + weights[-1]


def connect(count: int, pairs: Sequence[Pair], odds: Floats) -> list[str]:
    """The label of each text if pairs with odds above 0 are joined."""
    leader = list(range(count))

    def find(one: int) -> int:
        while leader[one] != one:
            one = leader[one]
        return one

    for pair, found in zip(pairs, odds, strict=True):
        if found > 0 and not pair.ruled_out:
            leader[find(pair.one)] = find(pair.other)
    return [str(find(one)) for one in range(count)]


def cross_validate(
    rows: Sequence[story_sets.Text], pairs: Sequence[Pair], world: Sequence[Sequence[Pair]], without: Sequence[str] = ()
) -> list[str]:
    """Labels where each pair was decided by weights from texts of other origins and of no kind in `without`."""
    folds = [_fold(row) for row in rows]
    odds = np.zeros(len(pairs))
    for fold in range(FOLDS):
        seen = [
            pair
            for pair in pairs
            if fold not in (folds[pair.one], folds[pair.other])
            and not {rows[pair.one]["kind"], rows[pair.other]["kind"]} & set(without)
        ]
        variants = read_variants([row for row, its_fold in zip(rows, folds, strict=True) if its_fold != fold])
        weights = train(seen, world, variants)
        unseen = [index for index, pair in enumerate(pairs) if fold in (folds[pair.one], folds[pair.other])]
        odds[unseen] = _odds([pairs[index] for index in unseen], weights)
    return connect(len(rows), pairs, odds)


def halve(
    rows: Sequence[story_sets.Text], pairs: Sequence[Pair], world: Sequence[Sequence[Pair]], seed: int
) -> tuple[list[story_sets.Text], list[str]]:
    """A random half of the articles with all that was made of them, labelled by weights from the other half."""
    origins = sorted({_origin(row) for row in rows})
    half = set(random.Random(seed).sample(origins, len(origins) // 2))
    is_seen = [_origin(row) in half for row in rows]
    seen = [pair for pair in pairs if is_seen[pair.one] and is_seen[pair.other]]
    weights = train(seen, world, read_variants([row for row, its_seen in zip(rows, is_seen, strict=True) if its_seen]))
    unseen = [pair for pair in pairs if not is_seen[pair.one] and not is_seen[pair.other]]
    labels = connect(len(rows), unseen, _odds(unseen, weights))
    kept = [index for index, its_seen in enumerate(is_seen) if not its_seen]
    return [rows[index] for index in kept], [labels[index] for index in kept]


def _fold(row: story_sets.Text) -> int:
    return int(hashlib.md5(_origin(row).encode()).hexdigest(), 16) % FOLDS


def _origin(row: story_sets.Text) -> str:
    return str(row["story"] if row["origin"] == "-" else row["origin"])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("shared", type=Path, help="the measuring sets: dedup-dev/, extraction-dev/, newsworld.py")
    words.add_argument("--halvings", type=int, default=0, help="random halves to learn from, tried on the other half")
    words.add_argument("--write", action="store_true", help="replace the weights that the pipeline uses")
    given = words.parse_args()
    rows = story_sets.labelled(given.shared)
    pairs = read_pairs(rows)
    world = [read_pairs(story_sets.world(given.shared, seed)) for seed in WORLD_SEEDS]
    score = story_sets.score_labelled(given.shared)
    spun = list(story_variants.SPUN)
    for without in ([], spun, ["template"], ["digest"], ["sibling"]):
        got = score(rows, cross_validate(rows, pairs, world, without))
        print(f"without {' '.join(without) or 'none'}: {as_line(got)}", flush=True)
    for seed in range(given.halvings):
        got = score(*halve(rows, pairs, world, seed))
        print(f"half {seed}: {as_line(got)}", flush=True)
    weights = dict(zip([*feature_names(rows[0]), "intercept"], train(pairs, world, read_variants(rows)), strict=True))
    text = "".join(f"{name} = {weight:.2f}\n" for name, weight in weights.items())
    print(text)
    if given.write:
        WEIGHTS_FILE.write_text(as_file(text))


def as_line(got: Mapping[str, Any]) -> str:
    figures = " ".join(f"{name} {got[name]:.3f}" for name in ("P", "R", "F1"))
    by_kind = " ".join(f"{kind} {got['kinds'][kind]:.3f}" for kind in story_variants.SPUN)
    return f"{figures} {by_kind} wrong {got['negs']}"


def as_file(weights: str) -> str:
    """The weights as they are kept; other weights than those kept so far are another version."""
    kept = WEIGHTS_FILE.read_text("utf-8")
    version = tomllib.loads(kept)["version"] + (not kept.endswith(f"[weights]\n{weights}"))
    comment = "# Made by benchmarks/train_stories.py; what each feature is: decision.py."
    return f"{comment}\nversion = {version}\n\n[weights]\n{weights}"


if __name__ == "__main__":
    main()
