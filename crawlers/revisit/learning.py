"""A run's answers -> what is remembered of the source."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from crawlers.revisit.history import FORGOTTEN, MOOD_HALF_LIFE, DocumentHistory, SourceHistory
from crawlers.revisit.rhythm import HOUR, hourly_rates, hours_between, week_hour

_PROFILE_HALF_LIFE = timedelta(days=21)
_SHARE_HALF_LIFE_LINKS = 200.0
_BACKLOG = timedelta(days=14)
_LONGEST_GAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an index document answered in a run.

    `links` are all it lists, with the publication time it gives: empty if there are none, None if unchanged (304).
    Those of an index of sitemaps are the links of the sitemaps that the run asked because of it.
    `hint` is what the document says of itself (ttl, sy:updatePeriod, max-age): it is heard while nothing is learned.
    """

    url: str
    links: Sequence[tuple[str, datetime | None]] | None = None
    failed: bool = False
    hint: timedelta | None = None


def learn(
    history: SourceHistory, answers: Sequence[Answer], now: datetime, first_seen: Callable[[str], datetime | None]
) -> SourceHistory:
    """The history after a run that started at `now`.

    `answers` come in order of preference (feeds, sitemaps, sections): of two documents that show the same, the first
    is trusted. `first_seen` tells when a link was first found: None or from `now` on for one that this run found.
    """
    known = {document.url: document for document in history.documents}
    read = [answer for answer in answers if not answer.failed]
    watched = [known[answer.url] for answer in read if answer.url in known and known[answer.url].answers]
    appeared = {answer.url: _appeared(answer, known.get(answer.url), first_seen) for answer in read}
    arrivals = _arrivals(watched, appeared, now, first_seen)
    after = _learn_mood(history, watched, len(arrivals), now)
    overran = any(_overran(known.get(answer.url), answer, len(appeared[answer.url])) for answer in read)
    after = _learn_profile(after, arrivals.values(), now, overran=overran)
    if history.updated_at is None:
        after = _learn_backlog(after, read, now)
    credit = _credit(watched, appeared, arrivals)
    documents = dict(known)
    for answer in answers:
        before = known.get(answer.url)
        if answer.failed:
            documents[answer.url] = _learn_failure(before, answer, after.arrivals, now)
            continue
        documents[answer.url] = _learn_document(before, answer, len(appeared[answer.url]), credit, after.arrivals, now)
    kept = [document for document in documents.values() if now - document.asked_at <= FORGOTTEN]
    return replace(after, documents=tuple(kept))


def _appeared(
    answer: Answer, before: DocumentHistory | None, first_seen: Callable[[str], datetime | None]
) -> dict[str, datetime | None]:
    """The links of an answer that the source did not have when the document answered last, with their dates."""
    if before is None or not before.answers:
        return {}
    appeared = {}
    for url, published_at in answer.links or ():
        seen_at = first_seen(url)
        if seen_at is None or seen_at >= before.asked_at:
            appeared[url] = published_at
    return appeared


def _arrivals(
    watched: Sequence[DocumentHistory],
    appeared: Mapping[str, Mapping[str, datetime | None]],
    now: datetime,
    first_seen: Callable[[str], datetime | None],
) -> dict[str, datetime]:
    """Links that this run found, with the moment they were published.

    A date is believed if it lies between the last two looks (with an hour's grace); otherwise, as for links without
    one, the moment is set within that time. Old articles that show up are no news of the source.
    """
    arrivals: dict[str, datetime] = {}
    unsure: dict[str, datetime] = {}
    for document in watched:
        for url, published_at in appeared[document.url].items():
            seen_at = first_seen(url)
            if url in arrivals or (seen_at is not None and seen_at < now):
                continue
            if published_at is not None and document.asked_at - HOUR < published_at <= now:
                arrivals[url] = published_at
            elif published_at is None or published_at > document.asked_at - timedelta(days=2):
                unsure[url] = max(document.asked_at, now - _LONGEST_GAP)
    missing = {url: since for url, since in unsure.items() if url not in arrivals}
    for number, (url, since) in enumerate(missing.items()):
        arrivals[url] = since + (now - since) * ((number + 0.5) / len(missing))
    return arrivals


