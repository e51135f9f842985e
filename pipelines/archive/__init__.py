"""The Delta tables of the archive and the journal that orders all changes to them.

    tables/articles/       one row per story in effect: its canonical appearance, clean text, provenance
    tables/revisions/      texts that an article no longer has
    tables/appearances/    one row per page: where, when, what kind of copy of its story's article
    tables/runs/           one row per source and run: the crawl's report and what publishing made of its captures
    tables/signatures/     one sketch per appearance, for the duplicate join
    tables/story_aliases/  story ids found to be the same story
    tables/removals/       what was taken out of articles and appearances, for those who keep copies
    tables/quarantine/     one row per page that was held back and may yet be published
    tables/receipts/       one row per published capture or report
    journal/<n>.json       what was published n-th
    staged/journal/        rows of entries that are not in all tables yet

Delta commits one table at a time. A change of several tables is therefore one journal entry, put under a condition,
and then applied to each table exactly once by whoever comes first: docs/decisions/0001-publish-journal.md. A reader
sees the tables of one entry change one after the other; each commit's metadata names its entry (`worldwireJournal`).
"""

from pipelines.archive.archive import STAGED_ROWS, Archive, Row, TableRows
from pipelines.archive.journal import JournalEntry, RowFiles, entry_key, read_entry
from pipelines.archive.schemas import JOURNAL, SCHEMA_VERSION, TABLES, TableSpec
from pipelines.ids import appearance_id_of, article_id_of, page_id_of

__all__ = [
    "JOURNAL",
    "SCHEMA_VERSION",
    "STAGED_ROWS",
    "TABLES",
    "Archive",
    "JournalEntry",
    "Row",
    "RowFiles",
    "TableRows",
    "TableSpec",
    "appearance_id_of",
    "article_id_of",
    "entry_key",
    "page_id_of",
    "read_entry",
]
