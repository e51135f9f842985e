"""The measuring sets for stories, as lists of texts with their true story.

`labelled`: dedup-dev, real texts with made copies. `world`: newsworld.py's sites, where different stories are made of
the same paragraphs with names and figures exchanged.
"""

import gzip
import importlib.util
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Text = dict[str, Any]

WORLD_SITES, WORLD_ARTICLES, WORLD_PORT = 8, 60, 8800


def labelled(shared: Path) -> list[Text]:
    return read_lines(shared / "dedup-dev" / "synd.jsonl.gz")


def world(shared: Path, seed: int) -> list[Text]:
    """Articles of one world; `id` is added, `text` is what the page shows."""
    module = load(shared / "newsworld.py")
    pages = [page for name in ("aeb", "fundus") for page in _pages(shared, name)]
    _, truth = module.build(pages, WORLD_SITES, WORLD_ARTICLES, WORLD_PORT, seed)
    return [{key: value for key, value in row.items() if key != "_page"} | {"id": row["url"]} for row in truth]


def gold_texts(shared: Path) -> list[str]:
    """Texts of real pages, hardly any of which is a copy of another."""
    return [page["gold"] for name in ("aeb", "fundus") for page in _pages(shared, name)]


def score_labelled(shared: Path) -> Callable[[Sequence[Text], Sequence[str]], dict[str, Any]]:
    """The set's own scorer: pair precision, recall, F1, B³, F1 by kind of copy, hard negatives that were merged."""
    score: Callable[[Sequence[Text], Sequence[str]], dict[str, Any]] = load(shared / "dedup-dev/score_stories.py").score
    return score


def score_world(rows: Sequence[Text], labels: Sequence[str]) -> tuple[float, float]:
    """Stories that have a row, and rows that are copies of another row, where each cluster keeps its earliest text."""
    kept: dict[str, Text] = {}
    for row, label in zip(rows, labels, strict=True):
        if label not in kept or row["published"] < kept[label]["published"]:
            kept[label] = row
    per_story = Counter(row["story"] for row in kept.values())
    return len(per_story) / len({row["story"] for row in rows}), sum(n - 1 for n in per_story.values()) / len(kept)


def wrong_merges(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[list[int]]:
    """Clusters with texts of several stories, as indices."""
    clusters: dict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        clusters[label].append(index)
    return [found for found in clusters.values() if len({rows[index]["story"] for index in found}) > 1]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_lines(path: Path) -> list[Text]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _pages(shared: Path, name: str) -> list[Text]:
    return read_lines(shared / "extraction-dev" / name / "pages.jsonl.gz")
