"""Questions to the archive: rows by date and source, a story with all its appearances, where a row came from."""

from pipelines.readers.as_of import read_as_of
from pipelines.readers.changes import Changes, read_changes
from pipelines.readers.difference import Piece, word_difference
from pipelines.readers.export import EXPORT_FORMATS, STDOUT, ExportFormat, csv_cell, export_changes, export_rows
from pipelines.readers.origin import Origin, find_origin
from pipelines.readers.rows import RowRange, check_archive, check_source, read_rows
from pipelines.readers.stories import Story, StoryAppearance, appearance_text, find_story

__all__ = [
    "EXPORT_FORMATS",
    "STDOUT",
    "Changes",
    "ExportFormat",
    "Origin",
    "Piece",
    "RowRange",
    "Story",
    "StoryAppearance",
    "appearance_text",
    "check_archive",
    "check_source",
    "csv_cell",
    "export_changes",
    "export_rows",
    "find_origin",
    "find_story",
    "read_as_of",
    "read_changes",
    "read_rows",
    "word_difference",
]
