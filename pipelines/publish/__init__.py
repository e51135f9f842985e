"""Captures -> articles, each exactly once: the driver of the way from WARC to tables.

    work list   captures and run reports without a receipt
    extract     page by page in worker processes under a time limit -> staged/<capture>.parquet
    learn       what a site repeats, from the drafts of its captures -> state/<source>/template.parquet
    publish     batch by batch: finish pages, recognise what is known, join stories, one journal entry

Every step may be killed, repeated, and run twice at once. What a batch makes of its pages depends only on the pages,
the templates and the tables at the journal's position, and is kept only if it is the next entry of the journal.
"""

from pipelines.publish.driver import publish_new_captures
from pipelines.publish.summary import PublishProgress, PublishSummary, SourceCounts

__all__ = ["PublishProgress", "PublishSummary", "SourceCounts", "publish_new_captures"]
