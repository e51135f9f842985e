"""The journal: what was published, in one order; its entries are the only way by which rows enter the tables.

    journal/<number as 12 digits>.json              one entry; put once, under the condition that there is none
    staged/journal/<writer>/<table>.<part>.parquet  its rows until they are in the tables; part: added or changed

Whoever puts entry n has decided what comes n-th. An entry names the captures that it publishes, so it is their
receipt, and the files with its rows; applying it is repeatable and needs nothing but those files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, SchemaTooNewError, StorageError
from pipelines.store import Store

JOURNAL_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFiles:
    """Keys of the Parquet files with one table's rows in an entry; None if there are none of that part."""

    added: str | None = None
    changed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """`writer` is unique to one attempt; `kind` says what wrote it (publish, reextract, takedown, fence)."""

    number: int
    writer: str
    kind: str
    written_at: datetime
    captures: tuple[str, ...]
    rows: Mapping[str, RowFiles] = field(default_factory=dict)
    dag_run_id: str | None = None


def entry_key(number: int) -> str:
    """Where entry `number` lies."""
    return f"journal/{number:012d}.json"


def read_entry(store: Store, number: int) -> JournalEntry | None:
    """The entry, or None if it was not written yet. Raises SchemaTooNewError."""
    try:
        body = store.get(entry_key(number)).body
    except ObjectNotFoundError:
        return None
    try:
        values = json.loads(body)
        if values["format"] > JOURNAL_FORMAT:
            raise SchemaTooNewError(
                f"The archive {store.uri} was written by a newer worldwire (journal format {values['format']});"
                " install a newer one."
            )
        return JournalEntry(
            number=values["number"],
            writer=values["writer"],
            kind=values["kind"],
            written_at=datetime.fromisoformat(values["written_at"]),
            captures=tuple(values["captures"]),
            rows={table: RowFiles(**files) for table, files in values["rows"].items()},
            dag_run_id=values.get("dag_run_id"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise StorageError(f"{entry_key(number)} in {store.uri} is not a journal entry: {cause}.") from cause


def put_entry(store: Store, entry: JournalEntry) -> None:
    """Writes the entry if its number is free. Raises ObjectChangedError if another one took it."""
    values = {
        "format": JOURNAL_FORMAT,
        "number": entry.number,
        "writer": entry.writer,
        "kind": entry.kind,
        "written_at": entry.written_at.isoformat(),
        "captures": list(entry.captures),
        "dag_run_id": entry.dag_run_id,
        "rows": {
            table: {part: key for part, key in (("added", files.added), ("changed", files.changed)) if key}
            for table, files in entry.rows.items()
        },
    }
    body = json.dumps(values, indent=1).encode()
    try:
        store.put_if(entry_key(entry.number), body, None)
    except ObjectChangedError:
        # A put that was repeated below us after its answer was lost is refused for its own first attempt.
        present = read_entry(store, entry.number)
        if present is None or present.writer != entry.writer:
            raise
