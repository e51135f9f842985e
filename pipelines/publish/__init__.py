"""Captures -> articles, each exactly once: the driver of the way from WARC to tables.

    work list   captures and run reports without a receipt
    extract     page by page in worker processes under a time limit -> staged/<capture>.parquet
    learn       what a site repeats, from the drafts of its captures -> state/<source>/template.parquet
    publish     batch by batch: finish pages, check them, recognise what is known, join stories, one journal entry

A page that fails is a Dropped, counted in `runs`; where somebody may mend the cause it is held back in `quarantine`.

Every step may be killed, repeated, and run twice at once. What a batch makes of its pages depends only on the pages,
the templates and the tables at the journal's position, and is kept only if it is the next entry of the journal.
"""

from pipelines.publish.driver import publish_new_captures
from pipelines.publish.quarantine import HeldPage, ReplaySummary, list_held, replay, show_held
from pipelines.publish.summary import PublishProgress, PublishSummary, SourceCounts

__all__ = [
    "HeldPage",
    "PublishProgress",
    "PublishSummary",
    "ReplaySummary",
    "SourceCounts",
    "list_held",
    "publish_new_captures",
    "replay",
    "show_held",
]
