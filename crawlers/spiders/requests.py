"""What is asked: requests for articles and for what links to them, and for where their answers redirect to.

A request's `meta` says what it is: `role`, `key` (the address under which the frontier knows what is asked for),
`chain` (the addresses asked so far), `download_maxsize`; of an article `hints` (what the link to it said) and `moved`
(the keys that redirect to it, with the status of each); of a document `document`, and what `middlewares.patience` wants
to know.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.http import Response

from crawlers.discovery import Link, looks_like_article
from crawlers.frontier import Frontier, Role, Visit
from crawlers.middlewares.outcomes import FailedError, RefusedError, is_wall, redirect_target
from crawlers.settings import MAX_INDEX_BYTES, MAX_PAGE_BYTES
from crawlers.spiders.budget import Budget
from crawlers.spiders.scope import Scope
from crawlers.spiders.visits import IndexDocument
from pipelines.urls import canonical_url

_INDEX_PRIORITY, _REVISIT_PRIORITY = 100, -5
_WHOLE_EVERY = 24  # visits a document is asked for without validators: some servers say 304 whatever has changed


class Requests:
    """Within the run's scope and budget; with the validators of what the frontier knows."""

    def __init__(
        self,
        scope: Scope,
        budget: Budget,
        frontier: Frontier,
        *,
        answered: Callable[..., Any],
        failed: Callable[..., Any],
    ) -> None:
        self._scope = scope
        self._budget = budget
        self._frontier = frontier
        self._answered = answered
        self._failed = failed

    def for_article(self, visit: Visit) -> Request | None:
        """None if it was asked for. Raises RefusedError if the budget is used up."""
        if self._budget.is_asked(visit.url):
            return None
        self._budget.take_page(visit.url)
        priority = _REVISIT_PRIORITY if visit.visits else 0
        return self._request(visit.url, visit.url, Role.ARTICLE, visit, priority, {"hints": _hints_of(visit)})

    def for_document(self, document: IndexDocument) -> Request | None:
        """For a feed, sitemap …; None if it was asked for. Raises RefusedError at a bound, and for foreign ones."""
        url, role = document.url, document.role
        if self._budget.is_asked(url):
            return None
        if document.depth > 1 or not document.is_named:
            self._scope.check(url)
        self._budget.take_document(document)
        more = {
            "document": document,
            "is_found": not (document.is_named and document.depth == 1),
            "is_last": False,
            "download_maxsize": MAX_INDEX_BYTES if role in (Role.FEED, Role.SITEMAP) else MAX_PAGE_BYTES,
        }
        visit = self._frontier.visit(url)
        known = visit if visit is None or visit.visits % _WHOLE_EVERY else None
        return self._request(url, url, role, known, _INDEX_PRIORITY, more)

    def for_target(self, request: Request, response: Response) -> Request | None:
        """For where an answer redirects to; None if that is an article that is known.

        Raises FailedError and RefusedError for targets that are not to be asked.
        """
        meta = dict(request.meta)
        target = redirect_target(response, meta["chain"])
        meta["chain"] = (*meta["chain"], target)
        meta["tries"] = 0
        if meta["role"] != Role.ARTICLE:
            self._scope.check_redirect(
                target, is_named=meta["document"].is_named, is_homepage=meta["role"] == Role.HOMEPAGE
            )
            return request.replace(url=target, meta=meta)
        key = self._key_of_article(target)
        if key == meta["key"]:
            return request.replace(url=target, meta=meta)
        if is_wall(key):
            raise FailedError("wall")
        now = datetime.now(UTC)
        meta["moved"] = (*meta.get("moved", ()), (meta["key"], response.status))
        visit = self._frontier.visit(key)
        if self._budget.is_asked(key) or (self._frontier.seen(key) and (visit is None or visit.next_visit_at > now)):
            record_moved(self._frontier, meta)
            return None
        hints = meta["hints"]
        self._frontier.record_link(key, now, found_in=hints.get("found_in"), title=hints.get("title"))
        self._budget.follow(key)
        again = self._request(target, key, Role.ARTICLE, visit, request.priority, meta)
        return again.replace(meta={**again.meta, "key": key, "chain": meta["chain"]})

    def _key_of_article(self, target: str) -> str:
        try:
            self._scope.check(target)
        except RefusedError as error:
            if error.reason == "foreign_site" and is_wall(target):
                raise FailedError("wall") from error
            raise
        key = canonical_url(target)
        if key is None or urlsplit(key).path in ("", "/"):
            raise FailedError("bad_redirect")  # to the homepage: what many sites do with an article that is gone
        return key

    def _request(
        self, url: str, key: str, role: Role, visit: Visit | None, priority: int, more: Mapping[str, Any]
    ) -> Request:
        meta = {"role": role, "key": key, "chain": (url,), "download_maxsize": MAX_PAGE_BYTES, **more}
        headers = _validators_of(visit)
        return Request(
            url, callback=self._answered, errback=self._failed, headers=headers, priority=priority, meta=meta
        )


def check_where_it_led(meta: Mapping[str, Any], homepage: str) -> None:
    """An article that is gone often leads to a search, a section or a list. Raises FailedError."""
    asked_for = [key for key, _ in meta.get("moved", ())]
    is_list = looks_like_article(meta["key"], homepage) is False
    if is_list and any(looks_like_article(key, homepage) for key in asked_for):
        raise FailedError("bad_redirect")


def record_moved(frontier: Frontier, meta: Mapping[str, Any]) -> None:
    """Only once the page they lead to is known to be one: what redirects into nothing is tried again."""
    for key, status in meta.get("moved", ()):
        frontier.record_alias(key, datetime.now(UTC), status=status)


def _hints_of(visit: Visit) -> dict[str, str]:
    """What the link to a page said of it, as it travels with the page."""
    link = Link(url=visit.url, found_in=visit.found_in or "", title=visit.title, published_at=visit.published_at)
    return link.hints()


def _validators_of(visit: Visit | None) -> dict[str, str]:
    """The headers that ask for a page only if it has changed."""
    headers: dict[str, str] = {}
    if visit and visit.etag:
        headers["If-None-Match"] = visit.etag
    if visit and visit.last_modified:
        headers["If-Modified-Since"] = visit.last_modified
    return headers
