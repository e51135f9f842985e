"""What a source usually yields: a rate by hour and weekday, and how much it scatters.

The yield of a run is spread over the time since the run before it, so any cadence gives the same picture. Hours and
days are UTC: a newsroom's night is in its profile wherever it is.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipelines.health.history import Numbers

_HOUR = 3600.0
_WINDOW_HOURS = 6  # scatter is measured over windows of a working shift
# Of the windows that scatter most, the share that is left out: one big day must not hide a year of silences.
_TRIMMED = 0.02
# What a weekday is worth before it was seen: some newsrooms rest at weekends, and a first weekend must be no alarm.
_DAY_BEFORE = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """`rates[weekday, hour]` pages an hour, Monday first; how windows scatter about them in two readings.

    `scatter`: the variance over the mean (at least 1), as of pages that come in batches. `steadiness`: the k of a
    negative binomial, as of a rate that goes up and down.
    """

    rates: Numbers
    scatter: float
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

    def surprise_of_none(self, start: float, end: float) -> float:
        """-ln of the probability that no page comes between two moments, in the reading that fits it less badly."""
        expected = self.expected(start, end)
        steadiness = self.steadiness * min(1.0, (end - start) / (_WINDOW_HOURS * _HOUR))
        as_rate = steadiness * math.log1p(expected / steadiness) if steadiness > 0 else 0.0
        return max(expected / self.scatter, as_rate)


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
    mean = float(found.mean())
    if mean == 0:
        return Usual(rates=np.zeros((7, 24)), scatter=1.0, steadiness=1.0, days=len(hours) / 24)
    hour, day = hours % 24, _weekday(hours)
    # One day's worth of the mean is added to each hour, one day's worth of the prior to each weekday.
    by_hour = (np.bincount(hour, found, 24) + mean) / (np.bincount(hour, minlength=24) + 1) / mean
    flat = found.sum() / by_hour[hour].sum()
    by_day = (np.bincount(day, found, 7) + 24 * flat * _DAY_BEFORE) / (
        np.bincount(day, flat * by_hour[hour], 7) + 24 * flat
    )
    rates = flat * np.outer(by_day, by_hour)
    mean, variance = _scatter(found, rates[day, hour])
    return Usual(
        rates=rates,
        scatter=max(1.0, variance / mean),
        steadiness=min(mean * mean / max(variance - mean, 1e-9), 1e3),
        days=len(hours) / 24,
    )


def _weekday(hours: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.int64]":
    days: np.typing.NDArray[np.int64] = (hours // 24 + 3) % 7  # 1970-01-01 was a Thursday
    return days


def _scatter(found: Numbers, expected: Numbers) -> tuple[float, float]:
    """Mean of the windows, and variance about what was expected of them."""
    windows = len(found) // _WINDOW_HOURS
    kept = windows * _WINDOW_HOURS
    seen = found[:kept].reshape(windows, _WINDOW_HOURS).sum(axis=1)
    mean = expected[:kept].reshape(windows, _WINDOW_HOURS).sum(axis=1)
    squares = np.sort((seen - mean) ** 2)[: max(1, math.ceil(windows * (1 - _TRIMMED)))]
    return max(float(mean.mean()), 1e-9), float(squares.mean())
