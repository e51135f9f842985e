"""How well title, authors, date, address and language are read: `python -m benchmarks.fields`.

Shares of pages (authors: F1 over names) on tests/fields_gold, 64 pages of ours in eight languages and kinds of markup.
"""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

from pipelines.extract import Draft, draft_page, finish_page
from pipelines.model import ExtractedPage, PageFacts, RawPage, SourceFacts
from pipelines.template import Template
from tests.fields_gold import GoldPage, gold_pages

_FETCHED_AT = datetime(2026, 11, 21, tzinfo=UTC)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--wrong", action="store_true", help="show what was read wrong")
    given = words.parse_args()
    for name, share in score_fields(gold_pages(), show=given.wrong).items():
        print(f"{name:10} {share:.3f}")
    return 0


def score_fields(pages: list[GoldPage], *, show: bool = False) -> dict[str, float]:
    """Share of pages of which each field was read right; for authors F1 over names."""
    right: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for page in pages:
        facts = facts_of(page)
        checks = {
            "title": facts.title == page.title,
            "date": facts.published_at is not None
            and abs(facts.published_at - page.published_at) < timedelta(minutes=1),
            "canonical": facts.canonical_url == page.canonical_url,
            "language": facts.language == page.language,
        }
        right.update(name for name, is_right in checks.items() if is_right)
        found, wanted = set(facts.authors), set(page.authors)
        names.update(hits=len(found & wanted), found=len(found), wanted=len(wanted))
        wrong = [name for name, is_right in checks.items() if not is_right] + ["authors"] * (found != wanted)
        if show and wrong:
            print(f"{page.name}: {', '.join(wrong)}\n    {facts}")
    shares = {name: right[name] / len(pages) for name in ("title", "date", "canonical", "language")}
    return {**shares, "authors": 2 * names["hits"] / (names["found"] + names["wanted"])}


def facts_of(page: GoldPage) -> PageFacts:
    """What extraction reads from the page."""
    raw = RawPage(
        source=SourceFacts(id="gold", name="", homepage=page.url),
        run_id="",
        requested_url=page.url,
        url=page.url,
        status=200,
        headers=(("Content-Type", "text/html; charset=utf-8"),),
        body=page.html,
        fetched_at=_FETCHED_AT,
    )
    draft = draft_page(raw)
    article = finish_page(draft, Template()) if isinstance(draft, Draft) else draft
    return article.facts if isinstance(article, ExtractedPage) else PageFacts()


if __name__ == "__main__":
    sys.exit(main())
