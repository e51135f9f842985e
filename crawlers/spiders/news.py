"""The one generic spider: what links to articles (robots.txt, feeds, sitemaps, sections, homepage), then the articles.

In: a source of the catalogue and its frontier. Out: a RawPage for every article page that answered, and in the frontier
a trace of everything that was found, failed or moved. It parses no article.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, Spider, signals
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.catalogue import Source
from crawlers.discovery import (
    Link,
    find_feeds,
    find_sitemaps,
    may_be_index,
    news_first,
    read_feed,
    read_section,
    read_sitemap,
)
from crawlers.frontier import Frontier, Role, Visit
from crawlers.holder import this_process
from crawlers.item_pipelines import COUNTS
from crawlers.middlewares.answers import checked_article, header_of, is_conditional, plain_response, raw_page
from crawlers.middlewares.opt_out import check_opt_out
from crawlers.middlewares.outcomes import (
    FINAL,
    REDIRECTS,
    UNASKED,
    FailedError,
    PutOffError,
    RefusedError,
    reason_of,
)
from crawlers.middlewares.pace import Paces
from crawlers.middlewares.robots import RobotsMiddleware
from crawlers.settings import CrawlRun
from crawlers.spiders.budget import Budget
from crawlers.spiders.environment import run_from_environment, source_from_environment
from crawlers.spiders.requests import Requests, check_where_it_led, record_moved
from crawlers.spiders.scope import Scope, is_worth_asking
from crawlers.spiders.turns import Turns, believed
from crawlers.spiders.visits import IndexDocument, IndexVisits
from pipelines.capture import Takedowns
from pipelines.errors import WorldwireError
from pipelines.model import RawPage
from pipelines.store import Store, open_store

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger(__name__)

_THREAD_BYTES = 200_000  # larger documents are read in a thread


class NewsSpider(Spider):
    """A source that needs code has a subclass in `crawlers/spiders/<id_with_underscores>.py` with its `source_id`."""

    name = "news"
    source_id: str | None = None
    frontier: Frontier  # these are there from `begin_run` on
    takedowns: Takedowns
    visits: IndexVisits
    requests: Requests

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.source_id:
            cls.name = cls.source_id

    def __init__(
        self, *, source: Source, run: CrawlRun, store: Store, tell: Callable[[Mapping[str, Any]], None]
    ) -> None:
        super().__init__()
        self.source = source
        self.run = run
        self.store = store
        self.tell = tell
        self._scope = Scope(source, run.allow_private)
        self._budget = Budget(source.max_pages)
        self._turns = Turns(source.max_pages)
        self._put_off: list[Request] = []
        self._reading = asyncio.Lock()
        self._has_answered = False

    @classmethod
    def from_crawler(
        cls,
        crawler: "Crawler",
        source: Source | str | None = None,
        run: CrawlRun | None = None,
        tell: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> Self:
        """`source` is an id where Scrapy's own command line starts the spider: then the environment tells the rest."""
        if not isinstance(source, Source):
            source = source_from_environment(source or cls.source_id)
        run = run or run_from_environment(source, allow_private=crawler.settings["ALLOW_PRIVATE"])
        store = open_store(run.archive.uri)
        paces = Paces(
            source.delay_seconds or 0.0, source.concurrency or 1, store, this_process(run.run_id, run.started_at)
        )
        crawler.settings.set("USER_AGENT", run.user_agent, priority="spider")
        crawler.settings.set("PACES", paces, priority="spider")
        spider = super().from_crawler(crawler, source=source, run=run, store=store, tell=tell or (lambda _: None))
        crawler.signals.connect(spider._ask_waiting, signals.spider_idle)
        crawler.signals.connect(spider._count_fault, signals.spider_error)
        return spider

    def begin_run(self, frontier: Frontier, takedowns: Takedowns) -> None:
        """Called by the capture pipeline before the first request."""
        self.frontier, self.takedowns = frontier, takedowns
        self.visits = IndexVisits(self.source, self.run, frontier)
        self.requests = Requests(self._scope, self._budget, frontier, answered=self.answered, failed=self.failed)

    async def start(self) -> AsyncIterator[Request]:
        if self.visits.is_idle or self._is_taken_down:
            return
        for document in self.visits.due():
            for request in self._index_request(document):
                yield request
        if self.source.sitemaps is None:
            for url in find_sitemaps(await self._robots_text(), self.source.homepage):
                for request in self._further([IndexDocument(url=url, role=Role.SITEMAP)]):
                    yield request
        for visit in self.visits.pages:
            for request in self._in_its_turn(visit):
                yield request

    def end_run(self) -> tuple[str, str] | None:
        """What was learned goes to the frontier; outcome and reason of a run whose counts do not tell them."""
        if self._is_taken_down:
            return "ok", "taken_down"
        if self.visits.is_idle:
            return self.visits.idle_outcome
        self.frontier.history = self.visits.learned()
        return ("ok", "") if self.visits.is_of_pages_alone and self._has_answered else None

    def links(self, response: Response) -> Iterable[Link]:
        """Links to articles in a document whose `meta["role"]` says what it is; its body is decoded."""
        role = response.meta["role"]
        if role == Role.FEED:
            return read_feed(response.body, response.url, response.meta["refused"])
        if role == Role.SITEMAP:
            return read_sitemap(response.body, response.url, response.meta["refused"]).links
        return read_section(response.body, response.url)

    def indexes(self, response: Response) -> list[tuple[str, Role]]:
        """Further documents that link to articles: the sitemaps of an index, the feeds of a homepage."""
        role = response.meta["role"]
        if role == Role.SITEMAP and may_be_index(response.body):
            return [(url, Role.SITEMAP) for url in read_sitemap(response.body, response.url).sitemaps]
        if role == Role.HOMEPAGE:
            return [(url, Role.FEED) for url in find_feeds(response.body, response.url)]
        return []

    async def answered(self, response: Response) -> AsyncIterator[Request | RawPage]:
        """Every answer comes here, whatever was asked and whatever the status."""
        request, role = response.request, response.meta["role"]
        assert request is not None
        self._has_answered = True
        self._count("bytes_received", len(response.body))
        try:
            if response.status in REDIRECTS:
                target = self.requests.for_target(request, response)
                if target is not None:
                    yield target
                else:
                    self._count("aliases")
            elif response.status not in (200, 304):
                raise FailedError(f"http_{response.status}")
            elif role == Role.ARTICLE:
                yield self._article(request, response)
            else:
                async for following in self._read_index(response):
                    yield following
        except (WorldwireError, RefusedError) as error:
            self._give_up(request, error, response.status)

    def failed(self, failure: Failure) -> None:
        """Every request that got no answer comes here."""
        assert failure.value is not None
        self._give_up(failure.request, failure.value)  # type: ignore[attr-defined]

    @property
    def _is_taken_down(self) -> bool:
        return self.takedowns.covers(self.source.id)

    def _article(self, request: Request, response: Response) -> RawPage:
        page = raw_page(self.run, response, _now())
        found = self._turns.taken(page.requested_url)  # other places may have said more of it since it was asked for
        if found is not None:
            page = replace(page, discovered={**found.hints(), **page.discovered})
        if response.status == 304:
            if not is_conditional(request):
                raise FailedError("http_304")
        else:
            check_opt_out(page, checked_article(page), self.source.honour_opt_out or ())
            check_where_it_led(response.meta, self.source.homepage)
        record_moved(self.frontier, response.meta)
        self._count("answered")
        return page

    async def _read_index(self, response: Response) -> AsyncIterator[Request]:
        document: IndexDocument = response.meta["document"]
        assert response.request is not None
        if response.status == 304 and not is_conditional(response.request):
            raise FailedError("http_304")
        self._count("answered")
        if response.status == 304:
            known = [
                document.child(visit.url, role)
                for role in (Role.SITEMAP, Role.FEED)
                for visit in self.frontier.indexes(role, found_in=document.url)
            ]
            self._record_index(response, is_complete=True)
            self.visits.note_unchanged(document)
            for request in self._further(known):
                yield request
            return
        async with self._reading:
            for request in await self._read_links(response, document):
                yield request

    async def _read_links(self, response: Response, document: IndexDocument) -> list[Request]:
        """The requests for what the document links to; one document at a time, for a large one weighs a lot."""
        refused = response.meta["refused"] = []
        plain = plain_response(response, raw_page(self.run, response, _now()))
        if len(plain.body) > _THREAD_BYTES:
            links = await asyncio.to_thread(list, await asyncio.to_thread(self.links, plain))
        else:
            links = list(self.links(plain))
        for address in refused:
            self._count(f"refused/{self._scope.reason_against(address)}")
        named = [document.child(url, role) for url, role in self.indexes(plain)]
        del plain
        now = _now()
        links = news_first(believed(link, now) for link in links)
        links = [link for link in links if self._is_wanted(link, document)]
        self.visits.note_links(document, links)
        new = [link for link in links if self._is_new(link)]
        fitting = self._turns.fitting(new)
        requests = [*self._articles(fitting), *self._further(named)]
        self._record_index(response, is_complete=len(fitting) == len(new) and response.meta["is_whole"])
        return requests

    def _articles(self, links: Iterable[Link]) -> Iterator[Request]:
        for link in links:
            self._turns.take(link)
            self.frontier.record_link(
                link.url, _now(), found_in=link.found_in, title=link.title, published_at=link.published_at
            )
            visit = self.frontier.visit(link.url)
            if visit is not None:
                yield from self._in_its_turn(visit)

    def _in_its_turn(self, visit: Visit) -> Iterator[Request]:
        """The request for an article, now or, unless it is news, when all news have been asked for."""
        if not self._turns.must_wait(visit):
            yield from self._article_request(visit)

    def _ask_waiting(self) -> None:
        """All news have been asked for, and every document is read but those that may hang."""
        requests = [request for visit in self._turns.waiting() for request in self._article_request(visit)]
        if not requests:
            put_off, self._put_off = sorted(self._put_off, key=self._has_failed), []
            requests = [request.replace(meta={**request.meta, "is_last": True}) for request in put_off]
        for request in requests:
            self.crawler.engine.crawl(request)
        if requests:
            raise DontCloseSpider

    def _has_failed(self, request: Request) -> bool:
        """Whether the document gave nothing at the run before: then others come first."""
        return self.visits.has_failed(request.meta["key"])

    def _further(self, documents: Iterable[IndexDocument]) -> Iterator[Request]:
        """The requests for documents that others name."""
        for document in documents:
            if self.visits.may_ask(document.url):
                yield from self._index_request(document)

    def _is_wanted(self, link: Link, document: IndexDocument) -> bool:
        """Whether the link may be an article of this site that is worth having."""
        try:
            self._scope.check(link.url)
        except RefusedError as error:
            if self._budget.is_first_sight(link.url):
                self._count(f"refused/{error.reason}")
            return False
        return is_worth_asking(link, document, self.source.homepage, _now())

    def _is_new(self, link: Link) -> bool:
        """Whether the link is one to follow: not known from an earlier run, nor from another place in this one."""
        if self._turns.taken(link.url):
            self._turns.take(link)
        if not self._budget.is_first_sight(link.url):
            return False
        self._count("discovered")
        return not self.frontier.seen(link.url)

    def _article_request(self, visit: Visit) -> Iterator[Request]:
        """The request for an article; nothing if it was asked for or the budget is used up."""
        try:
            request = self.requests.for_article(visit)
        except RefusedError as error:
            self._count(f"refused/{error.reason}")
            return
        if request is not None:
            yield request

    def _index_request(self, document: IndexDocument) -> Iterator[Request]:
        """The request for a feed, sitemap …; nothing if it was asked for, has its turn later, or a bound is reached."""
        try:
            request = self.requests.for_document(document)
        except RefusedError as error:
            self._count(f"refused/{error.reason}")
            return
        if request is not None and self._has_failed(request):
            self._put_off.append(request)
        elif request is not None:
            yield request

    def _record_index(self, response: Response, *, is_complete: bool) -> None:
        """Without validators if links were left out: then the document is read again at the next run."""
        meta = response.meta
        self.frontier.record_index(
            meta["key"],
            _now(),
            role=meta["role"],
            status=response.status if is_complete else 0,
            etag=header_of(response, "ETag") if is_complete else None,
            last_modified=header_of(response, "Last-Modified") if is_complete else None,
            found_in=meta["document"].found_in,
        )

    def _count_fault(self, failure: Failure, response: Response) -> None:
        """A fault of ours in reading an answer; Scrapy logs where. Else the run would look as if nothing were amiss."""
        assert response.request is not None
        assert failure.value is not None
        self._give_up(response.request, failure.value, response.status)

    def _give_up(self, request: Request, error: BaseException, status: int = 0) -> None:
        if isinstance(error, PutOffError):
            self._put_off.append(request)
            return
        kind, reason = reason_of(error)
        self._count(f"{kind}/{reason}")
        logger.debug("%s %s: %s", request.url, reason, error)
        if reason in UNASKED:
            return
        if request.meta["role"] == Role.ARTICLE:
            for key in (request.meta["key"], *(key for key, _ in request.meta.get("moved", ()))):
                self.frontier.record_failure(key, _now(), status=status, final=reason in FINAL)
        else:
            self.visits.note_failure(request.meta["document"])

    def _count(self, name: str, number: int = 1) -> None:
        self.crawler.stats.inc_value(f"{COUNTS}{name}", number)

    async def _robots_text(self) -> bytes:
        robots = self.crawler.get_downloader_middleware(RobotsMiddleware)
        return await robots.text_of(self.source.homepage) if robots else b""


def _now() -> datetime:
    return datetime.now(UTC)
