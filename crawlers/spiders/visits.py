"""Which documents that link to articles a run asks, and what it learns from their answers.

A run by hand asks all of them. A scheduled one asks those that the source's history says are due (`crawlers.revisit`),
and new or failed articles; where neither is due it asks nothing at all, not even robots.txt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawlers.catalogue import Source
from crawlers.discovery import Link
from crawlers.frontier import Frontier, Role, Visit
from crawlers.revisit import Answer, Bounds, SourceHistory, learn, plan_visits
from crawlers.settings import CrawlRun

# Of the links of one answer: so many are learned from, new ones first. A sitemap may hold 50 000.
_MAX_LEARNED = 2000
_MAX_DEPTH = 10  # of what names what; the frontier comes from a file
_ORDER = (Role.FEED, Role.SITEMAP, Role.SECTION, Role.HOMEPAGE)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexDocument:
    """A feed, sitemap, section or homepage; `found_in` names the one that led to it, `depth` counts from 1.

    `is_named`: the catalogue names it, or what led to it.
    """

    url: str
    role: Role
    depth: int = 1
    found_in: str | None = None
    is_named: bool = False

    def child(self, url: str, role: Role) -> "IndexDocument":
        """A document that this one names."""
        return IndexDocument(url=url, role=role, depth=self.depth + 1, found_in=self.url, is_named=self.is_named)


class IndexVisits:
    """The index documents of one run: chosen at its start, their answers gathered, the history learned at its end."""

    def __init__(self, source: Source, run: CrawlRun, frontier: Frontier) -> None:
        self._source = source
        self._run = run
        self._frontier = frontier
        self._history = frontier.history
        self._bounds = Bounds(soonest=source.interval)
        self._answers: dict[str, tuple[Role, str | None, Answer]] = {}
        named = catalogue_documents(source)
        found = [document for role in _ORDER for document in self._found(role)] if run.scheduled else []
        self._documents = {document.url: document for document in (*named, *found)}
        ordered = sorted(self._documents.values(), key=lambda document: _ORDER.index(document.role))
        urls = [document.url for document in ordered]
        self._asked = self._due(urls) if run.scheduled else urls
        pages = frontier.due_articles(run.started_at)
        is_reason = bool(self._asked) or not urls or any(not page.visits or page.fails for page in pages)
        # Looking for corrections is no reason for a run of its own, but joins one that takes place.
        self.pages: list[Visit] = pages if is_reason else []
        self.is_idle = run.scheduled and not is_reason

    @property
    def idle_outcome(self) -> tuple[str, str]:
        """Outcome and reason of a run that asks nothing; a source that does not answer goes on being a failure."""
        known = [self._history.document(url) for url in self._documents]
        is_down = all(document is not None and document.fails for document in known)
        return ("failed", "resting") if is_down else ("ok", "nothing_due")

    @property
    def is_of_pages_alone(self) -> bool:
        """Whether no document is due, only articles are."""
        return not self._asked and not self.is_idle

    def due(self) -> list[IndexDocument]:
        """What is asked at the start."""
        return [self._documents[url] for url in self._asked]

    def may_ask(self, url: str) -> bool:
        """Whether a document that another names is asked in this run; one that nothing is known of always is."""
        if not self._run.scheduled or url in self._asked:
            return True
        return url not in self._documents and bool(self._due([url]))

    def has_failed(self, url: str) -> bool:
        """Whether a document gave nothing when it was asked last, in an earlier run."""
        known = self._history.document(url)
        return known is not None and known.fails > 0

    def note_links(self, document: IndexDocument, links: Iterable[Link]) -> None:
        """The document answered with these links, of which none is foreign to the source."""
        listed = [(link.url, link.published_at) for link in links]
        if len(listed) > _MAX_LEARNED:
            listed = sorted(listed, key=lambda link: self._is_known(link[0]))[:_MAX_LEARNED]
        self._note(document, Answer(url=document.url, links=listed))

    def note_unchanged(self, document: IndexDocument) -> None:
        self._note(document, Answer(url=document.url))

    def note_failure(self, document: IndexDocument) -> None:
        self._note(document, Answer(url=document.url, failed=True))

    def learned(self) -> SourceHistory:
        """The history after this run; the same one if nothing was asked."""
        if not self._answers:
            return self._history
        gathered = sorted(self._answers.values(), key=lambda entry: _ORDER.index(entry[0]))
        answers = [self._with_new_children(answer) for _, _, answer in gathered]
        return learn(self._history, answers, self._run.started_at, self._first_seen)

    def _note(self, document: IndexDocument, answer: Answer) -> None:
        self._answers[document.url] = (document.role, document.found_in, answer)

    def _due(self, urls: Sequence[str]) -> list[str]:
        now = self._run.started_at
        return plan_visits(self._history, urls, now, self._bounds).documents_for(now)

    def _found(self, role: Role) -> list[IndexDocument]:
        """What earlier runs found, as long as the catalogue still leads to it."""
        visits = self._frontier.indexes(role)
        documents = (self._document(visit, _MAX_DEPTH) for visit in visits)
        return [document for document in documents if document is not None]

    def _document(self, visit: Visit, depth_left: int) -> IndexDocument | None:
        for named in catalogue_documents(self._source):
            if named.url == visit.url:
                return named
        if visit.found_in is None:
            is_from_robots = self._source.sitemaps is None and visit.role == Role.SITEMAP
            return IndexDocument(url=visit.url, role=visit.role) if is_from_robots else None
        parent = self._frontier.visit(visit.found_in)
        above = self._document(parent, depth_left - 1) if parent and depth_left else None
        return above.child(visit.url, visit.role) if above else None

    def _with_new_children(self, answer: Answer) -> Answer:
        """An index of sitemaps is credited with what the sitemaps give that it made known."""
        if answer.links is None or answer.failed:
            return answer
        links = dict(answer.links)
        for role, found_in, child in self._answers.values():
            if role == Role.SITEMAP and found_in == answer.url and self._history.document(child.url) is None:
                links |= dict(child.links or ())
        return Answer(url=answer.url, links=list(links.items()))

    def _is_known(self, url: str) -> bool:
        moment = self._first_seen(url)
        return moment is not None and moment < self._run.started_at

    def _first_seen(self, url: str) -> datetime | None:
        visit = self._frontier.visit(url)
        if visit is not None:
            return visit.first_seen_at
        return _LONG_AGO if self._frontier.seen(url) else None


def catalogue_documents(source: Source) -> list[IndexDocument]:
    """What the catalogue names, in order of preference; the homepage only where it names no feeds."""
    named = (
        (Role.FEED, source.feeds or ()),
        (Role.SITEMAP, source.sitemaps or ()),
        (Role.SECTION, source.sections),
        (Role.HOMEPAGE, (source.homepage,) if source.feeds is None else ()),
    )
    return [IndexDocument(url=url, role=role, is_named=True) for role, urls in named for url in urls]
