"""What the dashboard shows, as plain values: every source, one source, a captured page, the archive's tables.

Read only. Days are those of the archive (UTC); the last day of every series is the day of `now`. `list_dropped`,
`view_template`, `judge_page` and `compare_copy` make pages anew from their captures, in processes that can be killed.
"""

from pipelines.newsroom.apart import list_sources_apart
from pipelines.newsroom.article import ArticlePage, CapturedBody, find_article, read_body
from pipelines.newsroom.dropped import DroppedPage, DroppedPages, list_dropped
from pipelines.newsroom.learned import LearnedLine, LearnedTemplate, view_template
from pipelines.newsroom.looking import BusyError
from pipelines.newsroom.page import PageView, Verdict, judge_page, view_page
from pipelines.newsroom.source import Day, SourceView, view_source
from pipelines.newsroom.sources import SourceFigures, list_sources
from pipelines.newsroom.story import compare_copy
from pipelines.newsroom.tables import ArchiveFigures, TableFigures, view_archive

__all__ = [
    "ArchiveFigures",
    "ArticlePage",
    "BusyError",
    "CapturedBody",
    "Day",
    "DroppedPage",
    "DroppedPages",
    "LearnedLine",
    "LearnedTemplate",
    "PageView",
    "SourceFigures",
    "SourceView",
    "TableFigures",
    "Verdict",
    "compare_copy",
    "find_article",
    "judge_page",
    "list_dropped",
    "list_sources",
    "list_sources_apart",
    "read_body",
    "view_archive",
    "view_page",
    "view_source",
    "view_template",
]
