"""Quality of extraction on sets outside the repository must not fall below floors.json.

The sets lie in the folder WORLDWIRE_SHARED; without it there is nothing to measure. A floor holds for the corpus whose
digest stands beside it; lowering one takes a reason in the commit.
"""

import hashlib
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.extraction import read_pages
from benchmarks.page_score import TextScore, score_texts
from pipelines.extract import extract_site, extract_text

_SHARED = os.environ.get("WORLDWIRE_SHARED")
_FLOORS: dict[str, Any] = json.loads((Path(__file__).parent / "floors.json").read_text(encoding="utf-8"))

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not _SHARED, reason="WORLDWIRE_SHARED names no folder of pages")]


@pytest.mark.parametrize("name", sorted(_FLOORS))
def test_extraction_is_no_worse_than_its_floor(name: str) -> None:
    floor = _FLOORS[name]
    folder = Path(_SHARED or "") / "extraction-dev" / name
    digest = hashlib.sha256((folder / "pages.jsonl.gz").read_bytes()).hexdigest()
    if digest != floor["corpus_sha256"]:
        pytest.skip("another corpus than the floor was measured on")
    score = _score(folder, by_site=floor["by_site"])
    assert score.f1 >= floor["f1"]
    assert score.exact >= floor["exact"]
    assert score.leak <= floor["leak"]


def _score(folder: Path, *, by_site: bool) -> TextScore:
    sites: defaultdict[str, list[Any]] = defaultdict(list)
    for page in read_pages(folder):
        sites[page["site"]].append(page)
    texts: list[tuple[str, str, str]] = []
    for pages in sites.values():
        bodies = [(page["html"].encode("latin-1"), page["url"]) for page in pages]
        found = extract_site(bodies) if by_site else [extract_text(*body) for body in bodies]
        texts += [
            (page["gold"], page.get("gold_optional", ""), text or "") for page, text in zip(pages, found, strict=True)
        ]
    return score_texts(texts)
