"""The draft of a page as bytes: between processes, and in the staged objects of `pipelines.publish`."""

import json
import struct
from dataclasses import dataclass

import msgspec

from pipelines.extract import Draft
from pipelines.model import Dropped
from pipelines.template import PageMarks

_PAGE = struct.Struct("<I")
_READ_DRAFT, _READ_DROPPED = msgspec.json.Decoder(Draft), msgspec.json.Decoder(Dropped)


@dataclass(frozen=True, slots=True)
class StagedPage:
    """A row of the object, as a worker makes it: a draft sent between processes as it is would be dearer by far."""

    url: str
    reason: str | None
    value: bytes
    marks: bytes | None


def stage_page(page: Draft | Dropped) -> StagedPage:
    """The row that holds the draft, or why there is none."""
    return StagedPage(
        url=page.url,
        reason=page.reason.value if isinstance(page, Dropped) else None,
        value=_as_json(page),
        marks=_packed(page.marks) if isinstance(page, Draft) else None,
    )


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A draft, or a Dropped of that reason, as it stands in the object: `made` makes the value of it."""

    reason: str | None
    value: bytes

    def made(self) -> Draft | Dropped:
        return _READ_DRAFT.decode(self.value) if self.reason is None else _READ_DROPPED.decode(self.value)


def _packed(marks: PageMarks) -> bytes:
    return _PAGE.pack(marks.page) + marks.packed


def unpack_marks(packed: bytes, capture_key: str) -> PageMarks:
    """The marks of a staged row of that capture."""
    (page,) = _PAGE.unpack_from(packed)
    return PageMarks(page, capture_key, packed[_PAGE.size :])


def _as_json(page: Draft | Dropped) -> bytes:
    try:
        return msgspec.json.encode(page)
    except UnicodeEncodeError:  # half a character, as a page can name one; it is no text, and UTF-8 has no form for it
        plain = json.dumps(msgspec.to_builtins(page), ensure_ascii=False)
        return plain.encode("utf-8", "replace")
