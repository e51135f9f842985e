"""A simulated world of news sources for the benchmark of the revisit schedule; times are minutes from `START`.

Sources with 1 article a week to 500 a day (log-normal), by hour and weekday of their own time zone; local bursts,
world-wide breaking news, nightly batches; feeds of 10 to 50 entries behind caches, topical feeds, feeds that lack
articles, news sitemaps of two days, section pages without dates, dead and dying documents, failing requests.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

START = datetime(2026, 11, 3, tzinfo=UTC)  # a Tuesday: no weekend falls into the warm-up
TICK = 15.0
PAST_DAYS, WARM_UP_DAYS, WEEK_DAYS, AFTER_DAYS = 4, 4, 7, 1
DAYS = WARM_UP_DAYS + WEEK_DAYS + AFTER_DAYS
TICKS = int(DAYS * 1440 / TICK)
FAILURES = 0.01

# Rates by local hour, and by weekday from Monday on; only their proportions count.
PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "agency": ((0.5,) * 6 + (1.0,) * 16 + (0.7,) * 2, (1, 1, 1, 1, 1, 0.75, 0.75)),
    "daily": (
        (0.1,) * 4 + (0.6, 1.2, 1.6, 1.6, 1.4) + (1.2,) * 8 + (1.4, 1.4, 1.0, 0.7, 0.5, 0.3, 0.2),
        (1, 1, 1, 1, 1, 0.6, 0.5),
    ),
    "office": ((0,) * 8 + (1.0, 1.5, 1.5, 1.2, 0.8, 1.2, 1.4, 1.2, 1.0, 0.2, 0.2) + (0,) * 5, (1, 1, 1, 1, 1, 0, 0)),
    "weekly": ((0,) * 6 + (1.0,) * 12 + (0.1,) * 6, (0.2, 0.2, 0.2, 3.0, 1.0, 0.1, 0.1)),
}
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Document:
    """A feed, sitemap or section page: its articles in the order in which they came up on it, and when."""

    url: str
    up_at: list[float]
    articles: list[int]
    links: list[tuple[str, datetime | None]]
    length: int
    window: float
    dies_at: float
    failing: frozenset[int]

    def shown(self, moment: float) -> tuple[int, int]:
        """The part of `articles` that stands on it at a moment: the newest `length` of the last `window` minutes."""
        moment = min(moment, self.dies_at)
        end = bisect_right(self.up_at, moment)
        return max(end - self.length, bisect_left(self.up_at, moment - self.window), 0), end


@dataclass(frozen=True, slots=True)
class NewsSource:
    """Its articles (by number, in order of publication), its documents, and by how much each run starts late."""

    published: list[float]
    documents: list[Document]
    late_by: list[float]


def moment_of(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def make_world(seed: int, number: int) -> list[NewsSource]:
    chance = np.random.default_rng(seed)
    breaking = [(float(start), float(chance.uniform(120, 360))) for start in chance.uniform(0, DAYS * 1440, 3)]
    late_by = [float(seconds) / 60 for seconds in chance.gamma(2.0, 8.0, TICKS)]
    sources = []
    for index in range(number):
        own = np.random.default_rng([seed, index])
        published = _publications(own, breaking)
        sources.append(NewsSource(published, _Site(own, f"https://{index}.example", published).documents, late_by))
    return sources


def _publications(chance: np.random.Generator, breaking: list[tuple[float, float]]) -> list[float]:
    per_day = float(np.clip(np.exp(chance.normal(np.log(12), 1.7)), 1 / 7, 500))
    kind = str(chance.choice(list(PROFILES), p=[0.2, 0.5, 0.2, 0.1] if per_day > 2 else [0, 0.3, 0.4, 0.3]))
    by_hour, by_day = (np.array(part, dtype=float) for part in PROFILES[kind])
    zone = int(chance.integers(-8, 13))
    hours = np.arange(-PAST_DAYS * 24, DAYS * 24)
    local = hours + zone + START.weekday() * 24
    rates = by_hour[local % 24] * by_day[(local // 24) % 7] * per_day / 24 / (by_hour.mean() * by_day.mean())
    for start, minutes in breaking:
        rates[(hours * 60 >= start) & (hours * 60 < start + minutes)] *= float(chance.uniform(1.2, 3.5))
    for start in chance.uniform(0, DAYS * 24, chance.poisson(1.2)):
        burst = (hours >= start) & (hours < start + chance.uniform(2, 7))
        rates[burst] = (rates[burst] + per_day / 48) * chance.uniform(3, 8)
    moments = [60 * (hour + chance.random()) for hour in np.repeat(hours, chance.poisson(rates))]
    if kind == "daily" and per_day > 10:  # the printed issue goes on line at night, all at once
        at = float(chance.uniform(3, 5.5)) - zone
        for day in range(-PAST_DAYS, DAYS):
            moments += [(day * 24 + at) * 60 + late for late in chance.uniform(0, 5, chance.poisson(per_day * 0.12))]
    return sorted(float(moment) for moment in moments)


class _Site:
    """Draws the documents of a source; each shows a part of its articles, each after a cache of its own."""

    def __init__(self, chance: np.random.Generator, home: str, published: list[float]) -> None:
        self._chance, self._home, self._published = chance, home, published
        self.documents: list[Document] = []
        kind = str(
            chance.choice(
                ["full feed", "topical feeds", "sitemap", "poor feed", "sections"], p=[0.4, 0.25, 0.13, 0.12, 0.1]
            )
        )
        topics = int(chance.integers(3, 7))
        topic = chance.choice(topics, size=len(published), p=chance.dirichlet(np.full(topics, 1.5)))
        self._add_feeds(kind, topic, topics)
        if kind in ("sitemap", "poor feed") or (kind != "sections" and chance.random() < 0.6):
            self._add("sitemap", self._some(1.0), float(chance.choice([2, 5, 10, 30])), window=2880.0)
        if chance.random() < 0.1:
            self._add("old-feed", self._some(0.0), 5.0)
        cache = float(chance.choice([1, 2, 5]))
        self._add("", self._some(1.0 if kind == "sections" else chance.uniform(0.4, 0.9)), cache, length=40, dated=0.0)
        for number in range(int(chance.integers(1, topics + 1))):
            self._add(f"section{number}", (topic == number) & self._some(0.95), cache, length=30, dated=0.0)

    def _add_feeds(self, kind: str, topic: "np.ndarray[Any, Any]", topics: int) -> None:
        cache = float(self._chance.choice([1, 2, 5, 10]))
        length = int(self._chance.choice([10, 15, 20, 25, 30, 50]))
        if kind == "full feed":
            self._add("feed", self._some(1.0), cache, length=length, dies=0.03)
        if kind == "poor feed":
            self._add("feed", self._some(self._chance.uniform(0.4, 0.85)), cache, length=length)
        if kind == "topical feeds":
            for number in range(topics):
                self._add(f"feed{number}", (topic == number) | self._some(0.1), cache, length=length)

    def _some(self, part: float) -> Flags:
        return self._chance.random(len(self._published)) < part

    def _add(
        self,
        name: str,
        chosen: Flags,
        cache: float,
        *,
        length: int = 50_000,
        window: float = float("inf"),
        dated: float = 0.9,
        dies: float = 0.0,
    ) -> None:
        chance, published = self._chance, self._published
        phase = float(chance.uniform(0, cache))
        order = sorted(
            (
                float(cache * np.ceil((published[article] + chance.exponential(0.5) - phase) / cache) + phase),
                int(article),
            )
            for article in np.flatnonzero(chosen)
        )
        has_dates = chance.random() < dated
        self.documents.append(
            Document(
                url=f"{self._home}/{name}",
                up_at=[up_at for up_at, _ in order],
                articles=[article for _, article in order],
                links=[
                    (f"{self._home}/{article}", moment_of(published[article]) if has_dates else None)
                    for _, article in order
                ],
                length=length,
                window=window,
                dies_at=float(chance.uniform(WARM_UP_DAYS, DAYS) * 1440) if chance.random() < dies else float("inf"),
                failing=frozenset(np.flatnonzero(chance.random(TICKS) < FAILURES).tolist()),
            )
        )
