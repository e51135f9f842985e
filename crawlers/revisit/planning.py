"""What is remembered of a source -> when each of its documents is asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from crawlers.revisit.history import MOOD_HALF_LIFE, DocumentHistory, SourceHistory
from crawlers.revisit.rhythm import HOUR, Floats, hourly_rates, week_hours

STEP = timedelta(minutes=15)
AIM = timedelta(minutes=45)  # an hour from publication, less a quarter for the caches of the site
WAIT_COST = 2.0
LATE_COST = 20.0
JOIN_PART = 0.4  # a document joins a run that takes place anyway once this part of its cost is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How often a document may be asked; `eagerness` above 1 buys fresher links with more requests."""

    soonest: timedelta
    latest: timedelta = timedelta(hours=24)
    eagerness: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When each document is to be asked, and from when on it joins a run that takes place anyway.

    `fullest` is the document that shows most of the source's links; None if none has answered yet.
    """

    due_at: Mapping[str, datetime]
    join_at: Mapping[str, datetime]
    fullest: str | None
    soonest: timedelta

    @property
    def next_run_at(self) -> datetime | None:
        """When the next run has something to ask; None without documents."""
        return min(self.due_at.values(), default=None)

    def documents_for(self, now: datetime) -> list[str]:
        """What a run that starts now asks, in the order of the plan; nothing if the run can be left out.

        Runs start some seconds early or late: what is due within half of `soonest` is due now.
        """
        soon = now + self.soonest / 2
        if not any(due_at <= soon for due_at in self.due_at.values()):
            return []
        # The fullest document comes along, lest a lesser one takes the credit for links that both would have shown.
        return [url for url, join_at in self.join_at.items() if join_at <= soon or url == self.fullest]


def plan_visits(history: SourceHistory, urls: Iterable[str], now: datetime, bounds: Bounds) -> Plan:
    """The plan for the documents `urls`, in order of preference; one that was never asked is due now."""
    wanted = dict.fromkeys(urls, now)
    documents = [document for document in history.documents if document.url in wanted]
    links, cost = _foretell(history, documents, bounds)
    known = {document.url: document for document in documents}
    answering = [known[url] for url in wanted if url in known and not known[url].fails]
    fullest = max(answering, key=lambda document: round(document.coverage, 1), default=None)
    # Cost and links only rise, so that counting the steps below a limit tells how long a document can wait.
    price = bounds.eagerness * _shares(history, documents)[:, None]
    room = (links <= _room(documents)[:, None]).sum(axis=1)
    due = np.minimum(room, (cost <= 1 / price).sum(axis=1)).tolist()
    join = np.minimum(room, (cost <= JOIN_PART / price).sum(axis=1)).tolist()
    return Plan(
        due_at=wanted | _moments(history, documents, due, bounds),
        join_at=wanted | _moments(history, documents, join, bounds),
        fullest=fullest.url if fullest else None,
        soonest=bounds.soonest,
    )


def _foretell(history: SourceHistory, documents: Sequence[DocumentHistory], bounds: Bounds) -> tuple[Floats, Floats]:
    """By document and step after its last visit: the source's new links, and the requests that their waiting costs."""
    middle = (np.arange(max(1, int(bounds.latest / STEP))) + 0.5) * STEP.total_seconds()
    asked = np.array([document.asked_at.timestamp() for document in documents]).reshape(-1, 1)
    rates = hourly_rates(history)[week_hours(asked + middle)]
    if history.updated_at is not None:
        mood = (history.recent + 1) / (history.expected + 1)
        since = (asked - history.updated_at.timestamp()) / MOOD_HALF_LIFE.total_seconds()
        fading = np.minimum(1.0, 0.5**since * 0.5 ** (middle / MOOD_HALF_LIFE.total_seconds()))
        rates *= 1 + (mood - 1) * fading
    arrived = rates * (STEP / HOUR)
    links = arrived.cumsum(axis=1)
    cost = (links - arrived / 2).cumsum(axis=1) * (WAIT_COST * (STEP / HOUR))
    aim_steps = int(AIM / STEP)
    cost[:, aim_steps:] += LATE_COST * links[:, :-aim_steps]
    return links, cost


def _shares(history: SourceHistory, documents: Sequence[DocumentHistory]) -> Floats:
    """Each document's share, with what it must stand in for: documents that fail, and ones that may have frozen."""
    orphaned = sum(document.share for document in documents if document.fails and document.answers)
    shares = np.array([document.share + document.coverage * orphaned for document in documents])
    if history.unheard > 5:  # which chance does less than once in a hundred times
        shares = np.maximum(shares, 0.3)
    return shares.clip(max=1.0)


def _room(documents: Sequence[DocumentHistory]) -> Floats:
    """The source's links after which half of what a document lists is new: more might push some out unseen."""
    return np.array(
        [
            document.length / 2 / document.coverage if document.length and document.share > 0.05 else np.inf
            for document in documents
        ]
    )


def _moments(
    history: SourceHistory, documents: Sequence[DocumentHistory], steps: Sequence[int], bounds: Bounds
) -> dict[str, datetime]:
    moments = {}
    for document, wait in zip(documents, steps, strict=True):
        soonest, latest = bounds.soonest, bounds.latest
        rest = wait * STEP
        if document.fails:
            # Counted from a quarter of an hour whatever the cadence, so that a round's second try asks.
            soonest = rest = min(STEP, bounds.soonest) * 4 ** min(document.fails - 1, 8)
        elif history.overrun_at is not None and history.overrun_at > document.asked_at:
            rest = soonest
        elif document.hint_seconds is not None and document.answers < 3:
            rest = min(rest, timedelta(seconds=document.hint_seconds))
        moments[document.url] = document.asked_at + min(latest, max(soonest, rest))
    return moments
