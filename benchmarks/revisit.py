"""The revisit schedule beside fixed intervals: a simulated week of 200 sources (see benchmarks/revisit_world.py).

    python -m benchmarks.revisit [--seed N] [--sources N] [--eagerness 0.5 1 2 …]

Runs start every 15 minutes, some seconds late. A run that asks anything asks for robots.txt too; a 304 counts as a
request like any other; every article found costs three (the page, and two looks for corrections) under every policy.
The schedule learns during a warm-up of four days, reported apart; then a week counts. An article counts as never
captured if no document showed it any more when it was asked, up to a day after the week. All policies see the same
world, with the same failures. `asking` are the requests for robots.txt and index documents alone; `source mean 60` is
the share found within an hour where every source counts alike, however little it publishes.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from benchmarks.revisit_world import START, TICK, TICKS, WARM_UP_DAYS, WEEK_DAYS, NewsSource, make_world, moment_of
from crawlers.frontier import REVISIT_AFTER
from crawlers.revisit import Answer, Bounds, SourceHistory, learn, plan_visits

PAGE_REQUESTS = 1 + len(REVISIT_AFTER)
PERIODS = {
    "warm-up": (0.0, WARM_UP_DAYS * 1440.0),
    "week": (WARM_UP_DAYS * 1440.0, (WARM_UP_DAYS + WEEK_DAYS) * 1440.0),
}
NEVER = float("inf")
Read = dict[int, tuple[int, int] | None]


class Policy(Protocol):
    """Decides which documents of one source a run asks, and hears what they showed (None: no answer)."""

    def choose(self, tick: int, captured: Sequence[float]) -> list[int]: ...

    def end(self, tick: int, read: Read) -> None: ...


class Fixed:
    """Every document at every so-manieth run."""

    def __init__(self, source: NewsSource, every: int) -> None:
        self._everything, self._every = list(range(len(source.documents))), every

    def choose(self, tick: int, captured: Sequence[float]) -> list[int]:
        return self._everything if tick % self._every == 0 else []

    def end(self, tick: int, read: Read) -> None:
        """Learns nothing."""


class Learned:
    """The schedule of `crawlers.revisit`, called as a crawl calls it."""

    def __init__(self, source: NewsSource, bounds: Bounds) -> None:
        self._source, self._bounds = source, bounds
        self._urls = [document.url for document in source.documents]
        self._history = SourceHistory()
        self._seen: dict[str, datetime] = {}
        self._read_up_to = [0] * len(self._urls)
        self._plan = plan_visits(self._history, self._urls, START, bounds)

    def choose(self, tick: int, captured: Sequence[float]) -> list[int]:
        return [self._urls.index(url) for url in self._plan.documents_for(self._start(tick))]

    def end(self, tick: int, read: Read) -> None:
        now = self._start(tick)
        answers = []
        for number, part in read.items():
            links = self._source.documents[number].links
            first, end = part or (0, 0)
            answers.append(Answer(url=self._urls[number], links=links[first:end], failed=part is None))
            for url, _ in links[max(first, self._read_up_to[number]) : end]:
                self._seen.setdefault(url, now)
            self._read_up_to[number] = max(end, self._read_up_to[number])
        self._history = learn(self._history, answers, now, self._seen.get)
        self._plan = plan_visits(self._history, self._urls, now, self._bounds)

    def _start(self, tick: int) -> datetime:
        return moment_of(tick * TICK + self._source.late_by[tick])


class Oracle:
    """Knows what stands where; waits until a link would be more than an hour old at the next run: few requests."""

    def __init__(self, source: NewsSource) -> None:
        self._source = source

    def choose(self, tick: int, captured: Sequence[float]) -> list[int]:
        now = tick * TICK + self._source.late_by[tick]
        fresh: dict[int, set[int]] = {}
        for number, document in enumerate(self._source.documents):
            shown = document.articles[slice(*document.shown(now))] if tick not in document.failing else []
            fresh[number] = {article for article in shown[-200:] if captured[article] == NEVER}
        left = set().union(*fresh.values())
        if not any(self._source.published[article] < now + TICK + 2 - 60 for article in left):
            return []
        asked = []
        while left:
            asked.append(max(fresh, key=lambda number: len(fresh[number] & left)))
            left -= fresh[asked[-1]]
        return asked

    def end(self, tick: int, read: Read) -> None:
        """Knows all already."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of all sources: how long each article of a period waited (minutes; inf: never found), and the requests."""

    waits: dict[str, list[np.ndarray]]
    asking: dict[str, int]
    pages: dict[str, int]


