"""What was extracted and is not published yet: one Parquet object a capture, so that no page is extracted twice.

    staged/<capture's key without captures/ and .warc.gz>.parquet
        url      string, reason (null: a draft)      to look at
        value    the Draft or Dropped as JSON
        marks    of a draft: its page's hash as 4 bytes, then 9 a mark (text, slot, is_line); to learn from without
                 the drafts

Rows stand in the order of the records in the capture, so that a row's number means the same after another extraction.
An object made by another extractor or with another form of draft counts as missing.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, mkstemp
from typing import IO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture import WARC_SUFFIX
from pipelines.errors import ObjectNotFoundError
from pipelines.extract import EXTRACTOR, Draft
from pipelines.model import Dropped
from pipelines.pages import StagedPage, StagedRow, unpack_marks
from pipelines.store import Store
from pipelines.template import PageMarks

STAGED_PAGES = "staged/date="
_GROUP_ROWS = 200
_SMALL_BYTES = 4 << 20
_MOST_KEPT_BYTES = 64 << 20  # of local disk; the drafts of a round take half of it
_SCHEMA = pa.schema([("url", pa.string()), ("reason", pa.string()), ("value", pa.binary()), ("marks", pa.binary())])


def staged_key(capture_key: str) -> str:
    """Where the drafts of a capture lie."""
    return f"staged/{capture_key.removeprefix('captures/').removesuffix(WARC_SUFFIX)}.parquet"


class StagedWriter:
    """Writes the drafts of one capture to a local file; `Staging.put` puts it in its place."""

    def __init__(self, folder: Path) -> None:
        self._path = Path(mkstemp(dir=folder)[1])
        schema = _SCHEMA.with_metadata({"extractor": EXTRACTOR, "form": _form()})
        self._writer = pq.ParquetWriter(self._path, schema, compression="zstd")
        self._rows: list[StagedPage] = []

    def add(self, page: StagedPage) -> None:
        self._rows.append(page)
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> Path:
        """The file, whole."""
        self._flush()
        self._writer.close()
        return self._path

    def _flush(self) -> None:
        columns = {name: [getattr(row, name) for row in self._rows] for name in _SCHEMA.names}
        self._writer.write_table(pa.Table.from_pydict(columns, schema=self._writer.schema))
        self._rows.clear()


@contextmanager
def open_staging(store: Store) -> Iterator["Staging"]:
    """The drafts in a store, for the duration of a publish. A process that is killed leaves the file it was at."""
    with TemporaryDirectory(prefix="worldwire-") as folder, TemporaryFile(dir=folder) as kept:
        yield Staging(store, Path(folder), kept)


class Staging:
    """The drafts in a store. Small ones that were put there from here are not fetched again: a local file has them."""

    def __init__(self, store: Store, folder: Path, kept: IO[bytes]) -> None:
        self._store = store
        self._folder = folder
        self._file = kept
        self._kept: dict[str, tuple[int, int]] = {}  # capture -> where in the file, how many bytes
        self._end = 0

    def without_drafts(self, capture_keys: Sequence[str]) -> list[str]:
        """Those of the captures that have no drafts that this program made."""
        present = {found.key for found in self._store.list(STAGED_PAGES)} if capture_keys else set()
        return [key for key in capture_keys if staged_key(key) not in present or not self._has(key)]

    def writer(self) -> StagedWriter:
        return StagedWriter(self._folder)

    def put(self, capture_key: str, writer: StagedWriter) -> None:
        """Stores the drafts of a capture that were given to `writer`."""
        path = writer.close()
        self._store.put_file(staged_key(capture_key), path)
        size = path.stat().st_size
        if size <= _SMALL_BYTES and self._end + size <= _MOST_KEPT_BYTES and self._append(path.read_bytes()):
            self._kept[capture_key] = (self._end, size)
            self._end += size
        path.unlink()

    @contextmanager
    def open(self, capture_key: str) -> Iterator["StagedPages | None"]:
        """The capture's drafts, or None if there are none that this program made."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context(pq.ParquetFile(stack.enter_context(self._source(capture_key))))
            except (ObjectNotFoundError, pa.ArrowInvalid):
                yield None
            else:
                about = file.schema_arrow.metadata or {}
                is_ours = about.get(b"extractor") == EXTRACTOR.encode() and about.get(b"form") == _form().encode()
                yield StagedPages(file) if is_ours else None

    def remove(self, capture_key: str) -> None:
        """The drafts of a capture that is published to its end."""
        self._store.delete(staged_key(capture_key))
        self._kept.pop(capture_key, None)
        if not self._kept:
            self._end = 0

    def _append(self, drafts: bytes) -> bool:
        """Whether all of it was written; a disk that becomes full takes a part and says nothing, or refuses."""
        with suppress(OSError):
            return os.pwrite(self._file.fileno(), drafts, self._end) == len(drafts)
        return False

    def _source(self, capture_key: str) -> AbstractContextManager[IO[bytes]]:
        if capture_key not in self._kept:
            return self._store.open_file(staged_key(capture_key))
        at, size = self._kept[capture_key]
        found: AbstractContextManager[IO[bytes]] = pa.BufferReader(os.pread(self._file.fileno(), size, at))
        return found

    def _has(self, capture_key: str) -> bool:
        with self.open(capture_key) as staged:
            return staged is not None


@dataclass(frozen=True, slots=True)
class StagedMarks:
    """What a site's template is learned from: a draft's marks without the draft."""

    marks: PageMarks


class StagedPages:
    """The drafts of one capture, read a few hundred at a time."""

    def __init__(self, file: pq.ParquetFile) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def read(self, start: int = 0) -> Iterator[StagedRow]:
        """From row `start` on."""
        at = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if at + count > start:
                rows = self._file.read_row_group(group, columns=["reason", "value"])
                reasons, values = rows["reason"].to_pylist(), rows["value"].to_pylist()
                for reason, value in list(zip(reasons, values, strict=True))[max(0, start - at) :]:
                    yield StagedRow(reason, value)
            at += count

    def read_marks(self, capture_key: str, most: int) -> list[StagedMarks]:
        """The marks of the drafts among the first `most` pages."""
        found: list[StagedMarks] = []
        at = 0
        for group in range(self._file.num_row_groups):
            packed = self._file.read_row_group(group, columns=["marks"])["marks"].to_pylist()
            found += [
                StagedMarks(unpack_marks(one, capture_key)) for one in packed[: max(0, most - at)] if one is not None
            ]
            at += len(packed)
            if at >= most:
                break
        return found


@cache
def _form() -> str:
    """Changes when a column, or a field of a draft or of anything in it, is added, removed or gets another type."""
    described = [_SCHEMA.to_string(), *(msgspec.json.schema(kind) for kind in (Draft, Dropped))]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()
