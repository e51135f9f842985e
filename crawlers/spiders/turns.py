"""In which order a run asks for the articles it found: news first, then what does not say when it was published.

Calendars, lists without end and sitemaps of everything may not use up a run, nor what is kept for the next ones, before
the news are asked for.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from crawlers.discovery import Link, news_first
from crawlers.frontier import Visit

MAX_PENDING = 2000  # links kept for later runs; of more, the place that names them is read again
MAX_AHEAD = timedelta(days=1)  # by which a clock or a time zone may be wrong


def believed(link: Link, now: datetime) -> Link:
    """The link without times that are still to come: calendars give those of their events, and would go first."""
    latest = now + MAX_AHEAD
    if all(moment is None or moment <= latest for moment in (link.published_at, link.modified_at)):
        return link
    return replace(
        link,
        published_at=link.published_at if link.published_at and link.published_at <= latest else None,
        modified_at=link.modified_at if link.modified_at and link.modified_at <= latest else None,
    )


class Turns:
    """The links that a run has taken, and those of them that wait until the news have been asked for."""

    def __init__(self, max_pages: int) -> None:
        self._room = max_pages + MAX_PENDING
        self._taken: dict[str, Link] = {}
        self._waiting: dict[str, Visit] = {}

    def taken(self, url: str) -> Link | None:
        """The link that was taken, with all that was said of it since."""
        return self._taken.get(url)

    def fitting(self, links: Iterable[Link]) -> list[Link]:
        """The links that this run and those after it have room for; news have a room of their own."""
        used = Counter(link.published_at is not None for link in self._taken.values())
        found = []
        for link in links:
            is_news = link.published_at is not None
            if used[is_news] < self._room:
                used[is_news] += 1
                found.append(link)
        return found

    def take(self, link: Link) -> None:
        """From now on the link is one of the run's; another place may add to what is known of it."""
        known = self._taken.get(link.url)
        self._taken[link.url] = link if known is None else known.with_hints_of(link)

    def must_wait(self, visit: Visit) -> bool:
        """Whether it is not yet the visit's turn; then `waiting` gives it."""
        if visit.visits or visit.published_at is not None:
            return False
        self._waiting[visit.url] = visit
        return True

    def waiting(self) -> list[Visit]:
        """What has waited, the latest first by what is known by now; nothing waits any more."""
        visits, self._waiting = self._waiting, {}
        links = (self._taken.get(url) or Link(url=url, found_in="") for url in visits)
        return [visits[link.url] for link in news_first(links)]
