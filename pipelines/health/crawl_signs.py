"""Rules on the crawl: does the site answer, let us in, and bring what it usually brings?"""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from pipelines.health.finding import ALARM, DAY, NOTICE, Finding, duration, trailing
from pipelines.health.history import History, Numbers
from pipelines.health.model import Sign
from pipelines.health.shares import bad_share
from pipelines.health.usual import Usual, learn_usual
from pipelines.health.words import cause_of, counts_in_words, is_no_answer, reason_in_words

Runs = npt.NDArray[np.int64]

FAILED_RUNS = 3  # in a row; a site is down for an hour now and then
LEARNING_DAYS = 3.0
LEVEL_HOURS = 12
LEVEL_PAGES = 5.0
# A day of few pages is looked at over many hours: fewer looks are independent of each other.
FEW_ALARM = 11.0
FEW_SHARE = 0.25
FEW_EXPECTED = (150.0, 400.0)
FEW_DAYS = 14.0
FEW_RUNS = 3
OVERDUE_GAPS = 6
OVERDUE = timedelta(hours=6)


def overdue(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Not crawled at all."""
    waited = now.timestamp() - history.times[-1]
    if len(history) < 3:
        limit, words = 7 * DAY, ""
    else:
        gap = float(np.median(np.diff(history.times)))
        limit, words = max(OVERDUE_GAPS * gap, OVERDUE.total_seconds()), f"; it used to be every {duration(gap)}"
    if waited <= limit:
        return None
    words = f"not crawled for {duration(waited)}{words}"
    return Finding(sign=Sign.OVERDUE, is_alarm=True, start=len(history) - 1, words=words)


def failing(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Nothing could be fetched."""
    streak = trailing(history.failed)
    if not streak:
        return None
    tries = int(history.asked[-streak:].sum())  # in between, a source that failed is left in peace
    asked = np.flatnonzero(history.asked[-streak:])
    last = history.row(len(history) - streak + int(asked[-1]) if len(asked) else len(history) - 1)
    never = streak == len(history)
    was_killed = last["outcome"] == "killed"
    return Finding(
        sign=Sign.FAILING,
        is_alarm=tries >= FAILED_RUNS or never,
        start=len(history) - streak,
        words=_failing_in_words(str(last["reason"] or ""), 0 if never else tries, was_killed=was_killed),
        cause="" if was_killed else cause_of(str(last["reason"] or "")),
    )


def _failing_in_words(reason: str, tries: int, *, was_killed: bool) -> str:
    """`tries`: how many runs in a row; 0 if it was never otherwise."""
    if was_killed:
        what, never = "was ended before it was done", ""
    elif is_no_answer(reason):
        what, never = "does not answer", "; it never did"
    else:
        what, never = "gives nothing", "; it never did"
    times = f" in {tries} runs" if tries > 1 else ""
    cause = f": {reason_in_words(reason)}" if reason else ""
    return f"{what}{times}{cause}{'' if tries else never}"


def blocked(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Pages are refused, by robots.txt or by the server."""
    found = bad_share(history.blocked, history.blocked + history.captured)
    if found is None:
        return None
    counts = history.counted("refused", found.start)
    for name, count in history.counted("failed", found.start).items():
        counts[name] = counts.get(name, 0) + count
    words = f"refuses {found.bad} of {found.total} pages ({counts_in_words(counts)}){found.usually}"
    return Finding(sign=Sign.BLOCKED, is_alarm=found.is_alarm, start=found.start, words=words)


def barren(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """It answers and never gave a page."""
    answered = history.asked & ~history.failed
    if history.failed[-1] or history.captured.sum() > 0 or history.unchanged.sum() > 0 or not answered.any():
        return None
    linked = history.discovered.sum() > 0
    words = "no article page could be fetched" if linked else "no link to an article was found"
    is_alarm = not linked or int(answered.sum()) >= FAILED_RUNS
    return Finding(sign=Sign.BARREN, is_alarm=is_alarm, start=int(np.argmax(answered)), words=words)


def silent(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """No page in a time in which so many usually come that it can be no chance."""
    runs = np.flatnonzero(history.asked & ~history.failed)
    captured = history.captured[runs]
    yielding = np.flatnonzero(captured > 0)
    if not len(yielding) or yielding[-1] == len(runs) - 1:
        return None
    last_yield = runs[: yielding[-1] + 1]
    before = learn_usual(history.times[last_yield], history.captured[last_yield])
    if before is None or before.days < LEARNING_DAYS:
        return None
    start, end = float(history.times[last_yield[-1]]), float(history.times[runs[-1]])
    expected = before.expected(start, end)
    level = _level(history, before, last_yield)
    surprise = before.surprise(0.0, start, end, len(runs) - 1 - int(yielding[-1]), level)
    if surprise < NOTICE:
        return None
    words = f"nothing new for {duration(end - start)}, in which {expected:.0f} pages are usual"
    return Finding(sign=Sign.SILENT, is_alarm=surprise >= ALARM, start=int(runs[yielding[-1] + 1]), words=words)


def _level(history: History, usual: Usual, runs: Runs) -> float:
    """What share of the usual came in the half day before the last of the runs; a slow day is felt in it."""
    end = float(history.times[runs[-1]])
    near = runs[history.times[runs] > end - LEVEL_HOURS * 3600]
    start = float(history.times[runs[-len(near) - 1]]) if len(near) < len(runs) else float(history.times[near[0]])
    return (float(history.captured[near].sum()) + LEVEL_PAGES) / (usual.expected(start, end) + LEVEL_PAGES)


def few(history: History, usual: Usual | None, now: datetime) -> Finding | None:
    """Far less than usual: one of several feeds or sections has stopped."""
    runs = np.flatnonzero(history.asked & ~history.failed)
    if len(runs) <= FEW_RUNS or usual is None or usual.days < 2 * 7:
        return None
    found = [finding for pages in FEW_EXPECTED if (finding := _few_of(history, usual, runs, pages)) is not None]
    return next((finding for finding in found if finding.is_alarm), found[0] if found else None)


def _few_of(history: History, usual: Usual, runs: Runs, pages: float) -> Finding | None:
    """As `few`, over as many of the last runs as usually bring so many pages."""
    recent = _enough_runs(history.times[runs], usual, pages)
    start, end = float(history.times[runs[-recent - 1]]), float(history.times[runs[-1]])
    seen = float(history.captured[runs[-recent:]].sum())
    if seen == 0 or seen >= 2 * FEW_SHARE * usual.expected(start, end):
        return None
    earlier = runs[:-recent]
    before = learn_usual(history.times[earlier], history.captured[earlier])  # without what is judged
    if before is None or seen >= FEW_SHARE * (expected := before.expected(start, end)):
        return None
    surprise = before.surprise(seen, start, end, recent)
    if surprise < NOTICE:
        return None
    words = f"{seen:.0f} pages in {duration(end - start)}, in which {expected:.0f} are usual"
    return Finding(sign=Sign.FEW, is_alarm=surprise >= FEW_ALARM, start=int(runs[-recent]), words=words)


def _enough_runs(times: Numbers, usual: Usual, pages: float) -> int:
    """How many of the last runs usually bring so many pages, within two weeks."""
    most = min(int((times > times[-1] - FEW_DAYS * DAY).sum()), len(times) - 1)
    low, high = FEW_RUNS, max(FEW_RUNS, most)
    while low < high:
        middle = (low + high) // 2
        if usual.expected(float(times[-middle - 1]), float(times[-1])) >= pages:
            high = middle
        else:
            low = middle + 1
    return low
