"""Articles of days long past, from a source's sitemaps: what `worldwire backfill --since --until` crawls.

Politeness, bounds, addresses and the frontier are those of any crawl. An entry counts by its publication time, else by
the day in its address, else by its lastmod; one without any of them is left out. A sitemap of an index is passed over
if its address names another month or day, or if it was last changed before the first day. What of a day exceeds the
bounds of one run is kept in the frontier and fetched by the next.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date, timedelta

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings

from crawlers.discovery import Link, find_sitemaps, may_be_index, read_sitemap
from crawlers.frontier import Role
from crawlers.settings import RUN_SECONDS
from crawlers.spiders.news import NewsSpider
from crawlers.spiders.visits import IndexDocument

# 2026/11/24, 2026-11-24, 20261124, and of sitemaps also 2026-11 and 202611.
_DATED = re.compile(r"(?<!\d)((?:19|20)\d\d)([-/_.]?)(0[1-9]|1[0-2])(?:\2(0[1-9]|[12]\d|3[01]))?(?!\d)")


class PastDaysSpider(NewsSpider):
    """Takes `run.days` from the sitemaps that the catalogue or robots.txt names; without any the run is empty."""

    name = "past-days"
    _has_sitemaps = False

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Nothing else waits for its sitemaps."""
        super().update_settings(settings)
        settings.set("SLOW_DOCUMENTS_SECONDS", RUN_SECONDS, priority="spider")

    async def start(self) -> AsyncIterator[Request]:
        if self._is_taken_down:
            return
        for visit in self.frontier.due_articles(self.run.started_at):
            if not visit.visits:  # found by a run before and not reached
                for request in self._article_request(visit):
                    yield request
        is_named = self.source.sitemaps is not None
        urls = self.source.sitemaps or ()
        if not is_named:
            urls = tuple(find_sitemaps(await self._robots_text(), self.source.homepage))
        self._has_sitemaps = bool(urls)
        for url in urls:
            for request in self._index_request(IndexDocument(url=url, role=Role.SITEMAP, is_named=is_named)):
                yield request

    def indexes(self, response: Response) -> list[tuple[str, Role]]:
        """The sitemaps of an index that may hold the days."""
        if response.meta["role"] != Role.SITEMAP or not may_be_index(response.body):
            return []
        content = read_sitemap(response.body, response.url)
        first, last = self._days
        found = []
        for url in content.sitemaps:
            changed_at, named = content.changed_at.get(url), days_in_address(url)
            if changed_at is not None and changed_at.date() < first:
                continue
            if named is None or (named[0] <= last and named[1] >= first):
                found.append((url, Role.SITEMAP))
        return found

    def end_run(self) -> tuple[str, str] | None:
        """Nothing is learned: old sitemaps tell nothing of when new articles come."""
        return None if self._has_sitemaps or self._budget.pages else ("ok", "no_sitemap")

    @property
    def _days(self) -> tuple[date, date]:
        assert self.run.days is not None
        return self.run.days

    def _is_wanted(self, link: Link, document: IndexDocument) -> bool:
        day = day_of_link(link)
        first, last = self._days
        return day is not None and first <= day <= last and super()._is_wanted(link, replace(document, is_named=True))

    def _index_request(self, document: IndexDocument) -> Iterator[Request]:
        """Without validators: an answer that nothing has changed names no article."""
        for request in super()._index_request(document):
            yield request.replace(headers={})

    def _record_index(self, response: Response, *, is_complete: bool) -> None:
        """The frontier is not told: an ordinary crawl has no use for sitemaps of old days."""


def day_of_link(link: Link) -> date | None:
    """The day (UTC) that a sitemap's entry is of."""
    if link.published_at is not None:
        return link.published_at.date()
    named = days_in_address(link.url)
    if named is not None and named[0] == named[1]:
        return named[0]
    return None if link.modified_at is None else link.modified_at.date()


def days_in_address(url: str) -> tuple[date, date] | None:
    """The first and last day of the month or day that an address names last; None if it names none."""
    found = [one for one in (_period(match) for match in _DATED.finditer(url)) if one is not None]
    return found[-1] if found else None


def _period(match: re.Match[str]) -> tuple[date, date] | None:
    year, month = int(match[1]), int(match[3])
    try:
        if match[4]:
            day = date(year, month, int(match[4]))
            return day, day
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except ValueError:
        return None
