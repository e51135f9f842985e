"""What the learned template gives: `python -m benchmarks.second_day FOLDER...`.

Each page of a site is read twice: as on the first day, when nothing of the site is known, and as on the second, with
the template that `publish` has stored from the site's other pages, never from the page itself. Sites of fewer than four
pages are left out; ms is CPU time a page for text and all facts. Folders as for `benchmarks.extraction`.
"""

import argparse
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.extraction import Page, Row, read_pages, table
from benchmarks.page_score import score_texts
from pipelines.extract import Draft, draft_page, finish_page
from pipelines.model import CaptureRef, Dropped, RawPage, SourceFacts
from pipelines.template import Template, learn

_LEAST_PAGES = 4
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    words.add_argument("--markdown", action="store_true", help="print tables for docs/extraction.md")
    given = words.parse_args()
    warnings.simplefilter("ignore")
    for folder in given.folders:
        sites: defaultdict[str, list[Page]] = defaultdict(list)
        for page in read_pages(folder):
            sites[page["site"]].append(page)
        known = [pages for pages in sites.values() if len(pages) >= _LEAST_PAGES]
        print(f"\n{folder.name}: {sum(map(len, known))} pages of {len(known)} sites\n")
        rows = [_row("first day", known, is_known=False), _row("second day", known, is_known=True)]
        for line in table(rows, markdown=given.markdown):
            print(line)
    return 0


def _row(name: str, sites: Sequence[Sequence[Page]], *, is_known: bool) -> Row:
    texts = []
    spent = 0.0
    for pages in sites:
        began = time.process_time()
        drafts = [draft_page(_raw(page, number)) for number, page in enumerate(pages)]
        spent += time.process_time() - began
        for page, draft in zip(pages, drafts, strict=True):
            others = [other for other in drafts if isinstance(other, Draft) and other is not draft]
            keys = [draft.marks.capture_key for draft in others]
            template = learn(Template(), others, capture_keys=keys, now=_NOW) if is_known else Template()
            article = finish_page(draft, template) if isinstance(draft, Draft) else draft
            text = "" if isinstance(article, Dropped) else article.text
            texts.append((page["gold"], page.get("gold_optional", ""), text))
    return Row(name, score_texts(texts), 1000 * spent / len(texts))


def _raw(page: Page, number: int) -> RawPage:
    return RawPage(
        source=SourceFacts(id=page["site"], name="", homepage=page["url"]),
        run_id="",
        requested_url=page["url"],
        url=page["url"],
        status=200,
        headers=(),
        body=page["html"].encode("latin-1"),
        fetched_at=_NOW,
        capture=CaptureRef(key=f"captures/date=2026-11-23/{number}", offset=0, payload_sha256=""),
    )


if __name__ == "__main__":
    sys.exit(main())
