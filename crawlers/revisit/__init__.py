"""When to ask a source's feeds, sitemaps and section pages again, learned from what they gave.

In: what the index documents of a run answered. Out: a new `SourceHistory` (a few kB, kept with the frontier), and from
it the plan of what the next runs ask. Pure: the moment is an argument, and the same history gives the same plan.

The rule: a link that stands on the site and is not fetched costs requests, `WAIT_COST` an hour, and `LATE_COST` once it
has waited for `AIM`. A document is asked at the last step before its unseen links are expected to cost more than asking
for it does. Expected are the source's links an hour, by hour of the week (UTC), times how lively the source is just
now, times the document's share: what no other document gives in the same run or earlier. Without lateness and under
constant rates this is the square-root rule of order quantities. Why so: docs/decisions/0002-revisit-schedule.md.
"""

from crawlers.revisit.history import DocumentHistory, SourceHistory, dump_history, load_history, merge_histories
from crawlers.revisit.learning import Answer, learn
from crawlers.revisit.planning import Bounds, Plan, plan_visits

__all__ = [
    "Answer",
    "Bounds",
    "DocumentHistory",
    "Plan",
    "SourceHistory",
    "dump_history",
    "learn",
    "load_history",
    "merge_histories",
    "plan_visits",
]
