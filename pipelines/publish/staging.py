"""What was extracted and is not published yet: one Parquet object a capture, so that no page is extracted twice.

    staged/<capture's key without captures/ and .warc.gz>.parquet
        url      string, reason (null: a draft)      to look at
        value    the Draft or Dropped as JSON: the values of its fields in their order, those of inner ones likewise
        marks    of a draft: its page's hash as 4 bytes, then 9 a mark (text, slot, is_line); to learn from without
                 the drafts

Rows stand in the order of the records in the capture, so that a row's number means the same after another extraction.
An object made by another extractor or with another form of draft counts as missing.
"""

import hashlib
import json
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.capture import WARC_SUFFIX
from pipelines.errors import ObjectNotFoundError
from pipelines.extract import EXTRACTOR, Draft
from pipelines.model import Dropped
from pipelines.store import Store
from pipelines.template import Mark, PageMarks

STAGED_PAGES = "staged/date="
_GROUP_ROWS = 200
_SCHEMA = pa.schema([("url", pa.string()), ("reason", pa.string()), ("value", pa.string()), ("marks", pa.binary())])
_PAGE = struct.Struct("<I")
_MARK = struct.Struct("<II?")


def staged_key(capture_key: str) -> str:
    """Where the drafts of a capture lie."""
    return f"staged/{capture_key.removeprefix('captures/').removesuffix(WARC_SUFFIX)}.parquet"


@dataclass(frozen=True, slots=True)
class StagedPage:
    """A row of the object, as a worker makes it: a draft sent between processes as it is would be dearer by far."""

    url: str
    reason: str | None
    value: str
    marks: bytes | None


def stage_page(page: Draft | Dropped) -> StagedPage:
    """The row that holds the draft, or why there is none."""
    reason = page.reason.value if isinstance(page, Dropped) else None
    value = json.dumps(_writer(Dropped if reason else Draft)(page), ensure_ascii=False, separators=(",", ":"))
    return StagedPage(
        url=page.url,
        reason=reason,
        value=value.encode("utf-8", "replace").decode(),
        marks=_packed(page.marks) if isinstance(page, Draft) else None,
    )


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
    with tempfile.TemporaryDirectory(prefix="worldwire-") as folder:
        path = Path(folder) / "staged.parquet"
        try:
            store.download(staged_key(capture_key), path)
            file = pq.ParquetFile(path)
        except (ObjectNotFoundError, pa.ArrowInvalid):
            yield None
            return
        with file:
            about = file.schema_arrow.metadata or {}
            is_ours = about.get(b"extractor") == EXTRACTOR.encode() and about.get(b"form") == _form().encode()
            yield StagedPages(file) if is_ours else None


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A draft, or a Dropped of that reason, as it stands in the object: `made` makes the value of it."""

    reason: str | None
    value: str

    def made(self) -> Draft | Dropped:
        page: Draft | Dropped = _reader(Draft if self.reason is None else Dropped)(json.loads(self.value))
        return page


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
                StagedMarks(_unpacked(one, capture_key)) for one in packed[: max(0, most - at)] if one is not None
            ]
            at += len(packed)
            if at >= most:
                break
        return found


def _packed(marks: PageMarks) -> bytes:
    return _PAGE.pack(marks.page) + b"".join(_MARK.pack(one.text, one.slot, one.is_line) for one in marks.marks)


def _unpacked(packed: bytes, capture_key: str) -> PageMarks:
    (page,) = _PAGE.unpack_from(packed)
    return PageMarks(page, capture_key, tuple([Mark(*one) for one in _MARK.iter_unpack(packed[_PAGE.size :])]))


@cache
def _writer(kind: Any) -> Callable[[Any], Any]:
    """What makes the plain form, as JSON can hold it, of a value of that type."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (write,) = [_writer(one) for one in inner if one is not NoneType]
        return _same if write is _same else lambda value: None if value is None else write(value)
    if origin is tuple:
        return _tuple_writer(inner)
    if is_dataclass(kind):
        return _dataclass_writer(kind)
    if kind is datetime:
        return datetime.isoformat
    if kind is bytes:
        return lambda value: value.decode("latin-1")
    return dict if origin is not None and issubclass(origin, Mapping) else _same


def _tuple_writer(inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        write = _writer(inner[0])
        return _same if write is _same else lambda values: [write(value) for value in values]
    writers = [_writer(kind) for kind in inner]
    return lambda values: [write(value) for write, value in zip(writers, values, strict=True)]


def _dataclass_writer(kind: Any) -> Callable[[Any], Any]:
    names, hints = _field_names(kind), get_type_hints(kind)
    take = attrgetter(*names)
    writers = [_writer(hints[name]) for name in names]
    if all(write is _same for write in writers):
        return take
    return lambda value: [write(one) for write, one in zip(writers, take(value), strict=True)]


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init)


@cache
def _form() -> str:
    """Changes when a column, or a field of a draft or of anything in it, is added, removed or gets another type."""
    return hashlib.sha256(f"{_SCHEMA}{_described(Draft)}{_described(Dropped)}".encode()).hexdigest()


def _described(kind: Any) -> str:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        inner = ",".join(f"{name}:{_described(hints[name])}" for name in _field_names(kind))  # type: ignore[arg-type]
        return f"{kind.__name__}({inner})"  # type: ignore[union-attr]
    return f"{kind}{[_described(inner) for inner in get_args(kind)]}"


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of that type from its plain form."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _optional_reader([one for one in inner if one is not NoneType])
    if origin is tuple:
        return _tuple_reader(inner)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return _dataclass_reader(kind, [_reader(hints[name]) for name in _field_names(kind)])  # type: ignore[arg-type]
    if kind is datetime:
        return datetime.fromisoformat
    if kind is bytes:
        return lambda value: value.encode("latin-1")
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    return _same


def _same(value: Any) -> Any:
    return value


def _optional_reader(kinds: list[Any]) -> Callable[[Any], Any]:
    (kind,) = kinds
    read = _reader(kind)
    return _same if read is _same else lambda value: None if value is None else read(value)


def _tuple_reader(inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(inner) == 2 and inner[1] is Ellipsis:
        read = _reader(inner[0])
        return tuple if read is _same else lambda values: tuple([read(value) for value in values])
    readers = [_reader(kind) for kind in inner]
    return lambda values: tuple([read(value) for read, value in zip(readers, values, strict=True)])


def _dataclass_reader(kind: Any, readers: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    if all(read is _same for read in readers) and not any(field.kw_only for field in fields(kind)):
        return lambda values: kind(*values)
    if not any(field.kw_only for field in fields(kind)):
        return lambda values: kind(*[read(value) for read, value in zip(readers, values, strict=True)])
    names = _field_names(kind)
    return lambda values: kind(**{name: read(value) for name, read, value in zip(names, readers, values, strict=True)})
