"""Whether a share of bad pages has risen: pooled over the last runs, against all runs before them."""

from dataclasses import dataclass

import numpy as np

from pipelines.health.finding import ALARM, FEWEST_RUNS, NOTICE, share_surprise
from pipelines.health.history import Flags, Numbers

BAD_SHARE = 1 / 3
_ALARM_SHARE = 0.45
_BEFORE = (1.0, 20.0)  # a share of which nothing is known counts as 1 of 20
_MOST_RUNS = 12
_FEW_PAGES = 5
_RUNS_SURPRISE = 8.5  # of so many bad runs among the last, where runs are bad now and then
_MOST_SCATTER = 3.0  # an earlier illness must not hide the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class BadShare:
    """`start`: number of the first of the runs in which `bad` of `total` pages are bad; `usually` in words."""

    is_alarm: bool
    start: int
    bad: int
    total: int
    usually: str


def bad_share(bad: Numbers, total: Numbers) -> BadShare | None:
    """The stretch of last runs that is least likely under the runs before it; None if none is worth a word."""
    counted = np.flatnonzero(total > 0)
    if not len(counted) or not _is_bad_now(bad[counted], total[counted]):
        return None
    is_bad = bad[counted] >= BAD_SHARE * total[counted]
    scatter = _scatter(bad[counted], total[counted])
    best: tuple[float, int, float, float, int] | None = None
    for runs in range(1, min(_MOST_RUNS, len(counted)) + 1):
        recent, earlier = counted[-runs:], counted[:-runs]
        seen, of = float(bad[recent].sum()), float(total[recent].sum())
        if not is_bad[-runs] or seen < BAD_SHARE * of:
            continue
        before = (float(bad[earlier].sum()) + _BEFORE[0]) / (float(total[earlier].sum()) + _BEFORE[1])
        surprise = share_surprise(seen / of, before, of) / scatter
        if best is None or surprise > best[0]:
            best = (surprise, runs, seen, of, int(is_bad[-runs:].sum()))
    if best is None or best[0] < NOTICE:
        return None
    surprise, runs, seen, of, bad_runs = best
    worst = counted[-runs:][int(np.argmax(bad[counted[-runs:]]))]
    # One bad run is a hiccup, and one among good ones is no more.
    is_steady = bad_runs >= FEWEST_RUNS and seen - bad[worst] >= BAD_SHARE * (of - total[worst])
    is_steady = is_steady and _is_rare(is_bad, total[counted] >= _FEW_PAGES, runs)
    earlier = counted[:-runs]
    before = (float(bad[earlier].sum()) + _BEFORE[0]) / (float(total[earlier].sum()) + _BEFORE[1])
    return BadShare(
        is_alarm=surprise >= ALARM and seen >= _ALARM_SHARE * of and (is_steady or not len(earlier)),
        start=int(counted[-runs]),
        bad=int(seen),
        total=int(of),
        usually=f"; usual is {before:.0%}" if len(earlier) else "",
    )


def _is_rare(is_bad: Flags, is_telling: Flags, runs: int) -> bool:
    """Whether so many bad runs are rare where runs are bad now and then; those of few pages tell nothing."""
    recent, earlier = is_bad[-runs:][is_telling[-runs:]], is_bad[:-runs][is_telling[:-runs]]
    if not len(recent):
        return True
    before = (float(earlier.sum()) + _BEFORE[0]) / (len(earlier) + _BEFORE[1])
    return share_surprise(float(recent.mean()), before, len(recent)) >= min(_RUNS_SURPRISE, 3.0 * len(recent))


def _scatter(bad: Numbers, total: Numbers) -> float:
    """How much more than chance the shares of runs scatter, from 1: bad pages may come in batches."""
    earlier = slice(0, max(0, len(bad) - _MOST_RUNS))
    k, n = bad[earlier], total[earlier]
    share = (k.sum() + _BEFORE[0]) / (n.sum() + _BEFORE[1])
    if len(k) < _MOST_RUNS:
        return 1.0
    return float(np.clip(((k - share * n) ** 2 / (n * share * (1 - share))).mean(), 1.0, _MOST_SCATTER))


def _is_bad_now(bad: Numbers, total: Numbers) -> bool:
    """Whether the last run is bad, or too small to tell and the one before it was."""
    is_bad = bad >= BAD_SHARE * total
    return bool(is_bad[-1] or (total[-1] < _FEW_PAGES and len(bad) > 1 and is_bad[-2]))
