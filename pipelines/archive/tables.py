"""One Delta table of the archive: made or opened, read through Arrow, changed by numbered commits.

Every commit of ours names the journal entry that it belongs to as a Delta transaction and is tried once on exactly the
version in which that transaction was still missing. So an entry is in a table once, whoever applies it how often.
"""

import logging
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import Field
from deltalake.schema import Schema as DeltaSchema

from pipelines.archive.schemas import SCHEMA_VERSION, TableSpec
from pipelines.errors import SchemaTooNewError, StorageError, StorageUnavailableError
from pipelines.store import Store

logger = logging.getLogger(__name__)

JOURNAL_TRANSACTION = "worldwire-journal"
CHANGES_TRANSACTION = "worldwire-journal-changes"
DELETED = "_deleted"
_VERSION_PROPERTY = "worldwire.schemaVersion"
_INDEXED_PROPERTY = "delta.dataSkippingStatsColumns"
_COMMIT_TRIES = 12
# A reader replays at most this many commits; each checkpoint lists all files of the table once more.
_CHECKPOINT_COMMITS = 20
_HISTORY = "interval 30 days"
_DEAD_HOURS = 1  # after which a file in no version belongs to a writer that is dead
_MAX_MESSAGE_CHARS = 300
_COLOURS = re.compile(r"\x1b\[\d*m|↳")  # which deltalake puts between an error and its cause
_WRITER = WriterProperties(compression="ZSTD")


def open_table(store: Store, spec: TableSpec) -> DeltaTable | None:
    """The table at its newest version; None if there is none. Raises SchemaTooNewError, StorageUnavailableError."""
    with _explained(store, spec):
        try:
            table = DeltaTable(store.table_uri(spec.name), storage_options=store.table_options())
        except TableNotFoundError:
            return None
        version = _schema_version(table)
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"The archive {store.uri} has schema version {version} and this worldwire knows {SCHEMA_VERSION};"
            " install a newer worldwire."
        )
    return table


def make_table(store: Store, spec: TableSpec) -> DeltaTable:
    """The table, made if it is missing and given the columns that it still lacks."""
    for attempt in range(_COMMIT_TRIES):
        table = open_table(store, spec)
        try:
            if table is None:
                with _explained(store, spec):
                    return _create(store, spec)
            if _schema_version(table) == SCHEMA_VERSION:
                return table
            with _explained(store, spec):
                _upgrade(table, spec)
        except _LostRaceError:
            _wait(attempt)
    raise StorageError(f"The table {spec.name} of {store.uri} could not be made: others kept writing it.")


def refresh(store: Store, spec: TableSpec, table: DeltaTable) -> None:
    """Brings an opened table to its newest version."""
    with _explained(store, spec):
        table.update_incremental()


def position(table: DeltaTable) -> int:
    """The number of the last journal entry in this table."""
    return table.transaction_version(JOURNAL_TRANSACTION) or 0


def has_column(table: DeltaTable, name: str) -> bool:
    """Whether the table as it was opened has the column."""
    return any(field.name == name for field in table.schema().fields)


def commit_entry(
    store: Store, spec: TableSpec, table: DeltaTable, number: int, added: pa.Table, changed: pa.Table
) -> None:
    """Puts the rows of journal entry `number` into the table unless they are there; `table` is then at that version.

    `changed` has the table's columns and `_deleted`: its rows replace or remove those with the same key and
    partition, and are inserted if there are none.
    """
    for attempt in range(_COMMIT_TRIES):
        try:
            with _explained(store, spec):
                _write_entry(table, spec, number, added, changed)
            return
        except _LostRaceError:
            _wait(attempt)
            refresh(store, spec, table)
    raise StorageError(f"The table {spec.name} of {store.uri} could not be written: others kept writing it.")


def _write_entry(table: DeltaTable, spec: TableSpec, number: int, added: pa.Table, changed: pa.Table) -> None:
    """At most two commits, changes first; the last of them carries JOURNAL_TRANSACTION."""
    if position(table) >= number:
        return
    if changed.num_rows and (table.transaction_version(CHANGES_TRANSACTION) or 0) < number:
        names = [CHANGES_TRANSACTION] if added.num_rows else [CHANGES_TRANSACTION, JOURNAL_TRANSACTION]
        _replace_rows(table, spec, changed, _properties(number, names))
        if not added.num_rows:
            return
    write_deltalake(
        table,
        added,
        mode="append",
        commit_properties=_properties(number, [JOURNAL_TRANSACTION]),
        writer_properties=_WRITER,
    )


