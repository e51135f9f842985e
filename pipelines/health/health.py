"""Judges a source by its runs: pure, but for `source_health`, which reads them.

Two numbers decide. *Surprise* is how unlikely what was seen is under the source's own history, as -ln of a
probability. *Runs in a row* keeps a hiccup of one run from being an illness.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import Archive
from pipelines.health.history import COLUMNS, Flags, History, Numbers, moment, read_histories
from pipelines.health.model import Sign, SourceHealth
from pipelines.health.usual import Usual, learn_usual
from pipelines.health.words import counts_in_words, reason_in_words
from pipelines.store import Store

HISTORY = timedelta(days=35)  # five of each weekday
# e^-12 is 6 in a million: at 24 runs a day, far less than one false alarm in a thousand days of a source.
ALARM = 12.0
# Worth a word, not an alarm: 1 in 150.
NOTICE = 5.0
FAILED_RUNS = 3  # in a row; a site is down for an hour now and then
SHARE_RUNS = 2
BAD_SHARE = 1 / 3
SHARE_BEFORE = (1.0, 20.0)  # a share of which nothing is known counts as 1 of 20
LEARNING_DAYS = 3.0
FEW_SHARE = 0.25
FEW_HOURS = 24
CLUTTER_TIMES = 3.0
CLUTTER_RUNS = 3
CLUTTER_PAGES = 5
KNOWN_RUNS = 10
OVERDUE_GAPS = 6
OVERDUE = timedelta(hours=6)
_DAY = 86_400.0

Finding = tuple[Sign, bool, int, str]  # what, whether it is an alarm, the index of the first run that shows it, words


def source_health(store: Store, *, now: datetime) -> list[SourceHealth]:
    """The state of every source with a run in the archive within the history, in the order of their ids."""
    rows = Archive(store).dataset("runs")
    if rows is None:
        return []
    since = pa.scalar((now - HISTORY).date(), pa.date32())
    return judge_sources(rows.to_table(columns=list(COLUMNS), filter=pc.field("started_date") >= since), now=now)


def judge_sources(runs: pa.Table, *, now: datetime) -> list[SourceHealth]:
    """The state of every source, from rows of `runs` of any order.

    Rows later than `now` do not count, nor those without a crawl's report: backfills, and runs whose report is to come.
    """
    until = pc.field("started_at") <= pa.scalar(now, pa.timestamp("us", "UTC"))
    known = runs.filter(until & pc.field("reported"))
    return [_judge(history, now) for history in read_histories(known)]


def _judge(history: History, now: datetime) -> SourceHealth:
    answered = ~history.failed
    usual = learn_usual(history.times[answered], history.captured[answered])
    findings = [finding for rule in _RULES if (finding := rule(history, usual, now)) is not None]
    worst = next((finding for finding in findings if finding[1]), findings[0] if findings else None)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    today = history.times >= midnight
    last = history.row(len(history) - 1)
    usual_today = None if usual is None else usual.expected(midnight, now.timestamp())
    new_today = int(history.new[today].sum())
    reason = _in_words(new_today, usual_today)
    state: str = "well"
    if worst is not None:
        state, reason = ("off" if worst[0] is Sign.OVERDUE else "ill" if worst[1] else "quiet"), worst[3]
    return SourceHealth(
        source_id=history.source_id,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        sign=worst[0] if worst else None,
        since=moment(history.times[worst[2]]) if worst else None,
        last_run_at=moment(history.times[-1]),
        last_run_id=str(last["run_id"]),
        last_outcome=str(last["outcome"]),
        dag_run_id=last["dag_run_id"],
        runs_today=int(today.sum()),
        failed_today=int((today & history.failed).sum()),
        new_today=new_today,
        usual_today=usual_today,
    )


def _in_words(new: int, usual: float | None) -> str:
    if usual is None:
        return f"{new} new today; too new for a usual"
    return f"{new} new today, usually {usual:.0f} by now"


def _overdue(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    waited = now.timestamp() - history.times[-1]
    if len(history) < 3:
        limit, words = 7 * _DAY, ""
    else:
        gap = float(np.median(np.diff(history.times)))
        limit, words = max(OVERDUE_GAPS * gap, OVERDUE.total_seconds()), f"; it used to be every {_duration(gap)}"
    if waited <= limit:
        return None
    return Sign.OVERDUE, True, len(history) - 1, f"not crawled for {_duration(waited)}{words}"


def _failing(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    streak = _trailing(history.failed)
    if not streak:
        return None
    last = history.row(len(history) - 1)
    what = "was ended before it was done" if last["outcome"] == "killed" else "does not answer"
    cause = f": {reason_in_words(last['reason'])}" if last["reason"] else ""
    if streak == len(history):
        words = f"{what}{cause}; it never did" if what == "does not answer" else f"{what}{cause}"
    else:
        words = f"{what}{cause}" if streak == 1 else f"{what} in {streak} runs{cause}"
    return Sign.FAILING, streak >= FAILED_RUNS or streak == len(history), len(history) - streak, words


def _blocked(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    found = _bad_share(history.blocked, history.blocked + history.captured)
    if found is None:
        return None
    alarm, start, bad, of, usually = found
    counts = history.counted("refused", start)
    for name, count in history.counted("failed", start).items():
        counts[name] = counts.get(name, 0) + count
    words = f"refuses {bad} of {of} pages ({counts_in_words(counts)}){usually}"
    return Sign.BLOCKED, alarm, start, words


def _dropping(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    found = _bad_share(history.pages - history.extracted, history.pages)
    if found is None:
        return None
    alarm, start, bad, of, usually = found
    reasons = counts_in_words(history.counted("dropped", start)) or "no reason given"
    words = f"{bad} of {of} pages gave no article ({reasons}){usually}"
    return Sign.DROPPING, alarm, start, words


def _barren(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    answered = ~history.failed
    if history.failed[-1] or history.captured.sum() > 0 or history.unchanged.sum() > 0:
        return None
    runs = int(answered.sum())
    linked = history.discovered.sum() > 0
    words = "no article page could be fetched" if linked else "no link to an article was found"
    return Sign.BARREN, not linked or runs >= FAILED_RUNS, int(np.argmax(answered)), words


def _silent(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """No page in a time in which so many usually come that it can be no chance."""
    runs = np.flatnonzero(~history.failed)
    captured = history.captured[runs]
    yielding = np.flatnonzero(captured > 0)
    if not len(yielding) or yielding[-1] == len(runs) - 1:
        return None
    last_yield = runs[: yielding[-1] + 1]
    before = learn_usual(history.times[last_yield], history.captured[last_yield])
    if before is None or before.days < LEARNING_DAYS:
        return None
    start, end = history.times[last_yield[-1]], history.times[runs[-1]]
    expected = before.expected(start, end)
    surprise = before.surprise_of_none(start, end)
    if surprise < NOTICE:
        return None
    words = f"nothing new for {_duration(end - start)}, in which {expected:.0f} pages are usual"
    return Sign.SILENT, surprise >= ALARM, int(runs[yielding[-1] + 1]), words


def _few(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """A day with far less than usual: one of several feeds or sections has stopped."""
    runs = np.flatnonzero(~history.failed)
    end = history.times[runs[-1]] if len(runs) else 0.0
    earlier = runs[history.times[runs] <= end - FEW_HOURS * 3600]
    before = learn_usual(history.times[earlier], history.captured[earlier]) if len(earlier) else None
    if before is None or before.days < 2 * 7:
        return None
    start = history.times[earlier[-1]]
    seen = float(history.captured[runs[len(earlier) :]].sum())
    expected = before.expected(start, end)
    if seen == 0 or seen >= FEW_SHARE * expected:
        return None
    surprise = (seen * math.log(seen / expected) - seen + expected) / before.scatter
    if surprise < NOTICE:
        return None
    words = f"{seen:.0f} pages in {_duration(end - start)}, in which {expected:.0f} are usual"
    return Sign.FEW, surprise >= ALARM, int(runs[len(earlier)]), words


def _cluttered(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    runs = np.flatnonzero(history.extracted > 0)
    recent, earlier = runs[-CLUTTER_RUNS:], runs[:-CLUTTER_RUNS]
    if len(earlier) < KNOWN_RUNS or history.extracted[recent].sum() < CLUTTER_PAGES:
        return None
    rates = history.clutter[earlier] / history.extracted[earlier]
    middle = float(np.median(rates))
    scatter = 1.4826 * float(np.median(np.abs(rates - middle)))
    limit = max(CLUTTER_TIMES * max(middle, 1.0), middle + 6 * scatter)
    if (history.clutter[recent] / history.extracted[recent] < limit).any():
        return None
    seen = float(history.clutter[recent].sum() / history.extracted[recent].sum())
    words = f"{seen:.1f} clutter blocks a page; usual are {middle:.1f}"
    return Sign.CLUTTERED, True, int(recent[0]), words


_RULES: tuple[Callable[[History, Usual | None, datetime], Finding | None], ...] = (
    _overdue,
    _failing,
    _blocked,
    _barren,
    _dropping,
    _silent,
    _few,
    _cluttered,
)


def _bad_share(bad: Numbers, total: Numbers) -> tuple[bool, int, int, int, str] | None:
    """Whether the newest runs have a bad share that the runs before them make unlikely.

    Gives: alarm or notice, index of the first run of the streak, its bad and total counts, what is usual in words.
    """
    counted = np.flatnonzero(total > 0)
    streak = _trailing(bad[counted] >= BAD_SHARE * total[counted])
    if not streak:
        return None
    recent, earlier = counted[-streak:], counted[:-streak]
    k, n = float(bad[recent].sum()), float(total[recent].sum())
    before = (float(bad[earlier].sum()) + SHARE_BEFORE[0]) / (float(total[earlier].sum()) + SHARE_BEFORE[1])
    surprise = _chernoff(k / n, before) * n
    if surprise < NOTICE:
        return None
    alarm = surprise >= ALARM and (streak >= SHARE_RUNS or not len(earlier))
    usually = f"; usual is {before:.0%}" if len(earlier) else ""
    return alarm, int(recent[0]), int(k), int(n), usually


def _chernoff(share: float, before: float) -> float:
    """Kullback-Leibler divergence of two shares: n times it bounds -ln of the probability of so large a share."""
    if share <= before:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - before)) if share < 1 else 0.0
    return share * math.log(share / before) + rest


def _trailing(flags: Flags) -> int:
    """How many of the last flags in a row are true."""
    misses = np.flatnonzero(~flags)
    return int(len(flags) - (misses[-1] + 1 if len(misses) else 0))


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 3 * _DAY else f"{seconds / _DAY:.0f} days"
