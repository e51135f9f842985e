"""A source's links an hour by hour of the week, from the counts of its history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from crawlers.revisit.history import WEEK_HOURS, SourceHistory

HOUR = timedelta(hours=1)
_PRIOR_LINKS, _PRIOR_HOURS = 0.3, 3.6
Floats = np.ndarray[Any, np.dtype[np.float64]]


def hourly_rates(history: SourceHistory) -> Floats:
    """Links an hour by hour of the week: a profile of the day, times how the hours around differ from other days.

    A week is short of data for 168 free numbers; time zones and weekends in them rule out 24 times 7.
    """
    links, hours = np.array(history.links), np.array(history.hours)
    mean = (links.sum() + _PRIOR_LINKS) / (hours.sum() + _PRIOR_HOURS)
    # Half a link at the mean rate beforehand, so that an hour without a link yet does not count as dead.
    day = (links.reshape(7, 24).sum(axis=0) + 0.5) / (hours.reshape(7, 24).sum(axis=0) + 0.5 / mean)
    usual = np.concatenate([day] * 7)
    around = (_around(links) + 1) / (_around(usual * hours) + 1)
    rates: Floats = np.maximum(usual * around, mean * 0.03)
    return rates


def _around(values: Floats) -> Floats:
    """For every hour of the week the sum over five hours before and after."""
    sums = np.cumsum(np.concatenate([[0.0], values[-5:], values, values[:5]]))
    windows: Floats = sums[11:] - sums[:-11]
    return windows


def week_hours(moments: Floats) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Hours of the week (Monday 0:00 UTC is 0) of POSIX times; the epoch was a Thursday."""
    return (moments.astype(np.int64) // 3600 + 72) % WEEK_HOURS


def hours_between(since: datetime, until: datetime) -> list[tuple[int, float]]:
    """The hours of the week from one moment to another, each with the part of it that is meant."""
    parts = []
    while since < until:
        end = min(until, since.replace(minute=0, second=0, microsecond=0) + HOUR)
        parts.append((week_hour(since), (end - since) / HOUR))
        since = end
    return parts


def week_hour(moment: datetime) -> int:
    moment = moment.astimezone(UTC)
    return moment.weekday() * 24 + moment.hour
