"""The frontier as an object in the archive: state/<source>/frontier.parquet, with the hashes of older URLs below."""

import io
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crawlers.frontier.frontier import Frontier
from crawlers.frontier.visit import Role
from crawlers.frontier.visits import VISIT_SCHEMA, Visits
from crawlers.revisit import dump_history, load_history
from pipelines.errors import ObjectChangedError, ObjectNotFoundError, SchemaTooNewError, StorageError
from pipelines.store import Store

FRONTIER_VERSION = 1
_SAVE_TRIES = 8
_HISTORY = "worldwire_revisits"
_HASH = pa.field("url_hash", pa.uint64())
_SCHEMA = VISIT_SCHEMA.insert(1, _HASH)


def frontier_key(source_id: str) -> str:
    """Where a source's frontier lies."""
    return f"state/{source_id}/frontier.parquet"


def load_frontier(store: Store, source_id: str) -> Frontier:
    """The frontier as last saved; an empty one for a new source.

    Raises SchemaTooNewError if a newer worldwire has written it, StorageError if it is no frontier or the archive does
    not answer.
    """
    key = frontier_key(source_id)
    try:
        stored = store.get(key)
    except ObjectNotFoundError:
        return Frontier()
    return frontier_from_bytes(stored.body, key)


def save_frontier(store: Store, source_id: str, frontier: Frontier, now: datetime) -> None:
    """Saves, merged with what another crawl saved in between."""
    key = frontier_key(source_id)
    for _ in range(_SAVE_TRIES):
        try:
            stored = store.get(key)
        except ObjectNotFoundError:
            merged, etag = frontier, None
        else:
            merged, etag = frontier.merge(frontier_from_bytes(stored.body, key)), stored.etag
        try:
            store.put_if(key, frontier_to_bytes(merged, now), etag)
        except ObjectChangedError:
            continue
        return
    raise StorageError(f"{key} in {store.uri} kept changing while it was saved.")


def frontier_to_bytes(frontier: Frontier, now: datetime) -> bytes:
    """The Parquet object; visits older than the window are kept as hashes."""
    recent, older = frontier.aged(now)
    hashes = pa.Table.from_arrays([pa.array(older, _HASH.type)], schema=pa.schema([_HASH]))
    table = pa.concat_tables([recent.table, hashes], promote_options="default").select(_SCHEMA.names)
    metadata = {"worldwire_version": str(FRONTIER_VERSION), _HISTORY: dump_history(frontier.history)}
    target = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata), target, compression="zstd", use_dictionary=["role", "found_in"]
    )
    return target.getvalue()


def frontier_from_bytes(body: bytes, label: str) -> Frontier:
    """Raises SchemaTooNewError, or StorageError if it is no frontier; `label` names it."""
    try:
        table = pq.ParquetFile(pa.BufferReader(body)).read()
        metadata = table.schema.metadata or {}
        version = int(metadata.get(b"worldwire_version", b"1"))
        if version > FRONTIER_VERSION:
            raise SchemaTooNewError(f"{label} was written by a newer worldwire (version {version}); update worldwire.")
        rows = table.select(_SCHEMA.names).replace_schema_metadata(None).cast(_SCHEMA)
    except (pa.ArrowException, KeyError, OSError) as cause:
        raise StorageError(f"{label} is not a frontier and cannot be read: {cause}.") from cause
    strange = set(rows["role"].unique().to_pylist()) - {None, *Role}
    if strange:
        raise StorageError(f"{label} is not a frontier and cannot be read: no URL is a {sorted(strange)[0]!r}.")
    is_whole = rows["url"].is_valid()
    hashes = rows["url_hash"].filter(rows["url"].is_null()).combine_chunks()
    text = metadata.get(_HISTORY.encode())
    return Frontier(
        Visits(rows.filter(is_whole).select(VISIT_SCHEMA.names)),
        np.asarray(np.from_dlpack(hashes), np.uint64),
        load_history(text.decode()) if text else None,
    )
