"""A trial of sources: a crawl of a few pages each, and what extraction makes of them; the archive is thrown away.

It goes through the same spider as every crawl: robots.txt, delays, bounds and the guard of addresses hold.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crawlers.catalogue import Source
from crawlers.frontier import Frontier, load_frontier
from crawlers.launch import crawl_all
from pipelines.capture import capture_keys, read_pages
from pipelines.extract import draft_page, finish_page
from pipelines.model import Dropped, ExtractedPage, RawPage, RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store
from pipelines.template import Template, learn

TRIAL_PAGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a source gave: the report of its crawl, its frontier, its pages, and the articles on them."""

    source: Source
    report: RunReport
    frontier: Frontier
    pages: tuple[RawPage, ...]
    articles: tuple[ExtractedPage, ...]
    dropped: tuple[Dropped, ...]

    @property
    def answers(self) -> bool:
        return self.report.outcome not in ("failed", "killed")

    @property
    def is_good(self) -> bool:
        """At least half of its pages are articles."""
        return self.answers and len(self.articles) > 0 and len(self.articles) >= len(self.dropped)

    def removed(self) -> Mapping[str, int]:
        """Clutter taken out of the articles, by kind."""
        return sum((Counter(article.removed) for article in self.articles), Counter())

    def dead_addresses(self) -> list[str]:
        """Feeds, sitemaps and sections that the catalogue names and that gave nothing."""
        named = (*(self.source.feeds or ()), *(self.source.sitemaps or ()), *self.source.sections)
        visits = ((url, self.frontier.visit(url)) for url in named)
        return [url for url, visit in visits if visit is None or visit.visits == 0]


@contextmanager
def try_sources(
    sources: Sequence[Source],
    *,
    workers: int,
    now: datetime,
    pages: int = TRIAL_PAGES,
    on_report: Callable[[RunReport], None] | None = None,
    on_line: Callable[[str, str], None] | None = None,
) -> Iterator[list[Trial]]:
    """The trials in the order of the sources; what was fetched is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="worldwire-trial-") as folder:
        settings = ArchiveSettings(uri=str(Path(folder) / "archive"), spool=Path(folder) / "spool")
        few = [source.model_copy(update={"max_pages": pages}) for source in sources]
        reports = crawl_all(few, settings, workers=workers, on_report=on_report, on_line=on_line)
        store = open_store(settings.uri)
        yield [_trial(store, source, report, now) for source, report in zip(sources, reports, strict=True)]


def _trial(store: Store, source: Source, report: RunReport, now: datetime) -> Trial:
    keys = list(capture_keys(store, source_id=source.id))
    found = [page for key in keys for page in read_pages(store, key)]
    pages = [page for page in found if isinstance(page, RawPage)]
    drafts = [draft_page(page) for page in pages]
    good = [draft for draft in drafts if not isinstance(draft, Dropped)]
    template = learn(Template(), good, capture_keys=keys, now=now)
    finished = [draft if isinstance(draft, Dropped) else finish_page(draft, template) for draft in drafts]
    return Trial(
        source=source,
        report=report,
        frontier=load_frontier(store, source.id),
        pages=tuple(pages),
        articles=tuple(page for page in finished if isinstance(page, ExtractedPage)),
        dropped=tuple(page for page in finished if isinstance(page, Dropped)),
    )
