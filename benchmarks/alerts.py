"""How soon and how rightly the health of a source is told: `python -m benchmarks.alerts [--seed N] [--sources N]`.

Simulated sources of three kinds (a wire asked every 15 minutes, a paper hourly, a magazine daily) have a history of
five weeks with hours, weekdays, holidays, bursts, slow days, pages that fail, sites that are down for up to an hour and
crawls that fail once.

*Found*: each fault begins at a moment of its own in a history of its own; it must be an alarm, under its own sign,
within three runs. A run counts once it and those before it were to bring ten pages (of silence twenty, of a drop in
yield 150): three runs at night are not three looks at nothing. *False alarms*: sources without a fault, judged after
every run; several under one sign on one day are one.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.archive import TABLES
from pipelines.health import Sign
from pipelines.health.health import HISTORY, judge_history
from pipelines.health.history import History, moment, read_histories

START = datetime(2026, 8, 3, tzinfo=UTC)  # a Monday
HISTORY_DAYS = 35
FAULT_DAYS = 16
RUNS = 3
KINDS = ("wire", "paper", "magazine")
DELAYS = (5, 15, 60, 240, 1440)
_COUNTS = ("discovered", "captured", "unchanged", "pages", "extracted", "words", "new_appearances")
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What changes in every run from the onset on; `signs`: what may be said of it."""

    name: str
    signs: tuple[Sign, ...]
    yields: float = 1.0
    extracted: float = 1.0
    words: float = 1.0
    foreign: float = 0.0
    clutter: float = 1.0
    refused: float = 0.0
    refused_as: str = "robots"
    delay_hours: float = 0.0
    down: bool = False
    pages_a_run: float = 10.0


FAULTS = (
    Fault(name="silence: nothing comes any more", signs=(Sign.SILENT,), yields=0.0, pages_a_run=20.0),
    Fault(name="yield drops to a tenth", signs=(Sign.FEW, Sign.SILENT), yields=0.1, pages_a_run=150.0),
    Fault(name="the site is down", signs=(Sign.FAILING,), down=True),
    Fault(name="extraction fails on 9 of 10 pages", signs=(Sign.DROPPING,), extracted=0.1),
    Fault(name="extraction fails on 6 of 10 pages", signs=(Sign.DROPPING,), extracted=0.4),
    Fault(name="texts are cut to a third", signs=(Sign.LENGTH,), words=0.33),
    Fault(name="texts are three times as long", signs=(Sign.LENGTH,), words=3.0),
    Fault(name="another language in 4 of 5 articles", signs=(Sign.LANGUAGE,), foreign=0.8),
    Fault(name="four times the clutter", signs=(Sign.CLUTTERED,), clutter=4.0),
    Fault(name="robots.txt newly forbids all", signs=(Sign.BLOCKED,), refused=1.0),
    Fault(name="robots.txt newly forbids 7 of 10", signs=(Sign.BLOCKED,), refused=0.7),
    Fault(name="pages are forbidden (403)", signs=(Sign.BLOCKED,), refused=1.0, refused_as="http_403"),
    Fault(name="articles come 9 to 40 h late", signs=(Sign.LATE,), delay_hours=9.0),
)


