"""The archive as a whole: opened, read, and changed by journal entries."""

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipelines.archive import tables
from pipelines.archive.journal import JournalEntry, RowFiles, entry_key, put_entry, read_entry
from pipelines.archive.schemas import JOURNAL, RECEIPTS, REMOVALS, TABLES, TableSpec
from pipelines.errors import ConfigurationError, ObjectChangedError, ObjectNotFoundError, StorageError
from pipelines.store import Store

Row = dict[str, object]

STAGED_ROWS = "staged/journal/"
# A changed row copies its file, so files of days that still change stay small.
TARGET_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """What an entry does to one table: rows that are new, rows that replace others, rows (keys) that go."""

    added: Sequence[Mapping[str, object]] = ()
    changed: Sequence[Mapping[str, object]] = ()
    deleted: Sequence[Mapping[str, object]] = ()


class Archive:
    """The tables of one store. Reading needs no more than this; `open_for_publishing` comes before any change.

    What is read is what the tables held when first asked for, until `refresh` or a change.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._opened: dict[str, DeltaTable | None] = {}

    def open_for_publishing(self) -> int:
        """Makes missing tables, applies what the journal holds beyond them; gives the number of its last entry.

        Raises StorageUnavailableError if the archive cannot be reached or written, SchemaTooNewError.
        """
        read_entry(self.store, 1)  # an archive that cannot be reached is named here, by the store
        self.store.check_writing()
        for spec in TABLES.values():
            self._opened[spec.name] = tables.make_table(self.store, spec)
        return self.replay()

    def replay(self) -> int:
        """Applies all journal entries not yet in the tables; gives the number of the last one.

        Entries are asked for one by one by their number, since a listing may be stale.
        """
        self.refresh()
        number = self.position
        while (entry := read_entry(self.store, number + 1)) is not None:
            self._apply(entry)
            number += 1
        return number

    def commit(
        self,
        rows: Mapping[str, TableRows],
        *,
        after: int,
        captures: Sequence[str],
        kind: str,
        now: datetime,
        dag_run_id: str | None = None,
    ) -> None:
        """Writes the rows as journal entry `after` + 1 and applies it.

        Raises ObjectChangedError if another entry took that number: what the rows were made from is out of date, and
        nothing of them is kept.
        """
        writer = uuid4().hex
        rows = {**rows, REMOVALS.name: TableRows(added=_removals(rows, why=kind, now=now))}
        staged: dict[str, pa.Table] = {}
        files = {name: self._stage(writer, TABLES[name], table_rows, staged) for name, table_rows in rows.items()}
        entry = JournalEntry(
            number=after + 1,
            writer=writer,
            kind=kind,
            written_at=now,
            captures=tuple(captures),
            rows={name: found for name, found in files.items() if found != RowFiles()},
            dag_run_id=dag_run_id,
        )
        try:
            put_entry(self.store, entry)
        except ObjectChangedError:
            self._delete_rows(entry)
            raise
        self._apply(entry, staged)

    @property
    def keeps_changes(self) -> bool:
        """Whether rows say which entry wrote them: since schema version 3. An archive without tables will."""
        opened = [self._table(spec.name) for spec in TABLES.values() if spec.stamped]
        return all(table is not None and tables.has_column(table, JOURNAL) for table in opened) or not any(opened)

    @property
    def position(self) -> int:
        """The number of the last journal entry that is in all tables."""
        table = self._table(RECEIPTS.name)
        return 0 if table is None else tables.position(table)

    def refresh(self) -> None:
        """Brings the tables read so far to their newest version."""
        present = {name: table for name, table in self._opened.items() if table is not None}
        for name, table in present.items():
            tables.refresh(self.store, TABLES[name], table)
        self._opened = {**present}

    def dataset(self, name: str, days: tuple[date, date] | None = None) -> ds.Dataset | None:
        """The rows of a table as an Arrow dataset, perhaps only those under the days from … to; None without table."""
        table = self._table(name)
        return None if table is None else tables.dataset(self.store, TABLES[name], table, days)

    def count_rows(self, name: str) -> int:
        """How many rows a table has, by its log alone; 0 without table."""
        table = self._table(name)
        return 0 if table is None else tables.count_rows(table)

    def rows_by(
        self,
        name: str,
        column: str,
        values: Collection[str],
        columns: Sequence[str] | None = None,
        within: pc.Expression | None = None,
    ) -> list[Row]:
        """Rows of a table whose `column` is one of `values`, as dicts; maps are dicts too."""
        table = self._table(name)
        if table is None or not values:
            return []
        found = tables.read_rows_by(self.store, TABLES[name], table, column, values, columns, within)
        rows: list[Row] = found.to_pylist(maps_as_pydicts="strict")
        return rows

    def known_appearances(self, by_source: Mapping[str, Collection[str]]) -> list[Row]:
        """Rows of `appearances` with these ids, given by source: files without any of the sources are not read."""
        ids = {one for found in by_source.values() for one in found}
        sources = pa.array(sorted(by_source), pa.string())
        return self.rows_by("appearances", "appearance_id", ids, within=pc.field("source_id").isin(sources))

    def receipts(self, day: date) -> dict[str, Row]:
        """Receipts, by key, of the captures and reports that lie under a day."""
        rows = self.dataset(RECEIPTS.name)
        if rows is None:
            return {}
        found: list[Row] = rows.to_table(filter=pc.field("capture_date") == day).to_pylist()
        return {str(row["capture_key"]): row for row in found}

    def last_published_at(self) -> datetime | None:
        """When the last journal entry was written; None if nothing was ever published."""
        entry = read_entry(self.store, self.position) if self.position else None
        return None if entry is None else entry.written_at

    def compact(self, *, most_files: int, target_bytes: int = TARGET_FILE_BYTES) -> int:
        """Joins small files in every partition that has more than `most_files` of them; gives how many went."""
        self.refresh()
        opened = ((spec, self._table(spec.name)) for spec in TABLES.values())
        return sum(
            tables.compact_partitions(self.store, spec, table, most_files=most_files, target_bytes=target_bytes)
            for spec, table in opened
            if table is not None
        )

    def vacuum(self, *, forget_history: bool = False) -> int:
        """Deletes files that no version within the tables' history (30 days) names; gives how many.

        `forget_history`: also those of all older versions. A reader that is at one of them fails.
        """
        self.refresh()
        opened = ((spec, self._table(spec.name)) for spec in TABLES.values())
        return sum(
            tables.vacuum(self.store, spec, table, forget_history=forget_history)
            for spec, table in opened
            if table is not None
        )

    def remove_leftovers(self, *, now: datetime) -> int:
        """Deletes row files of publishers that died before they had put their entry; gives how many.

        A writer of a listed file may only be asleep. So an empty entry comes first: it takes the number under which
        any of them could still put its own.
        """
        listed = [found.key for found in self.store.list(STAGED_ROWS)]
        if not listed:
            return 0
        with suppress(ObjectChangedError):  # another one's entry does as well
            self.commit({}, after=self.replay(), captures=(), kind="fence", now=now)
        needed = {key for entry in self._unapplied() for key in _row_keys(entry)}
        left = [key for key in listed if key not in needed]
        for key in left:
            self.store.delete(key)
        return len(left)

    def _unapplied(self) -> Iterator[JournalEntry]:
        number = self.position + 1
        while (entry := read_entry(self.store, number)) is not None:
            yield entry
            number += 1

    def _table(self, name: str) -> DeltaTable | None:
        if name not in TABLES:
            raise ConfigurationError(f"The archive has no table {name!r}; it has {', '.join(TABLES)}.")
        if name not in self._opened:
            self._opened[name] = tables.open_table(self.store, TABLES[name])
        return self._opened[name]

    def _apply(self, entry: JournalEntry, staged: Mapping[str, pa.Table] | None = None) -> None:
        """Puts the entry's rows into each table that does not have them, receipts last; repeatable at any point.

        `staged`: the entry's row files by key, where they were written just now.
        """
        for spec in TABLES.values():
            files = entry.rows.get(spec.name, RowFiles())
            if files == RowFiles() and spec is not RECEIPTS:
                continue
            table = self._table(spec.name) or tables.make_table(self.store, spec)
            self._opened[spec.name] = table
            try:
                added, changed = self._read_rows(spec, files, entry.number, staged or {})
            except ObjectNotFoundError:
                # Whoever applied the entry to all tables has deleted its files.
                tables.refresh(self.store, spec, table)
                if tables.position(table) >= entry.number:
                    continue
                raise StorageError(
                    f"Rows of {entry_key(entry.number)} for the table {spec.name} of {self.store.uri} are missing."
                ) from None
            tables.commit_entry(self.store, spec, table, entry.number, added, changed)
        self._delete_rows(entry)

    def _read_rows(
        self, spec: TableSpec, files: RowFiles, number: int, staged: Mapping[str, pa.Table]
    ) -> tuple[pa.Table, pa.Table]:
        def read(key: str | None, schema: pa.Schema) -> pa.Table:
            if key is None:
                return schema.empty_table()
            return staged[key] if key in staged else self._read_parquet(key, schema)

        added, changed = read(files.added, spec.schema), read(files.changed, _changed_schema(spec))
        return (_stamped(added, number), _stamped(changed, number)) if spec.stamped else (added, changed)

    def _read_parquet(self, key: str, schema: pa.Schema) -> pa.Table:
        found = pq.read_table(io.BytesIO(self.store.get(key).body))
        for field in schema:
            if field.name not in found.schema.names:  # written by an older worldwire and applied by this one
                found = found.append_column(field, pa.nulls(found.num_rows, field.type))
        return found.select(schema.names).cast(schema)

    def _stage(self, writer: str, spec: TableSpec, rows: TableRows, staged: dict[str, pa.Table]) -> RowFiles:
        """Writes one table's rows, which are then in `staged` as well."""
        added = changed = None
        if rows.added:
            added = f"{STAGED_ROWS}{writer}/{spec.name}.added.parquet"
            staged[added] = pa.Table.from_pylist(list(rows.added), schema=spec.schema)
            self._put_parquet(added, staged[added])
        if rows.changed or rows.deleted:
            changed = f"{STAGED_ROWS}{writer}/{spec.name}.changed.parquet"
            values = [{**row, tables.DELETED: False} for row in rows.changed]
            values += [{**row, tables.DELETED: True} for row in rows.deleted]
            staged[changed] = pa.Table.from_pylist(values, schema=_changed_schema(spec))
            self._put_parquet(changed, staged[changed])
        return RowFiles(added=added, changed=changed)

    def _put_parquet(self, key: str, table: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        self.store.put(key, sink.getvalue())

    def _delete_rows(self, entry: JournalEntry) -> None:
        for key in _row_keys(entry):
            self.store.delete(key)


def _row_keys(entry: JournalEntry) -> Iterator[str]:
    for files in entry.rows.values():
        yield from (key for key in (files.added, files.changed) if key is not None)


def _changed_schema(spec: TableSpec) -> pa.Schema:
    return spec.schema.append(pa.field(tables.DELETED, pa.bool_()))


def _stamped(rows: pa.Table, number: int) -> pa.Table:
    at = rows.schema.get_field_index(JOURNAL)
    return rows.set_column(at, rows.schema.field(at), pa.array([number] * rows.num_rows, pa.int64()))


def _removals(rows: Mapping[str, TableRows], *, why: str, now: datetime) -> list[Row]:
    """What the entry takes out of stamped tables, as rows of `removals`."""
    return [
        {
            "table_name": name,
            "row_id": row[TABLES[name].key[-1]],
            "first_seen_date": row.get("first_seen_date"),
            "why": why,
            "removed_at": now,
            "removed_date": now.date(),
        }
        for name, table_rows in rows.items()
        if TABLES[name].stamped
        for row in table_rows.deleted
    ]
