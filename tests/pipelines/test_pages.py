"""Pages written after real patterns, through the whole of extraction.

A case is a folder tests/pages/<case>/ with page.html, meta.toml and expected.json.

WORLDWIRE_UPDATE_GOLDEN=1 rewrites what is expected; look at the difference before it is committed.
"""

import json
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.extract import draft_page, extract_text, finish_page
from pipelines.model import Dropped, RawPage, SourceFacts
from pipelines.template import Template

_PAGES = Path(__file__).parents[1] / "pages"
_CASES = sorted(path.name for path in _PAGES.iterdir() if path.is_dir())


def _page(case: str) -> RawPage:
    meta = tomllib.loads((_PAGES / case / "meta.toml").read_text(encoding="utf-8"))
    return RawPage(
        source=SourceFacts(id=case, name="", homepage="https://news.example/"),
        run_id="run",
        requested_url=meta["url"],
        url=meta["url"],
        status=200,
        headers=(("Content-Type", meta["content_type"]),),
        body=(_PAGES / case / "page.html").read_bytes(),
        fetched_at=datetime(2026, 11, 20, tzinfo=UTC),
    )


def _read(page: RawPage) -> dict[str, Any]:
    draft = draft_page(page)
    assert not isinstance(draft, Dropped), draft
    article = finish_page(draft, Template())
    assert not isinstance(article, Dropped), article
    facts = article.facts
    return {
        "title": facts.title,
        "authors": list(facts.authors),
        "published_at": facts.published_at.isoformat() if facts.published_at else None,
        "published_precision": facts.published_precision,
        "published_found_in": facts.published_found_in,
        "modified_at": facts.modified_at.isoformat() if facts.modified_at else None,
        "canonical_url": facts.canonical_url,
        "language": facts.language,
        "section": facts.section,
        "tags": list(facts.tags),
        "paywalled": facts.paywalled,
        "credited_agency": facts.credited_agency,
        "opt_out": list(facts.opt_out),
        "removed": dict(article.removed),
        "text": article.text.splitlines(),
    }


@pytest.mark.parametrize("case", _CASES)
def test_saved_page(case: str) -> None:
    found = _read(_page(case))
    path = _PAGES / case / "expected.json"
    if os.environ.get("WORLDWIRE_UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    expected = json.loads(path.read_text(encoding="utf-8"))
    assert {key: value for key, value in found.items() if value != expected[key]} == {}
    assert found.keys() == expected.keys()


def test_text_alone_is_the_same_text() -> None:
    page = _page("wordpress-comment-form")
    assert extract_text(page.body, page.url) == "\n".join(_read(page)["text"])
