"""Judges a source by its runs: pure, but for `source_health`, which reads them.

Two numbers decide. *Surprise* is how unlikely what was seen is under the source's own history, as -ln of a
probability. *Runs* keep a hiccup of one run from being an illness. What the rules find and miss is measured by
`benchmarks/alerts.py`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import Archive
from pipelines.health import crawl_signs, page_signs
from pipelines.health.finding import Finding
from pipelines.health.history import COLUMNS, History, moment, read_histories
from pipelines.health.model import Sign, SourceHealth
from pipelines.health.usual import Usual, learn_usual
from pipelines.store import Store

HISTORY = timedelta(days=35)  # five of each weekday

# In the order of their weight: of several alarms the first is told.
_RULES: tuple[Callable[[History, Usual | None, datetime], Finding | None], ...] = (
    crawl_signs.overdue,
    crawl_signs.failing,
    crawl_signs.blocked,
    crawl_signs.barren,
    page_signs.dropping,
    crawl_signs.silent,
    crawl_signs.few,
    page_signs.cluttered,
    page_signs.length,
    page_signs.language,
    page_signs.late,
)


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
    return [judge_history(history, now) for history in read_histories(known)]


def judge_history(history: History, now: datetime) -> SourceHealth:
    """The state of one source."""
    answered = history.asked & ~history.failed
    usual = learn_usual(history.times[answered], history.captured[answered])
    findings = [finding for rule in _RULES if (finding := rule(history, usual, now)) is not None]
    worst = next((finding for finding in findings if finding.is_alarm), findings[0] if findings else None)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    today = history.times >= midnight
    last = history.row(len(history) - 1)
    usual_today = None if usual is None else usual.expected(midnight, now.timestamp())
    new_today = int(history.new[today].sum())
    reason = _in_words(new_today, usual_today)
    state: str = "well"
    if worst is not None:
        state, reason = ("off" if worst.sign is Sign.OVERDUE else "ill" if worst.is_alarm else "quiet"), worst.words
    return SourceHealth(
        source_id=history.source_id,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        sign=worst.sign if worst else None,
        cause=worst.cause if worst else "",
        since=moment(history.times[worst.start]) if worst else None,
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