def _learn_mood(history: SourceHistory, read: Sequence[DocumentHistory], arrivals: int, now: datetime) -> SourceHistory:
    if history.updated_at is None:
        return history
    rates = hourly_rates(history).tolist()
    shares: dict[datetime, float] = defaultdict(float)
    for document in read:
        shares[max(document.asked_at, now - _LONGEST_GAP)] += document.share
    foretold = sum(
        share * sum(rates[hour] * part for hour, part in hours_between(since, now)) for since, share in shares.items()
    )
    fading = 0.5 ** (max(timedelta(0), now - history.updated_at) / MOOD_HALF_LIFE)
    return replace(
        history,
        recent=history.recent * fading + arrivals,
        expected=history.expected * fading + foretold,
        unheard=0.0 if arrivals else history.unheard + foretold,
        arrivals=history.arrivals + arrivals,
    )


def _learn_profile(
    history: SourceHistory, moments: Collection[datetime], now: datetime, *, overran: bool
) -> SourceHistory:
    before = history.updated_at
    if before is None:
        return replace(history, updated_at=now)
    later = replace(history, updated_at=max(now, before))
    if week_hour(before) != week_hour(now):  # once an hour is often enough for a half-life of weeks
        fading = 0.5 ** (max(HOUR, now - before) / _PROFILE_HALF_LIFE)
        links, hours = np.array(history.links) * fading, np.array(history.hours) * fading
        later = replace(later, links=tuple(links.tolist()), hours=tuple(hours.tolist()))
    since = max(before, now - _LONGEST_GAP)
    if overran and moments:  # what was published before the oldest of them is not known
        since = max(since, min(moments))
        later = replace(later, overrun_at=now)
    return _watched(later, moments, since, now)


def _watched(history: SourceHistory, moments: Iterable[datetime], since: datetime, until: datetime) -> SourceHistory:
    links, hours = list(history.links), list(history.hours)
    for moment in moments:
        links[week_hour(moment)] += 1
    for hour, part in hours_between(since, until):
        hours[hour] += part
    return replace(history, links=tuple(links), hours=tuple(hours))


def _learn_backlog(history: SourceHistory, read: Sequence[Answer], now: datetime) -> SourceHistory:
    """The first look at a source: the dates in its fullest document foretell its rate.

    The oldest fifth is left out, since one pinned old article would stretch the time that the rest took.
    """
    dated = [
        sorted(moment for _, moment in answer.links or () if moment is not None and now - _BACKLOG < moment <= now)
        for answer in read
    ]
    moments = max(dated, key=len, default=[])
    moments = moments[len(moments) // 5 :]
    if len(moments) < 3:
        return history
    return _watched(history, moments[1:], moments[0], now)


def _credit(
    watched: Sequence[DocumentHistory], appeared: Mapping[str, Iterable[str]], arrivals: Iterable[str]
) -> dict[str, int]:
    """How many of the arrivals each document is credited with: each goes to the fullest document that shows it."""
    credit: dict[str, int] = {}
    left = set(arrivals)
    for document in sorted(watched, key=lambda document: -round(document.coverage, 1)):
        given = left.intersection(appeared[document.url])
        credit[document.url] = len(given)
        left -= given
    return credit


def _learn_failure(before: DocumentHistory | None, answer: Answer, arrivals: float, now: datetime) -> DocumentHistory:
    """While it fails, what others give is held against it: in the end they have taken its place."""
    if before is None:
        before = DocumentHistory(url=answer.url, asked_at=now, arrivals=arrivals)
    return replace(_with_chances(before, arrivals), asked_at=max(now, before.asked_at), fails=before.fails + 1)


def _learn_document(
    before: DocumentHistory | None,
    answer: Answer,
    appeared: int,
    credit: dict[str, int],
    arrivals: float,
    now: datetime,
) -> DocumentHistory:
    if before is None or not before.answers:
        before = DocumentHistory(url=answer.url, asked_at=now, arrivals=arrivals)
    later = _with_chances(before, arrivals)
    return replace(
        later,
        asked_at=max(now, before.asked_at),
        answers=before.answers + 1,
        fails=0,
        length=before.length if answer.links is None else len(answer.links),
        listed=later.listed + min(appeared, arrivals - before.arrivals),
        credit=later.credit + credit.get(answer.url, 0),
        hint_seconds=before.hint_seconds if answer.hint is None else answer.hint.total_seconds(),
    )


def _with_chances(before: DocumentHistory, arrivals: float) -> DocumentHistory:
    chances = arrivals - before.arrivals
    fading = 0.5 ** (chances / _SHARE_HALF_LIFE_LINKS)
    return replace(
        before,
        chances=before.chances * fading + chances,
        listed=before.listed * fading,
        credit=before.credit * fading,
        arrivals=arrivals,
    )


def _overran(before: DocumentHistory | None, answer: Answer, appeared: int) -> bool:
    return before is not None and before.share > 0.05 and 5 <= len(answer.links or ()) == appeared