@dataclass(kw_only=True)
class World:
    """One source: what it yields hour by hour, and how its pages are."""

    kind: str
    chance: np.random.Generator
    days: int
    every: timedelta = field(init=False)
    rates: Numbers = field(init=False)  # pages an hour, with the day's mood and bursts

    def __post_init__(self) -> None:
        chance = self.chance
        self.every = {"wire": timedelta(minutes=15), "paper": timedelta(hours=1), "magazine": timedelta(days=1)}[
            self.kind
        ]
        a_day = {"wire": (600, 2500), "paper": (60, 400), "magazine": (30, 90)}[self.kind]
        self.a_day = float(np.exp(chance.uniform(*np.log(a_day))))
        self.drop = float(chance.uniform(0.0, 0.12))
        self.words = float(chance.uniform(250, 900))
        self.word_scatter = float(chance.uniform(0.4, 0.8))
        self.clutter = float(chance.uniform(1, 6))
        self.second_language = float(chance.choice([0.0, 0.0, 0.0, 0.02, 0.3]))
        self.forbidden = float(chance.choice([0.0, 0.0, 0.02, 0.1]))
        self.hiccups = float(chance.uniform(0.0, 0.01))
        self.delay = float(np.exp(chance.uniform(np.log(3), np.log(90))))  # median minutes beyond the wait for a run
        self.rates = self._rates()

    def _rates(self) -> Numbers:
        chance, hours = self.chance, np.arange(24 * (self.days + 2))
        depth, peak = chance.uniform(0.3, 0.95), chance.integers(0, 24)
        by_hour = 1 + depth * np.cos((hours % 24 - peak) / 24 * 2 * np.pi)
        weekend = chance.choice([0.1, 0.4, 0.7, 1.0])
        day = hours // 24
        by_day = np.where(day % 7 >= 5, weekend, 1.0)
        mood = np.exp(chance.normal(0, 0.2, self.days + 2))
        holidays = chance.choice(self.days + 2, size=chance.poisson((self.days + 2) / 40), replace=False)
        mood[holidays] *= chance.uniform(0.25, 0.6, len(holidays))
        rates = self.a_day / 24 * by_hour * by_day * mood[day]
        for begin in np.flatnonzero(chance.random(len(hours)) < 1 / (24 * 9)):  # breaking news
            length = int(chance.integers(2, 14))
            rates[begin : begin + length] *= np.linspace(chance.uniform(2, 6), 1, len(rates[begin : begin + length]))
        return np.asarray(rates, np.float64)

    def expected(self, at: Numbers) -> Numbers:
        """Pages expected between START and some moments, in hours."""
        total = np.concatenate([[0.0], np.cumsum(self.rates)])
        return np.interp(at, np.arange(len(total)), total)

    def runs(self, fault: Fault | None = None, onset_hour: float = 0.0) -> list[dict[str, object]]:
        """The rows of `runs`."""
        step = self.every / timedelta(hours=1)
        ends = np.arange(1, int(self.days * 24 / step)) * step + self.chance.uniform(0, min(step, 1.0))
        means = np.diff(self.expected(np.concatenate([[ends[0] - step], ends])))
        rows = []
        waiting, down_until, fails, rest_until = 0, -1.0, 0, -1.0
        for end, mean in zip(ends, means, strict=True):
            now = fault if fault is not None and end > onset_hour else None
            waiting += int(self.chance.poisson(mean * self.chance.gamma(3, 1 / 3) * (now.yields if now else 1.0)))
            if self.chance.random() < step / (30 * 24):
                down_until = end + self.chance.uniform(0, 1)
            is_down = (now is not None and now.down) or end < down_until or self.chance.random() < self.hiccups
            if is_down:
                rows.append(self._row(end, outcome="failed", reason="resting" if end < rest_until else "timeout"))
                if end >= rest_until:  # after 15 minutes, then 1, 4, 16 hours: crawlers/revisit
                    fails += 1
                    rest_until = end + 0.25 * 4 ** min(3, fails - 1) - 0.01
                continue
            fails = 0
            if self.kind == "wire" and mean < 1 and self.chance.random() < 0.4:
                rows.append(self._row(end, reason="nothing_due"))
                continue
            rows.append(self._crawled(end, waiting, step, now))
            waiting = 0
        return rows

    def _row(self, end: float, **values: object) -> dict[str, object]:
        at = START + timedelta(hours=float(end))
        return {
            "source_id": "a",
            "run_id": f"{at:%m%dT%H%M}",
            "started_at": at,
            "started_date": at.date(),
            "outcome": "ok",
            "reported": True,
            "reason": "",
            "refused": {},
            "failed": {},
            "dropped": {},
            **dict.fromkeys(_COUNTS, 0),
            **values,
        }

    def _crawled(self, end: float, found: int, step: float, fault: Fault | None) -> dict[str, object]:
        chance = self.chance
        refused = int(chance.binomial(found, fault.refused)) if fault else 0
        forbidden = (
            int(chance.binomial(found - refused, self.forbidden * chance.beta(2, 2) * 2)) if self.forbidden else 0
        )
        captured = found - refused - forbidden
        share = (1 - self.drop * chance.gamma(2, 0.5)) * (fault.extracted if fault else 1.0)
        extracted = int(chance.binomial(captured, min(1.0, max(0.0, share))))
        words = chance.lognormal(np.log(self.words * (fault.words if fault else 1.0)), self.word_scatter, extracted)
        words *= np.exp(chance.normal(0, 0.08))
        strange = int(chance.binomial(extracted, fault.foreign)) if fault else 0
        usual_other = int(chance.binomial(extracted - strange, self.second_language))
        clutter = chance.negative_binomial(2, 1 / (1 + self.clutter * (fault.clutter if fault else 1.0) / 2), extracted)
        delays = chance.lognormal(np.log(self.delay), 0.9, extracted) + chance.uniform(0, step * 60, extracted)
        delays += chance.uniform(1, 4.4, extracted) * 60 * (fault.delay_hours if fault else 0.0)
        told = delays[chance.random(extracted) < 0.9]
        bounds = np.searchsorted(DELAYS, told)
        names = [*map(str, DELAYS), "more"]
        failed = {"http_403": forbidden} if forbidden else {}
        as_refused = fault is not None and fault.refused_as == "robots"
        if refused and fault is not None and not as_refused:
            failed = {"http_403": forbidden + refused}
        return self._row(
            end,
            discovered=max(found, 20),
            captured=captured,
            unchanged=int(chance.poisson(1)),
            refused={"robots": refused} if refused and as_refused else {},
            failed=failed,
            pages=captured,
            extracted=extracted,
            new_appearances=extracted,
            dropped={"text_too_short": captured - extracted} if captured > extracted else {},
            clutter_removed={"related": int(clutter.sum())},
            words=int(words.sum()),
            languages={
                name: count
                for name, count in (("en", extracted - strange - usual_other), ("de", usual_other), ("fr", strange))
                if count
            },
            delays={
                names[bound]: int(count) for bound, count in zip(*np.unique(bounds, return_counts=True), strict=True)
            },
        )


