"""What a source usually yields: a rate by hour and weekday, and how much its runs scatter.

The yield of a run is spread over the time since the run before it, so any cadence gives the same picture. Hours and
days are UTC: a newsroom's night is in its profile wherever it is.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipelines.health.history import Numbers

_HOUR = 3600.0
# What a weekday is worth before it was seen: some newsrooms rest at weekends, and a first weekend must be no alarm.
_DAY_BEFORE = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
# Hours of breaking news count as so many times what is usual, or a big day would raise its weekday for weeks.
_BURST_TIMES = 3.0
# A slow day, as a holiday: a bit over a quarter of the usual; one in 75, and one in three of the days after it.
_SLOW_SHARE = 0.28
_SLOW_DAY = math.log(75)
_NEXT_SLOW_DAY = math.log(3)
# The lower half of a skewed distribution is narrower than the whole.
_HALF = 0.6
_LEAST_STEADINESS, _MOST_STEADINESS = 0.3, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """`rates[weekday, hour]` pages an hour, Monday first; `steadiness`: the k of a run's negative binomial yield."""

    rates: Numbers
    steadiness: float
    days: float

    def expected(self, start: float, end: float) -> float:
        """Pages expected between two moments (seconds since 1970)."""
        if end <= start:
            return 0.0
        first, last = int(start // _HOUR), int(end // _HOUR)
        hours = np.arange(first, last + 1)
        shares = np.ones(len(hours))
        shares[0] -= start / _HOUR - first
        shares[-1] -= last + 1 - end / _HOUR
        return float((self.rates[_weekday(hours), hours % 24] * shares).sum())

    def surprise(self, seen: float, start: float, end: float, runs: int, level: float = 1.0) -> float:
        """-ln of the probability that so many runs between two moments bring no more, on ordinary days or slow ones.

        `level`: what share of the usual came shortly before.
        """
        expected = self.expected(start, end)
        size = self.steadiness * max(1, runs)
        likely = _few(seen, min(1.0, level) * expected, size)
        next_days = max(0.0, (end - start) / (24 * _HOUR) - 1)
        return min(likely, _few(seen, _SLOW_SHARE * expected, size) + _SLOW_DAY + next_days * _NEXT_SLOW_DAY)


def learn_usual(times: Numbers, yields: Numbers) -> Usual | None:
    """The profile of runs in the order of time; None with less than a day of them."""
    if len(times) < 2:
        return None
    first, last = math.ceil(times[0] / _HOUR), math.floor(times[-1] / _HOUR)
    if last - first < 24:
        return None
    hours = np.arange(first, last)
    # The first run's yield came before the history began.
    total = np.concatenate([[0.0], np.cumsum(yields[1:])])
    found = np.diff(np.interp(np.arange(first, last + 1) * _HOUR, times, total))
    if found.sum() == 0:
        return Usual(rates=np.zeros((7, 24)), steadiness=1.0, days=len(hours) / 24)
    rates = _fit(hours, found)
    usual_then = rates[_weekday(hours), hours % 24]
    rates = _fit(hours, np.minimum(found, _BURST_TIMES * usual_then + 3.0))
    return Usual(rates=rates, steadiness=_steadiness(times, yields, rates), days=len(hours) / 24)


def _fit(hours: "np.typing.NDArray[np.int64]", found: Numbers) -> Numbers:
    """Rates as a product of hour and weekday."""
    hour, day = hours % 24, _weekday(hours)
    mean = float(found.mean())
    # One day's worth of the mean is added to each hour, one day's worth of the prior to each weekday.
    by_hour = (np.bincount(hour, found, 24) + mean) / (np.bincount(hour, minlength=24) + 1) / mean
    flat = found.sum() / by_hour[hour].sum()
    by_day = (np.bincount(day, found, 7) + 24 * flat * _DAY_BEFORE) / (
        np.bincount(day, flat * by_hour[hour], 7) + 24 * flat
    )
    rates: Numbers = flat * np.outer(by_day, by_hour)
    return rates


def _steadiness(times: Numbers, yields: Numbers, rates: Numbers) -> float:
    """From how runs scatter below what was expected of them; those above it, as in bursts, say nothing of calm."""
    first = int(times[0] // _HOUR)
    hours = np.arange(first, int(times[-1] // _HOUR) + 2)
    until = np.concatenate([[0.0], np.cumsum(rates[_weekday(hours), hours % 24])])
    at = np.interp(times / _HOUR - first, np.arange(len(until)), until)
    expected, seen = np.diff(at), yields[1:]
    calm = (seen <= expected) & (expected > 0)
    squares = float((expected[calm] ** 2).sum())
    excess = float(((seen - expected)[calm] ** 2).sum()) - float(expected[calm].sum())
    if squares <= 0 or excess <= 0:
        return _MOST_STEADINESS
    return min(_MOST_STEADINESS, max(_LEAST_STEADINESS, _HALF * squares / excess))


def _few(seen: float, expected: float, size: float) -> float:
    """The large deviations of a negative binomial: mean `expected`, k `size`, no more than `seen`."""
    if seen >= expected:
        return 0.0
    part = seen * math.log(seen / expected) if seen else 0.0
    return part - (seen + size) * math.log((seen + size) / (expected + size))


def _weekday(hours: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.int64]":
    days: np.typing.NDArray[np.int64] = (hours // 24 + 3) % 7  # 1970-01-01 was a Thursday
    return days