def run_policy(world: Sequence[NewsSource], start: Callable[[NewsSource], Policy]) -> Outcome:
    outcome = Outcome({name: [] for name in PERIODS}, dict.fromkeys(PERIODS, 0), dict.fromkeys(PERIODS, 0))
    for source in world:
        captured, asked = crawl(source, start(source))
        published, found_at = np.array(source.published), np.array(captured)
        for name, (since, until) in PERIODS.items():
            chosen = (published >= since) & (published < until)
            outcome.waits[name].append((found_at - published)[chosen])
            outcome.asking[name] += sum(count for moment, count in asked if since <= moment < until)
            outcome.pages[name] += PAGE_REQUESTS * int(np.isfinite(found_at[chosen]).sum())
    return outcome


def crawl(source: NewsSource, policy: Policy) -> tuple[list[float], list[tuple[float, int]]]:
    """When each article was found, and when how many requests for robots.txt and documents were made."""
    captured = [NEVER] * len(source.published)
    read_up_to = [0] * len(source.documents)
    requests = []
    for tick in range(TICKS):
        asked = policy.choose(tick, captured)
        if not asked:
            continue
        start = tick * TICK + source.late_by[tick]
        requests.append((start, 1 + len(asked)))
        read: Read = {}
        found = 0
        for place, number in enumerate(asked, 1):
            document = source.documents[number]
            if tick in document.failing:
                read[number] = None
                continue
            first, end = read[number] = document.shown(start + place / 60)
            for article in document.articles[max(first, read_up_to[number]) : end]:
                if captured[article] == NEVER:  # one request a second, documents first
                    found += 1
                    captured[article] = start + (len(asked) + found) / 60
            read_up_to[number] = end
        policy.end(tick, read)
    return captured, requests


def print_table(name: str, outcomes: dict[str, Outcome]) -> None:
    base = outcomes["fixed 15 min"]
    print(f"\n{name}: {sum(map(len, base.waits[name]))} articles of {len(base.waits[name])} sources")
    heads = ("in 15 min", "in 60 min", "never", "source mean 60", "requests", "of 15 min", "asking", "of 15 min")
    print(f"{'policy':24}" + "".join(f"{head:>{len(head) + 2}}" for head in heads))
    for policy, outcome in outcomes.items():
        waits = np.concatenate(outcome.waits[name])
        each = [float((own <= 60).mean()) for own in outcome.waits[name] if len(own)]
        asking, base_asking = outcome.asking[name], base.asking[name]
        total, base_total = asking + outcome.pages[name], base_asking + base.pages[name]
        print(
            f"{policy:24}{(waits <= 15).mean():11.3f}{(waits <= 60).mean():11.3f}{np.isinf(waits).mean():7.4f}"
            f"{np.mean(each):16.3f}{total:10d}{total / base_total:11.3f}{asking:8d}{asking / base_asking:11.3f}"
        )


def policies(eagerness: Sequence[float]) -> dict[str, Callable[[NewsSource], Policy]]:
    def learned(eager: float) -> Callable[[NewsSource], Policy]:
        bounds = Bounds(soonest=timedelta(minutes=15), eagerness=eager)
        return lambda source: Learned(source, bounds)

    return {
        "fixed 15 min": lambda source: Fixed(source, 1),
        "fixed 30 min": lambda source: Fixed(source, 2),
        "fixed 60 min": lambda source: Fixed(source, 4),
        **{f"learned, eagerness {eager:g}": learned(eager) for eager in eagerness},
        "oracle": Oracle,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--eagerness", type=float, nargs="*", default=[1.0])
    arguments = parser.parse_args()
    world = make_world(arguments.seed, arguments.sources)
    documents = sum(len(source.documents) for source in world)
    print(f"seed {arguments.seed}: {len(world)} sources with {documents} documents")
    outcomes = {}
    for name, start in policies(arguments.eagerness).items():
        began = time.process_time()
        outcomes[name] = run_policy(world, start)
        print(f"  {name}: {time.process_time() - began:.1f} s CPU", flush=True)
    for period in PERIODS:
        print_table(period, outcomes)


if __name__ == "__main__":
    main()
