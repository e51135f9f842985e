"""Questions to the archive: rows by date and source, a story with all its appearances, where a row came from."""

from pipelines.readers.origin import Origin, find_origin
from pipelines.readers.rows import (
    EXPORT_FORMATS,
    STDOUT,
    ExportFormat,
    RowRange,
    check_archive,
    csv_cell,
    export_rows,
    read_rows,
)
from pipelines.readers.stories import Story, StoryAppearance, appearance_text, find_story

__all__ = [
    "EXPORT_FORMATS",
    "STDOUT",
    "ExportFormat",
    "Origin",
    "RowRange",
    "Story",
    "StoryAppearance",
    "appearance_text",
    "check_archive",
    "csv_cell",
    "export_rows",
    "find_origin",
    "find_story",
    "read_rows",
]
