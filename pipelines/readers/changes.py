"""What is new, changed or removed in a table since a version, for those who keep a copy of it.

A version is the number of a journal entry. Every row names the entry that last wrote it, so the feed depends on no
table's history: joining files replays nothing, and a version may be of any age. A row that changed several times comes
once, as it is now.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import JOURNAL, TABLES, Archive, TableSpec
from pipelines.errors import ConfigurationError, InputError
from pipelines.readers.rows import check_archive, in_order, readable, spec_of
from pipelines.store import Store

CHANGE = "change"
_REMOVALS = TABLES["removals"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """`batches` have the table's columns after `change`: first rows that were `removed` (their key, day and journal),
    then those that were `put`. Apply them in this order, and ask for what is after `version` next time.
    """

    version: int
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def read_changes(store: Store, table: str, *, since_version: int = 0) -> Changes:
    """What changed in a table after a version; after 0, all of its rows.

    A removed row may be one that the reader never had: it came and went since. Raises ConfigurationError if the table
    keeps no changes, InputError if the archive never was at that version, StorageUnavailableError, SchemaTooNewError.
    """
    spec = spec_of(table)
    if not spec.stamped:
        known = ", ".join(one.name for one in TABLES.values() if one.stamped)
        raise ConfigurationError(f"The table {table} keeps no changes; those that do are {known}.")
    check_archive(store)
    archive = Archive(store)
    # Asked first: entries up to this one are in all tables that are opened after.
    version = archive.position
    if not archive.keeps_changes:
        raise InputError(
            f"The archive {store.uri} was written by an older worldwire and keeps no changes yet; `worldwire compact`"
            " brings it up to date."
        )
    if not 0 <= since_version <= version:
        raise InputError(f"The archive {store.uri} is at version {version}; it never was at {since_version}.")
    schema = pa.schema([pa.field(CHANGE, pa.string()), *spec.schema])
    return Changes(version=version, schema=schema, batches=_changes(archive, spec, schema, since_version, version))


def _changes(archive: Archive, spec: TableSpec, schema: pa.Schema, since: int, until: int) -> Iterator[pa.RecordBatch]:
    between = (pc.field(JOURNAL) > since) & (pc.field(JOURNAL) <= until)
    removals, rows = archive.dataset(_REMOVALS.name), archive.dataset(spec.name)
    if since and removals is not None:
        wanted = between & (pc.field("table_name") == spec.name)
        with readable(archive.store, _REMOVALS.name):
            gone = removals.to_table(filter=wanted)
        yield from _removed(gone, spec, schema).to_batches()
    if rows is not None:
        # Rows that are older than this column have none, and Arrow finds no null in files without its statistics.
        for found in in_order(archive.store, spec, rows, between if since else None):
            batch = found if since else found.filter(pc.fill_null(pc.less_equal(found[JOURNAL], until), True))
            yield pa.record_batch([pa.repeat(pa.scalar("put"), batch.num_rows), *batch.columns], schema=schema)


def _removed(gone: pa.Table, spec: TableSpec, schema: pa.Schema) -> pa.Table:
    known = {
        CHANGE: pa.repeat(pa.scalar("removed"), gone.num_rows),
        spec.key[-1]: gone["row_id"],
        "first_seen_date": gone["first_seen_date"],
        JOURNAL: gone[JOURNAL],
    }
    nothing = {field.name: pa.nulls(gone.num_rows, field.type) for field in schema}
    return pa.table({name: known.get(name, nothing[name]) for name in schema.names}, schema=schema)
