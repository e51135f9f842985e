"""Columns, keys and partitions of the archive's tables; one version number for all of them.

Only types that every reader of Delta knows: strings, bytes, numbers, booleans, dates, UTC microseconds, lists, maps.
All tables with a `first_seen_date` are partitioned by it and never move a row: publication dates lie, and a late
correction must not copy a day's rows. A column may be added under a higher version; none is renamed or removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipelines.signatures import SIGNATURE_SCHEMA

SCHEMA_VERSION = 3

_TIME = pa.timestamp("us", tz="UTC")
_WORDS = pa.list_(pa.string())
_COUNTS = pa.map_(pa.string(), pa.int64())
# The journal entry that last wrote a row; null in rows of schema versions 1 and 2.
JOURNAL = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table: `key` finds a row (within its partition), `indexed` are the columns worth min-max statistics.

    `stamped`: every row that an entry writes gets the entry's number as `journal`.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    partition: str | None
    indexed: tuple[str, ...] = ()
    stamped: bool = False


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


ARTICLES = TableSpec(
    name="articles",
    key=("article_id",),
    partition="first_seen_date",
    indexed=("article_id", "story_id", "source_id", "published_at", "first_seen_at", JOURNAL),
    stamped=True,
    schema=_schema(
        article_id=pa.string(),
        story_id=pa.string(),
        url=pa.string(),
        canonical_url=pa.string(),
        source_id=pa.string(),
        title=pa.string(),
        authors=_WORDS,
        published_at=_TIME,
        published_precision=pa.string(),
        published_found_in=pa.string(),
        modified_at=_TIME,
        first_seen_at=_TIME,
        fetched_at=_TIME,
        language=pa.string(),
        section=pa.string(),
        tags=_WORDS,
        lead_image_url=pa.string(),
        text=pa.string(),
        word_count=pa.int64(),
        paywalled=pa.bool_(),
        credited_agency=pa.string(),
        revision=pa.int64(),
        content_sha256=pa.string(),
        opt_out=_WORDS,
        removed=_COUNTS,
        capture_key=pa.string(),
        capture_offset=pa.int64(),
        payload_sha256=pa.string(),
        extractor=pa.string(),
        run_id=pa.string(),
        schema_version=pa.int64(),
        journal=pa.int64(),
        first_seen_date=pa.date32(),
    ),
)

# Texts that an article no longer has. `journal` is the entry that wrote the text into `articles`.
REVISIONS = TableSpec(
    name="revisions",
    key=("article_id", "page_id"),
    partition="first_seen_date",
    indexed=("article_id", "page_id", "source_id", "fetched_at"),
    schema=pa.schema([pa.field("page_id", pa.string()), pa.field("superseded_at", _TIME), *ARTICLES.schema]),
)

APPEARANCES = TableSpec(
    name="appearances",
    key=("appearance_id",),
    partition="first_seen_date",
    indexed=("appearance_id", "story_id", "article_id", "source_id", "published_at", "first_seen_at", JOURNAL),
    stamped=True,
    schema=_schema(
        appearance_id=pa.string(),
        story_id=pa.string(),
        article_id=pa.string(),
        url=pa.string(),
        canonical_url=pa.string(),
        source_id=pa.string(),
        agency=pa.bool_(),
        title=pa.string(),
        published_at=_TIME,
        first_seen_at=_TIME,
        fetched_at=_TIME,
        kind=pa.string(),
        similarity=pa.float64(),
        credited_agency=pa.string(),
        revision=pa.int64(),
        content_sha256=pa.string(),
        capture_key=pa.string(),
        capture_offset=pa.int64(),
        payload_sha256=pa.string(),
        run_id=pa.string(),
        schema_version=pa.int64(),
        journal=pa.int64(),
        first_seen_date=pa.date32(),
    ),
)

RUNS = TableSpec(
    name="runs",
    key=("source_id", "run_id"),
    partition="started_date",
    indexed=("run_id", "source_id", "started_at", JOURNAL),
    stamped=True,
    schema=_schema(
        run_id=pa.string(),
        source_id=pa.string(),
        started_at=_TIME,
        ended_at=_TIME,
        outcome=pa.string(),
        reason=pa.string(),
        discovered=pa.int64(),
        asked=pa.int64(),
        captured=pa.int64(),
        unchanged=pa.int64(),
        refused=_COUNTS,
        failed=_COUNTS,
        bytes_received=pa.int64(),
        captures=_WORDS,
        dag_run_id=pa.string(),
        reported=pa.bool_(),
        pages=pa.int64(),
        extracted=pa.int64(),
        new_articles=pa.int64(),
        new_appearances=pa.int64(),
        revised=pa.int64(),
        dropped=_COUNTS,
        clutter_removed=_COUNTS,
        quarantined=pa.int64(),
        words=pa.int64(),
        languages=_COUNTS,
        delays=_COUNTS,
        published_captures=pa.int64(),
        last_published_at=_TIME,
        schema_version=pa.int64(),
        journal=pa.int64(),
        started_date=pa.date32(),
    ),
)

SIGNATURES = TableSpec(
    name="signatures",
    key=("appearance_id",),
    partition="first_seen_date",
    indexed=("appearance_id", "story_id"),
    schema=pa.schema([*SIGNATURE_SCHEMA, pa.field("story_id", pa.string()), pa.field("first_seen_date", pa.date32())]),
)

STORY_ALIASES = TableSpec(
    name="story_aliases",
    key=("story_id",),
    partition=None,
    schema=_schema(story_id=pa.string(), same_as_story_id=pa.string(), found_at=_TIME, journal=pa.int64()),
    stamped=True,
)

# What downstream must delete: rows that an entry took out of a stamped table.
REMOVALS = TableSpec(
    name="removals",
    key=("table_name", "row_id", JOURNAL),
    partition="removed_date",
    indexed=("table_name", JOURNAL),
    schema=_schema(
        table_name=pa.string(),
        row_id=pa.string(),
        first_seen_date=pa.date32(),
        why=pa.string(),
        removed_at=_TIME,
        journal=pa.int64(),
        removed_date=pa.date32(),
    ),
    stamped=True,
)

# A row goes when its page is published after all.
QUARANTINE = TableSpec(
    name="quarantine",
    key=("page_id",),
    partition="capture_date",
    indexed=("page_id", "source_id", "reason"),
    schema=_schema(
        page_id=pa.string(),
        source_id=pa.string(),
        run_id=pa.string(),
        url=pa.string(),
        stage=pa.string(),
        reason=pa.string(),
        detail=pa.string(),
        quarantined_at=_TIME,
        capture_key=pa.string(),
        capture_offset=pa.int64(),
        payload_sha256=pa.string(),
        extractor=pa.string(),
        schema_version=pa.int64(),
        capture_date=pa.date32(),
    ),
)

# `capture_key`: a capture or a run's report. Of a capture that is not `complete`, the first `pages` are published.
RECEIPTS = TableSpec(
    name="receipts",
    key=("capture_key",),
    partition="capture_date",
    indexed=("capture_key", "source_id", "journal"),
    schema=_schema(
        capture_key=pa.string(),
        source_id=pa.string(),
        journal=pa.int64(),
        complete=pa.bool_(),
        pages=pa.int64(),
        articles=pa.int64(),
        dropped=pa.int64(),
        published_at=_TIME,
        capture_date=pa.date32(),
    ),
)

# In the order in which an entry of the journal is applied. Receipts are last, so their position is the archive's;
# revisions are first: who reads articles and then revisions misses no text between.
TABLES: Mapping[str, TableSpec] = {
    spec.name: spec
    for spec in (REVISIONS, ARTICLES, APPEARANCES, SIGNATURES, STORY_ALIASES, REMOVALS, QUARANTINE, RUNS, RECEIPTS)
}
