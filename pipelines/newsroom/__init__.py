"""What the dashboard shows, as plain values: every source, one source, an article's page, the archive's tables.

Read only. Days are those of the archive (UTC); the last day of every series is the day of `now`.
"""

from pipelines.newsroom.article import ArticlePage, find_article
from pipelines.newsroom.source import SourceView, view_source
from pipelines.newsroom.sources import SourceFigures, list_sources
from pipelines.newsroom.tables import TableFigures, list_tables

__all__ = [
    "ArticlePage",
    "SourceFigures",
    "SourceView",
    "TableFigures",
    "find_article",
    "list_sources",
    "list_tables",
    "view_source",
]
