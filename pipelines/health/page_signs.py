"""Rules on the pages: does extraction give articles, and are they as they used to be?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pipelines.health.finding import ALARM, DAY, FEWEST_RUNS, NOTICE, Finding, page_variance, shape_surprise
from pipelines.health.history import Flags, History, Numbers
from pipelines.health.model import Sign
from pipelines.health.shares import bad_share
from pipelines.health.usual import Usual
from pipelines.health.words import counts_in_words

KNOWN_RUNS = 10
KNOWN_PAGES = 40
LENGTH_TIMES = 2.0
CLUTTER_TIMES = 2.5
RECENT_PAGES = (16, 32)
STEADY_TIMES = 1.5
USUAL_LANGUAGE = 0.05
LATE = ("1440", "more")  # of the bounds in minutes: over four hours
VERY_LATE = ("more",)
USUALLY_LATE = 0.1


def dropping(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Captured pages give no article."""
    found = bad_share(history.pages - history.extracted, history.pages)
    if found is None:
        return None
    reasons = counts_in_words(history.counted("dropped", found.start)) or "no reason given"
    words = f"{found.bad} of {found.total} pages gave no article ({reasons}){found.usually}"
    return Finding(sign=Sign.DROPPING, is_alarm=found.is_alarm, start=found.start, words=words)


def cluttered(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Much more is taken out of each page than before, as after a redesign."""
    shifts = _shifts(history, history.clutter, history.extracted > 0)
    found = _plainest(one for one in shifts if one.is_rise(CLUTTER_TIMES) and one.seen >= CLUTTER_TIMES)
    if found is None:
        return None
    words = f"{found.seen:.1f} clutter blocks a page; usual are {found.usual:.1f}"
    return Finding(sign=Sign.CLUTTERED, is_alarm=found.surprise >= ALARM, start=found.start, words=words)


def length(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Texts much shorter or longer than they were."""
    shifts = _shifts(history, history.words, (history.extracted > 0) & (history.words > 0))
    found = _plainest(one for one in shifts if one.ratio <= 1 / LENGTH_TIMES or one.is_rise(LENGTH_TIMES))
    if found is None:
        return None
    words = f"{found.seen:.0f} words an article; usual are {found.usual:.0f}"
    return Finding(sign=Sign.LENGTH, is_alarm=found.surprise >= ALARM, start=found.start, words=words)


def language(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Articles in languages in which the source did not write."""
    total = history.languages.values.sum(axis=1)
    counted = np.flatnonzero(total > 0)
    if not len(counted):
        return None
    before = counted[:-FEWEST_RUNS][history.times[counted[:-FEWEST_RUNS]] < history.times[counted[-1]] - DAY / 2]
    if total[before].sum() < KNOWN_PAGES:
        return None
    shares = history.languages.values[before].sum(axis=0) / total[before].sum()
    known = {name for name, share in zip(history.languages.names, shares, strict=True) if share >= USUAL_LANGUAGE}
    foreign = [name for name in history.languages.names if name not in known and name != "unknown"]
    found = bad_share(history.languages.of(foreign), total)
    if found is None:
        return None
    most = next(name for name in history.counted("languages", found.start) if name in foreign)
    words = f"{found.bad} of {found.total} articles are in another language, most in {most}; usual is {_listed(known)}"
    return Finding(sign=Sign.LANGUAGE, is_alarm=found.is_alarm, start=found.start, words=words)


def late(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """New pages that were published long before they were fetched; the first day brings what the site kept."""
    is_known = history.times >= history.times[0] + DAY
    total = history.delays.values.sum(axis=1) * is_known
    is_usual = _usual_share(history.delays.of(LATE), total) > USUALLY_LATE
    bounds, hours = (VERY_LATE, 24) if is_usual else (LATE, 4)
    if total[:-FEWEST_RUNS].sum() < KNOWN_PAGES:
        return None
    found = bad_share(history.delays.of(bounds) * is_known, total)
    if found is None:
        return None
    words = f"{found.bad} of {found.total} new pages came more than {hours} h after their publication{found.usually}"
    return Finding(sign=Sign.LATE, is_alarm=found.is_alarm, start=found.start, words=words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """The mean a page over the last runs, beside the usual one; `steady`: their ratio without the highest run."""

    surprise: float
    seen: float
    usual: float
    steady: float
    start: int

    @property
    def ratio(self) -> float:
        return self.seen / self.usual

    def is_rise(self, times: float) -> bool:
        """One very long article, or one page of nothing but clutter, is none."""
        return self.ratio >= times and self.steady >= STEADY_TIMES


def _plainest(shifts: Iterable[_Shift]) -> _Shift | None:
    """The least likely one that is worth a word."""
    return max((one for one in shifts if one.surprise >= NOTICE), key=lambda one: one.surprise, default=None)


def _shifts(history: History, values: Numbers, known: Flags) -> Iterator[_Shift]:
    """Over a few last runs and over more; none with too short a history."""
    runs = np.flatnonzero(known)
    for enough in RECENT_PAGES:
        found = _shift(history, values, runs, enough)
        if found is not None:
            yield found


def _shift(history: History, values: Numbers, runs: "np.typing.NDArray[np.int64]", enough: int) -> _Shift | None:
    pages, sums = history.extracted[runs], values[runs]
    recent = max(FEWEST_RUNS, int(np.searchsorted(np.cumsum(pages[::-1]), enough)) + 1)
    known_pages, known_sums = pages[:-recent], sums[:-recent]
    if len(known_pages) < KNOWN_RUNS or known_pages.sum() < KNOWN_PAGES:
        return None
    usual = float(known_sums.sum() / known_pages.sum())
    new_pages, new_sums = pages[-recent:], sums[-recent:]
    if usual <= 0 or new_sums.sum() <= 0:
        return None
    ratio = float(new_sums.sum() / new_pages.sum()) / usual
    without = (new_sums.sum() - new_sums) / (new_pages.sum() - new_pages) / usual
    lowest = int(np.argmin(without))
    variance = page_variance(known_sums, known_pages, usual)
    # A rise must stand without its highest run: lengths have no upper bound, and one page can make a mean.
    judged, count = (
        (float(without[lowest]), new_pages.sum() - new_pages[lowest]) if ratio > 1 else (ratio, new_pages.sum())
    )
    return _Shift(
        surprise=shape_surprise(judged, float(count), variance),
        seen=ratio * usual,
        usual=usual,
        steady=float(without[lowest]),
        start=int(runs[-recent]),
    )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _usual_share(bad: Numbers, total: Numbers) -> float:
    """The share over the first nine tenths of the history."""
    end = len(total) * 9 // 10
    return float((bad * (total > 0))[:end].sum() / max(1.0, total[:end].sum()))
