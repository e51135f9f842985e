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
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
_SCHEMA = pa.schema([("url", pa.string()), ("reason", pa.string()), ("value", pa.binary()), ("marks", pa.binary())])


def staged_key(capture_key: str) -> str:
    """Where the drafts of a capture lie."""
    return f"staged/{capture_key.removeprefix('captures/').removesuffix(WARC_SUFFIX)}.parquet"


class StagedWriter:
    """Writes the drafts of one capture to a local file; `store` puts it in its place."""

    def __init__(self, folder: Path) -> None:
        self._path = Path(tempfile.mkstemp(dir=folder)[1])
        schema = _SCHEMA.with_metadata({"extractor": EXTRACTOR, "form": _form()})
        self._writer = pq.ParquetWriter(self._path, schema, compression="zstd")
        self._rows: list[StagedPage] = []

    def add(self, page: StagedPage) -> None:
        self._rows.append(page)
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def store(self, store: Store, capture_key: str) -> None:
        self._flush()
        self._writer.close()
        store.put_file(staged_key(capture_key), self._path)
        self._path.unlink()

    def _flush(self) -> None:
        columns = {name: [getattr(row, name) for row in self._rows] for name in _SCHEMA.names}
        self._writer.write_table(pa.Table.from_pydict(columns, schema=self._writer.schema))
        self._rows.clear()


@contextmanager
def open_staged(store: Store, capture_key: str) -> Iterator["StagedPages | None"]:
    """The capture's drafts, or None if there are none that this program made."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(pq.ParquetFile(stack.enter_context(store.open_file(staged_key(capture_key)))))
        except (ObjectNotFoundError, pa.ArrowInvalid):
            yield None
        else:
            about = file.schema_arrow.metadata or {}
            is_ours = about.get(b"extractor") == EXTRACTOR.encode() and about.get(b"form") == _form().encode()
            yield StagedPages(file) if is_ours else None


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