def compact_partitions(store: Store, spec: TableSpec, table: DeltaTable, *, most_files: int, target_bytes: int) -> int:
    """Joins the small files of every partition that has more than `most_files` of them; gives how many files went.

    A partition that somebody else changes meanwhile is left for the next time.
    """
    removed = 0
    for partition in _crowded_partitions(table, spec, most_files, target_bytes):
        filters = None if spec.partition is None else [(spec.partition, "=", partition)]
        try:
            with _explained(store, spec):
                done = table.optimize.compact(
                    partition_filters=filters,
                    target_size=target_bytes,
                    writer_properties=_WRITER,
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
                removed += done["numFilesRemoved"]
        except _LostRaceError:
            logger.info("%s was not compacted: others are writing it", spec.name)
            refresh(store, spec, table)
    return removed


def vacuum(store: Store, spec: TableSpec, table: DeltaTable, *, forget_history: bool) -> int:
    """Deletes files that no kept version names, and what dead writers left; gives how many."""
    with _explained(store, spec):
        removed = len(table.vacuum(dry_run=False, full=True))
        if forget_history:
            # Not `full`: a file that is written right now is in no version yet and must stay.
            removed += len(table.vacuum(0, dry_run=False, enforce_retention_duration=False))
            removed += len(table.vacuum(_DEAD_HOURS, dry_run=False, enforce_retention_duration=False, full=True))
    return removed


def _crowded_partitions(table: DeltaTable, spec: TableSpec, most_files: int, target_bytes: int) -> list[str]:
    files = pa.table(table.get_add_actions(flatten=True))
    small = files.filter(pc.less(files["size_bytes"], target_bytes // 2))
    if spec.partition is None:
        return [""] if small.num_rows > most_files else []
    counts = Counter(str(day) for day in small[f"partition.{spec.partition}"].to_pylist())
    return sorted(day for day, count in counts.items() if count > most_files)


def count_rows(table: DeltaTable) -> int:
    """The rows of all files, as the log counts them."""
    counts: list[int | None] = pa.table(table.get_add_actions(flatten=True))["num_records"].to_pylist()
    return sum(count or 0 for count in counts)


def dataset(store: Store, spec: TableSpec, table: DeltaTable, days: tuple[date, date] | None = None) -> ds.Dataset:
    """The table's rows as an Arrow dataset of our schema; columns that an older table lacks are null.

    `days`: only partitions from the first to the last of them.
    """
    only: list[tuple[str, str, str]] | None = None
    if days is not None and spec.partition is not None:
        only = [(spec.partition, ">=", days[0].isoformat()), (spec.partition, "<=", days[1].isoformat())]
    with _explained(store, spec):
        return table.to_pyarrow_dataset(schema=spec.schema, file_pruning_predicate=only)


def read_rows_by(
    store: Store,
    spec: TableSpec,
    table: DeltaTable,
    column: str,
    values: Collection[str],
    columns: Sequence[str] | None = None,
    within: pc.Expression | None = None,
) -> pa.Table:
    """Rows whose `column` is one of `values` and that are `within` a condition (of partition and statistics).

    Two passes: the first reads only what the condition asks, the second all columns of the files where it found some.
    """
    names = list(columns or spec.schema.names)
    if not values:
        return spec.schema.empty_table().select(names)
    rows = dataset(store, spec, table)
    wanted = pc.field(column).isin(pa.array(sorted(values), pa.string()))
    if within is not None:
        wanted = within & wanted
    with _explained(store, spec):
        if len(names) > 2:
            rows = _files_with(rows, wanted)
        return rows.to_table(columns=names, filter=wanted)


def _files_with(rows: ds.Dataset, wanted: pc.Expression) -> ds.Dataset:
    """The part of the dataset whose files have a row that is wanted."""
    found = set(rows.to_table(columns=["__filename"], filter=wanted)["__filename"].to_pylist())
    fragments = [one for one in rows.get_fragments() if one.path in found]
    return ds.FileSystemDataset(fragments, rows.schema, rows.format, rows.filesystem)


class _LostRaceError(Exception):
    """Another writer committed first; read again."""


@contextmanager
def _explained(store: Store, spec: TableSpec) -> Iterator[None]:
    """Gives the errors of deltalake and Arrow as one sentence of ours."""
    try:
        yield
    except CommitFailedError as cause:
        raise _LostRaceError from cause
    except (DeltaError, OSError, pa.ArrowException) as cause:
        message = " ".join(_COLOURS.sub("", str(cause)).split())[:_MAX_MESSAGE_CHARS].rstrip(".")
        kind = StorageUnavailableError if isinstance(cause, OSError) else StorageError
        raise kind(f"The table {spec.name} of the archive {store.uri} cannot be used: {message}.") from cause


def _create(store: Store, spec: TableSpec) -> DeltaTable:
    configuration: dict[str, str | None] = {
        _VERSION_PROPERTY: str(SCHEMA_VERSION),
        "delta.checkpointInterval": str(_CHECKPOINT_COMMITS),
        "delta.logRetentionDuration": _HISTORY,
        "delta.deletedFileRetentionDuration": _HISTORY,
    }
    if spec.indexed:
        configuration[_INDEXED_PROPERTY] = ",".join(spec.indexed)
    try:
        return DeltaTable.create(
            store.table_uri(spec.name),
            spec.schema,
            mode="error",
            partition_by=[spec.partition] if spec.partition else None,
            name=spec.name,
            configuration=configuration,
            storage_options=store.table_options(),
            raise_if_key_not_exists=False,
        )
    except DeltaError as cause:
        if open_table(store, spec) is not None:
            raise _LostRaceError from cause
        raise


def _upgrade(table: DeltaTable, spec: TableSpec) -> None:
    present = {field.name for field in table.schema().fields}
    missing: list[Field] = [field for field in DeltaSchema.from_arrow(spec.schema).fields if field.name not in present]
    if missing:
        table.alter.add_columns(missing)
    properties = {_VERSION_PROPERTY: str(SCHEMA_VERSION)}
    if spec.indexed:
        properties[_INDEXED_PROPERTY] = ",".join(spec.indexed)
    table.alter.set_table_properties(properties, raise_if_not_exists=False)
    logger.info("gave table %s schema version %s", spec.name, SCHEMA_VERSION)


def _replace_rows(table: DeltaTable, spec: TableSpec, changed: pa.Table, properties: CommitProperties) -> None:
    """Removes the rows with the keys of `changed` and writes those of it that are not deleted, in one commit.

    Not a merge: files that deltalake 1.6 writes by merging have strings of a type on which pyarrow cannot filter.
    """
    kept = changed.filter(pc.invert(changed[DELETED])).select(spec.schema.names)
    write_deltalake(
        table,
        kept,
        mode="overwrite",
        predicate=_keys_predicate(spec, changed),
        commit_properties=properties,
        writer_properties=_WRITER,
    )


def _keys_predicate(spec: TableSpec, rows: pa.Table) -> str:
    """SQL that is true for rows with one of the keys. Literals of partitions keep other partitions from being read."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for key in rows.select(list(spec.key)).to_pylist():
        values = [_quoted(str(key[name])) for name in spec.key]
        groups[tuple(values[:-1])].append(values[-1])
    last = spec.key[-1]
    found = []
    for before_last, lasts in groups.items():
        equal = [f"{name} = {value}" for name, value in zip(spec.key, before_last, strict=False)]
        found.append(" AND ".join([*equal, f"{last} IN ({', '.join(sorted(set(lasts)))})"]))
    keys = " OR ".join(f"({one})" for one in found)
    if spec.partition is None:
        return keys
    days = sorted({str(day) for day in rows[spec.partition].to_pylist()})
    return f"{spec.partition} IN ({', '.join(f'DATE {_quoted(day)}' for day in days)}) AND ({keys})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _properties(number: int, applications: Sequence[str]) -> CommitProperties:
    return CommitProperties(
        custom_metadata={"worldwireJournal": number},
        max_commit_retries=0,
        app_transactions=[Transaction(application, number) for application in applications],
    )


def _schema_version(table: DeltaTable) -> int:
    value = table.metadata().configuration.get(_VERSION_PROPERTY, "")
    return int(value) if value.isdecimal() else SCHEMA_VERSION


def _wait(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 6)))