def read(rows: list[dict[str, object]]) -> History:
    return next(read_histories(pa.Table.from_pylist(rows, schema=TABLES["runs"].schema)))


def judgments(history: History, first: int) -> Iterator[tuple[int, Sign | None]]:
    """After each run from the first on: the sign of an alarm, or None."""
    for end in range(first, len(history) + 1):
        now = moment(history.times[end - 1]) + timedelta(minutes=5)
        start = int(np.searchsorted(history.times, (now - HISTORY).timestamp()))
        health = judge_history(history.between(start, end), now)
        yield end - 1, health.sign if health.state in ("ill", "off") else None


def find(fault: Fault, kind: str, seed: int) -> tuple[bool, bool, float]:
    """Whether it was found in time, whether at all, and after how many hours."""
    chance = np.random.default_rng([seed, KINDS.index(kind), FAULTS.index(fault)])
    world = World(kind=kind, chance=chance, days=HISTORY_DAYS + FAULT_DAYS)
    onset = 24 * (HISTORY_DAYS - 7 + 7 * chance.random())
    history = read(world.runs(fault, onset))
    hours = (history.times - START.timestamp()) / 3600
    # `expected` knows holidays and bursts: what would have come without the fault.
    expected = world.expected(hours) - world.expected(np.array([onset]))[0]
    first = int(np.searchsorted(hours, onset, "right"))
    due, last = [], -np.inf
    for at in range(first, len(hours)):
        if expected[at] >= fault.pages_a_run * (len(due) + 1) and expected[at] > last:
            due.append(at)
            last = expected[at] if expected[at] >= fault.pages_a_run * (len(due) + 1) else last
        if len(due) == RUNS:
            break
    limit = due[-1] if len(due) == RUNS else len(hours) - 1
    if fault.down:
        tries = np.flatnonzero(history.asked)
        limit = int(tries[tries >= first][RUNS - 1])
    for at, sign in judgments(history, first + 1):
        if sign in fault.signs:
            return at <= limit, True, float(hours[at] - onset)
        if at > limit + 200:
            break
    return False, False, np.inf


def cry(kind: str, days: int, seed: int) -> tuple[float, list[str]]:
    """Source-days looked at, and the signs of the alarms on a source that has no fault."""
    world = World(kind=kind, chance=np.random.default_rng([seed, KINDS.index(kind)]), days=HISTORY_DAYS + days)
    history = read(world.runs())
    first = int(np.searchsorted(history.times, START.timestamp() + 14 * 86400))  # a source two weeks old is judged too
    alarms: dict[tuple[Sign, int], str] = {}
    before = None
    for at, sign in judgments(history, first):
        if sign is not None and sign != before:
            when = moment(history.times[at])
            alarms.setdefault((sign, when.toordinal()), f"{sign} at {when:%a %H:%M}, seed {seed}")
        before = sign
    return days + HISTORY_DAYS - 14, list(alarms.values())


def spread(pool: ProcessPoolExecutor, task: Callable[[int], Any], seeds: range) -> list[Any]:
    return list(pool.map(task, seeds, chunksize=2))


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=1, help="another world")
    words.add_argument("--sources", type=int, default=40, help="sources of each kind a fault")
    words.add_argument("--quiet-sources", type=int, default=40, help="sources of each kind without a fault")
    given = words.parse_args()
    seeds = range(1000 * given.seed, 1000 * given.seed + given.sources)
    quiet = range(1000 * given.seed + 500, 1000 * given.seed + 500 + given.quiet_sources)
    found = total = 0
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        print(f"| fault (seed {given.seed}) | {' | '.join(KINDS)} | median hours |\n|---|{'---|' * (len(KINDS) + 1)}")
        for fault in FAULTS:
            results = {kind: spread(pool, partial(find, fault, kind), seeds) for kind in KINDS}
            hours = [f"{np.median([hour for _, _, hour in results[kind]]):.1f}" for kind in KINDS]
            shares = [f"{np.mean([in_time for in_time, _, _ in results[kind]]):.2f}" for kind in KINDS]
            print(f"| {fault.name} | {' | '.join(shares)} | {', '.join(hours)} |", flush=True)
            found += sum(in_time for kind in KINDS for in_time, _, _ in results[kind])
            total += len(KINDS) * len(seeds)
        days, alarms = 0.0, list[str]()
        for kind in KINDS:
            for looked, cries in spread(pool, partial(cry, kind, 60), quiet):
                days += looked
                alarms += [f"{kind}: {one}" for one in cries]
    print(f"\nfound within three runs: {found} of {total} ({found / total:.3f})")
    print(f"false alarms: {len(alarms)} in {days:.0f} source-days ({1000 * len(alarms) / days:.2f} in 1 000)")
    for one in alarms[:20]:
        print(f"  {one}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
