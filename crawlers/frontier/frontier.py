"""What one run reads of a source's frontier, and records in it."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from crawlers.frontier.visit import Role, Visit, later_visit, url_hash
from crawlers.frontier.visits import Visits
from crawlers.revisit import SourceHistory, merge_histories

WINDOW = timedelta(days=14)
# Corrections come within a day; then a page is left in peace.
REVISIT_AFTER = (timedelta(hours=6), timedelta(hours=24))
RETRY_AFTER = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12))
_MAX_VALIDATOR_CHARS = 500  # longer ones are not worth keeping
_NOT_ASKED = 0
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Hashes = npt.NDArray[np.uint64]


class Frontier:
    """State of one source; changed by a crawl, saved once what was fetched is stored."""

    def __init__(
        self, kept: Visits | None = None, older: Sequence[int] | Hashes = (), history: SourceHistory | None = None
    ) -> None:
        """`kept` is what was known before, `older` the hashes of URLs that were seen before the window."""
        self._kept = kept or Visits.of(())
        self._older: Hashes = np.unique(np.asarray(older, np.uint64))
        self._changed: dict[str, Visit] = {}
        self.history = history or SourceHistory()

    def visit(self, url: str) -> Visit | None:
        """What is known of a URL seen within the window."""
        return self._changed.get(url) or self._kept.find(url)

    def seen(self, url: str) -> bool:
        """Whether the URL was ever asked for."""
        return self.visit(url) is not None or self._is_older(url_hash(url))

    def snapshot(self) -> "Frontier":
        """The frontier as it is now, apart from what is recorded later."""
        copied = copy(self)
        copied._changed = dict(self._changed)
        return copied

    def due_articles(self, now: datetime) -> list[Visit]:
        """Articles to ask for now: found and not fetched yet, failed and to be tried again, to be looked at again.

        New ones first, and of these the latest published.
        """
        due = [visit for visit in self._kept.due(now) if visit.url not in self._changed]
        due += [visit for visit in self._changed.values() if visit.role == Role.ARTICLE and visit.next_visit_at <= now]
        return sorted(due, key=lambda visit: (visit.visits, -(visit.published_at or _EPOCH).timestamp(), visit.url))

    def indexes(self, role: Role, found_in: str | None = None) -> list[Visit]:
        """Known feeds, sitemaps … of that role, or of those the ones that `found_in` names."""
        known = {visit.url: visit for visit in self._kept.of_role(role)} | self._changed
        return [
            visit for visit in known.values() if visit.role == role and (found_in is None or visit.found_in == found_in)
        ]

    def record_link(
        self,
        url: str,
        now: datetime,
        *,
        found_in: str | None = None,
        title: str | None = None,
        published_at: datetime | None = None,
    ) -> None:
        """An article was found; it is due until it was asked for. One that is known already stays as it is."""
        if not self.seen(url):
            self._changed[url] = Visit(
                url=url,
                first_seen_at=now,
                fetched_at=now,
                next_visit_at=now,
                status=_NOT_ASKED,
                found_in=found_in,
                title=title,
                published_at=published_at,
            )

    def record_alias(self, url: str, now: datetime, *, status: int) -> None:
        """The address redirects to another one, under which the article is kept; it is not asked again."""
        before = self.visit(url)
        self._changed[url] = Visit(
            url=url,
            role=Role.ALIAS,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=_NEVER,
            status=status,
            visits=(before.visits if before else 0) + 1,
        )

    def record_answer(
        self,
        url: str,
        now: datetime,
        *,
        status: int,
        etag: str | None = None,
        last_modified: str | None = None,
        payload_sha256: str | None = None,
    ) -> None:
        """The page answered, with a body or with 304; validators that a 304 leaves out stay."""
        before = self.visit(url)
        done = before.visits if before else 0
        rest = REVISIT_AFTER[done] if done < len(REVISIT_AFTER) else None
        self._changed[url] = Visit(
            url=url,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=now + rest if rest else _NEVER,
            status=status,
            visits=done + 1,
            etag=_short(etag) or (before.etag if before and status == 304 else None),
            last_modified=_short(last_modified) or (before.last_modified if before and status == 304 else None),
            payload_sha256=payload_sha256 or (before.payload_sha256 if before else None),
        )

    def record_index(
        self,
        url: str,
        now: datetime,
        *,
        role: Role,
        status: int,
        etag: str | None = None,
        last_modified: str | None = None,
        found_in: str | None = None,
    ) -> None:
        """A feed, sitemap or page of links answered: it is asked at every crawl, with its validators."""
        before = self.visit(url)
        kept = before if before and status == 304 else None
        self._changed[url] = Visit(
            url=url,
            role=role,
            first_seen_at=before.first_seen_at if before else now,
            fetched_at=now,
            next_visit_at=now,
            status=status,
            visits=(before.visits if before else 0) + 1,
            etag=_short(etag) or (kept.etag if kept else None),
            last_modified=_short(last_modified) or (kept.last_modified if kept else None),
            found_in=found_in or (before.found_in if before else None),
        )

    def record_failure(self, url: str, now: datetime, *, status: int = _NOT_ASKED, final: bool = False) -> None:
        """The page did not answer, or with an error; it is tried a few times more, later each time, then no more.

        `final`: trying again would not help.
        """
        before = self.visit(url)
        fails = (before.fails if before else 0) + 1
        gone = final or (status in (404, 410) and fails >= 2)
        rest = RETRY_AFTER[fails - 1] if fails <= len(RETRY_AFTER) and not gone else None
        kept = before or Visit(url=url, first_seen_at=now, fetched_at=now, next_visit_at=now, status=status)
        self._changed[url] = replace(
            kept, fetched_at=now, next_visit_at=now + rest if rest else _NEVER, status=status, fails=fails
        )

    def merge(self, other: "Frontier") -> "Frontier":
        """Both together: of a URL that both know the later visit, with the earlier first sight."""
        older, history = np.union1d(self._older, other._older), merge_histories(self.history, other.history)
        if not other._changed and other._kept == self._kept:  # nobody has saved in between: the rule
            merged = Frontier(self._kept, older, history)
            merged._changed = dict(self._changed)
            return merged
        ours, theirs = self._all(), other._all()
        merged = Frontier(theirs, older, history)
        for visit in ours.differing(theirs):
            known = theirs.find(visit.url)
            merged._changed[visit.url] = later_visit(visit, known) if known else visit
        return merged

    def aged(self, now: datetime) -> tuple[Visits, Hashes]:
        """What is kept whole, and the hashes of what was seen before the window."""
        recent, outdated = self._all().part(now - WINDOW)
        older = np.union1d(self._older, _hashes(outdated))
        return recent, np.setdiff1d(older, _hashes(recent.urls()), assume_unique=True) if len(older) else older

    def _all(self) -> Visits:
        return self._kept.overlaid(self._changed.values())

    def _is_older(self, number: int) -> bool:
        at = int(np.searchsorted(self._older, np.uint64(number)))
        return at < len(self._older) and int(self._older[at]) == number


def _hashes(urls: Iterable[str]) -> Hashes:
    return np.fromiter((url_hash(url) for url in urls), np.uint64)


def _short(validator: str | None) -> str | None:
    return validator if validator and len(validator) <= _MAX_VALIDATOR_CHARS else None
