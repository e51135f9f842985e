"""What a site repeats on its pages: learned across the pages of many captures, taken out of each.

    state/<source>/template.parquet     one row a block and page: capture, day, page, text, slot, is_line

A mark is a block's fingerprint: a hash of its words and one of its place (the names of the elements around it). A text
is the site's template where it stands on a fair share of the known pages; a place is, where most of what it holds
repeats, so that a rotating list of other stories goes with its first appearance. What only two of sixty pages share
stays: sites publish the same agency paragraph twice.

The state is a set of marks by capture, cut to the newest captures that hold WINDOW_PAGES pages: learning a capture
twice, in any order or by two machines at once, gives the same state, and what a site has not repeated for long is
forgotten.
"""

import io
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ObjectChangedError, ObjectNotFoundError, SchemaTooNewError, StorageError
from pipelines.store import Store

TEMPLATE_VERSION = 1
WINDOW_PAGES = 300
MAX_MARKS_A_PAGE = 400
# With this many pages of a site, what does not repeat is the article's own, a standfirst or closing credit included.
KNOWN_PAGES = 3
_FEW_PAGES = 12
_SHARE = 0.08
_SHARE_OF_FEW = 0.3
_SHARE_ANYWHERE = 0.5
_VERY_FEW_PAGES = 5
_LEAST_PAGES = 3
_SLOT_OCCURRENCES = 6
_SLOT_REPEATED = 0.5
_LINE_CHARS = 60
_ARTICLE_MARKS = 4  # walls and forms say less
_DIGITS = re.compile(r"\d+")
_PACKED = struct.Struct("<II?")
_FIELDS = ("text", "slot", "is_line")
_COLUMNS = np.dtype([*zip(_FIELDS, ("<u4", "<u4", "?"), strict=True)])  # the same for numpy
_HALF = 32  # bits of a text or a slot

Numbers = npt.NDArray[np.int64]

_VERSION_KEY = "worldwire_version"
_SCHEMA = pa.schema(
    [
        ("capture", pa.string()),
        ("day", pa.date32()),
        ("page", pa.uint32()),
        ("text", pa.uint32()),
        ("slot", pa.uint32()),
        ("is_line", pa.bool_()),
    ],
    metadata={_VERSION_KEY: str(TEMPLATE_VERSION)},
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A block's fingerprint; `is_line`: it is a scrap or a link rather than prose."""

    text: int
    slot: int
    is_line: bool


@dataclass(frozen=True, slots=True)
class PageMarks:
    """The marks of one page, in reading order; `page` is a hash of its address, the key empty outside an archive.

    They are kept as they are staged, in nine bytes each: of thousands nobody wants to see one.
    """

    page: int
    capture_key: str
    packed: bytes

    @classmethod
    def of(cls, page: int, capture_key: str, marks: Iterable[Mark]) -> "PageMarks":
        """The marks, packed."""
        return cls(page, capture_key, b"".join(_PACKED.pack(mark.text, mark.slot, mark.is_line) for mark in marks))

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple([Mark(*one) for one in _PACKED.iter_unpack(self.packed)])


class Marked(Protocol):
    """Whatever was drafted from a page and carries its marks."""

    @property
    def marks(self) -> PageMarks: ...


@dataclass(frozen=True, slots=True)
class CaptureMarks:
    """The pages of one capture and the day it was made."""

    day: date
    pages: tuple[PageMarks, ...]


@dataclass(frozen=True)
class Template:
    """What is known of one site, by capture; the counts are derived."""

    captures: Mapping[str, CaptureMarks] = field(default_factory=dict)

    @cached_property
    def page_count(self) -> int:
        """How many different pages are known."""
        return len(set(self._articles.tolist()))

    @cached_property
    def text_pages(self) -> Counter[int]:
        """On how many pages each text stands, wherever it stands."""
        return self._counted.text_pages(least=1)

    @cached_property
    def placed_pages(self) -> Counter[tuple[int, int]]:
        """On how many pages each text stands in each place."""
        return self._counted.placed_pages(least=1)

    @cached_property
    def template_slots(self) -> frozenset[int]:
        """Places of which most of what they hold stands on more than one page."""
        return self._counted.template_slots()

    @cached_property
    def _counted(self) -> "_Counted":
        marks, counts = _columns(self._pages)
        return _Counted.of(marks, np.repeat(self._articles, counts))

    @cached_property
    def _pages(self) -> list[PageMarks]:
        return [page for capture in self.captures.values() for page in capture.pages]

    @cached_property
    def _articles(self) -> Numbers:
        """Of each page the one that stands for all whose prose is the same: an article at many addresses is no
        template.
        """
        known: dict[bytes, int] = {}
        same: dict[int, int] = {}

        def found(page: int) -> int:
            while (other := same.get(page, page)) != page:
                page = other
            return page

        for page, prose in zip(self._pages, _prose(self._pages), strict=True):
            if len(prose) >= _ARTICLE_MARKS * np.dtype(np.int64).itemsize:
                same[found(page.page)] = found(known.setdefault(prose, page.page))
        return np.array([found(page.page) for page in self._pages], dtype=np.int64)

    @property
    def is_known(self) -> bool:
        """Whether enough pages were seen to tell an article's own lines from the site's."""
        return self.page_count >= KNOWN_PAGES

    def carried(self) -> "Template":
        """The same answers without the pages that it was learned from: small enough to send with every few drafts."""
        told = Template()
        told.__dict__["page_count"] = self.page_count
        told.__dict__["template_slots"] = self.template_slots
        # What stands on one page counts no more than what stands on none.
        told.__dict__["text_pages"] = self._counted.text_pages(least=2)
        told.__dict__["placed_pages"] = self._counted.placed_pages(least=2)
        return told

    def repeats(self, mark: Mark, *, anywhere: bool = True) -> bool:
        """Whether the block is the site's rather than the article's; `anywhere`: also by what stands in other places.

        A standfirst stands in other pages' lists of stories as well.
        """
        pages, known = self.placed_pages[mark.text, mark.slot], self.page_count
        if pages >= _LEAST_PAGES and pages >= known * (_SHARE_OF_FEW if known <= _FEW_PAGES else _SHARE):
            return True
        if anywhere and self.text_pages[mark.text] >= max(_LEAST_PAGES, known * _SHARE_ANYWHERE):
            return True
        if mark.is_line and pages >= 2 and known <= _VERY_FEW_PAGES:
            return True
        return mark.slot in self.template_slots and (mark.is_line or pages > 1)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Texts in places, in order, the text above the slot in one number; and on which pages each stands.

    `stands`: the place's number times `pages`, and the page's number: each once, in order.
    """

    places: npt.NDArray[np.uint64]
    stands: Numbers
    pages: int

    @classmethod
    def of(cls, marks: npt.NDArray[np.void], articles: Numbers) -> "_Counted":
        numbers, article = np.unique(articles, return_inverse=True)
        places, place = np.unique(
            marks["text"].astype(np.uint64) << np.uint64(_HALF) | marks["slot"], return_inverse=True
        )
        pages = max(len(numbers), 1)
        return cls(places, np.unique(place * pages + article), pages)

    def placed_pages(self, *, least: int) -> Counter[tuple[int, int]]:
        counts = np.bincount(self.stands // self.pages, minlength=len(self.places))
        often = counts >= least
        texts, slots = (half[often].tolist() for half in (self._texts, self._slots))
        return Counter(dict(zip(zip(texts, slots, strict=True), counts[often].tolist(), strict=True)))

    def text_pages(self, *, least: int) -> Counter[int]:
        texts, counts = self._pages_of(self._texts)
        often = counts >= least
        return Counter(dict(zip(texts[often].tolist(), counts[often].tolist(), strict=True)))

    def template_slots(self) -> frozenset[int]:
        counts = np.bincount(self.stands // self.pages, minlength=len(self.places))
        slots, slot = np.unique(self._slots, return_inverse=True)
        held = np.bincount(slot, counts, len(slots))
        repeated = np.bincount(slot, counts * (counts > 1), len(slots))
        mostly = (held >= _SLOT_OCCURRENCES) & (repeated >= _SLOT_REPEATED * held)
        return frozenset(slots[mostly & (self._pages_of(self._slots)[1] >= _LEAST_PAGES)].tolist())

    def _pages_of(self, halves: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], Numbers]:
        """The different texts, or slots, and on how many pages each stands."""
        different, number = np.unique(halves, return_inverse=True)
        place, page = np.divmod(self.stands, self.pages)
        stands = np.unique(number[place] * self.pages + page)
        return different, np.bincount(stands // self.pages, minlength=len(different))

    @property
    def _texts(self) -> npt.NDArray[np.uint64]:
        return self.places >> np.uint64(_HALF)

    @property
    def _slots(self) -> npt.NDArray[np.uint64]:
        return self.places & np.uint64((1 << _HALF) - 1)


def _columns(pages: Sequence[PageMarks]) -> tuple[npt.NDArray[np.void], Numbers]:
    """The marks of the pages, and how many each has."""
    packed = [page.packed for page in pages]
    counts = np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)) // _COLUMNS.itemsize
    return np.frombuffer(b"".join(packed), dtype=_COLUMNS), counts


def _prose(pages: Sequence[PageMarks]) -> list[bytes]:
    """The different texts of each page that are no lines, in order, eight bytes each."""
    marks, counts = _columns(pages)
    page = np.repeat(np.arange(len(pages)), counts)
    is_prose = ~marks["is_line"]
    stands = np.unique(page[is_prose] << _HALF | marks["text"][is_prose])
    texts = stands & ((1 << _HALF) - 1)
    starts = np.searchsorted(stands, np.arange(len(pages) + 1) << _HALF).tolist()
    return [texts[start:end].tobytes() for start, end in pairwise(starts)]


def text_mark(text: str) -> int:
    """Fingerprint of a block's words; numbers in short lines do not count (`3 comments`, `5 minutes ago`)."""
    words = " ".join(text.casefold().split())
    return crc32((_DIGITS.sub("0", words) if len(words) < _LINE_CHARS else words).encode("utf-8", "replace"))


def slot_mark(path: str) -> int:
    """Fingerprint of a block's place: the names of the elements around it, without numbers (`post-1234`)."""
    return crc32(path.encode("utf-8", "replace"))


def page_mark(url: str) -> int:
    """Fingerprint of a page's address."""
    return crc32(url.encode())


def learn(template: Template, drafts: Iterable[Marked], *, capture_keys: Iterable[str], now: datetime) -> Template:
    """The template with these pages counted in. A capture that is known already is not counted again."""
    pages: defaultdict[str, list[PageMarks]] = defaultdict(list)
    for draft in drafts:
        pages[draft.marks.capture_key].append(draft.marks)
    new = {
        key: CaptureMarks(_day_of(key, now), tuple(sorted(pages[key], key=lambda page: page.page)))
        for key in {*pages, *capture_keys}
        if key not in template.captures
    }
    return merge(template, Template(new))


def merge(one: Template, other: Template) -> Template:
    """What both know, cut to the newest captures; the order of the two does not matter."""
    union = {**one.captures, **other.captures}
    kept: dict[str, CaptureMarks] = {}
    pages = 0
    for key in sorted(union, key=lambda key: (union[key].day, key), reverse=True):
        if pages >= WINDOW_PAGES:
            break
        kept[key] = union[key]
        pages += len(union[key].pages)
    return Template(kept)


def template_key(source_id: str) -> str:
    """Where the source's template lies."""
    return f"state/{source_id}/template.parquet"


def load_template(store: Store, source_id: str) -> Template:
    """The stored template; an empty one if there is none yet. Raises SchemaTooNewError, StorageError."""
    return _load(store, source_id)[0]


def save_template(store: Store, source_id: str, template: Template) -> None:
    """Stores the template merged with what others have stored meanwhile."""
    while True:
        stored, etag = _load(store, source_id)
        merged = merge(stored, template)
        if etag is not None and merged.captures.keys() == stored.captures.keys():
            return
        try:
            store.put_if(template_key(source_id), _to_parquet(merged), etag)
        except ObjectChangedError:
            continue
        return


def _load(store: Store, source_id: str) -> tuple[Template, str | None]:
    try:
        stored = store.get(template_key(source_id))
    except ObjectNotFoundError:
        return Template(), None
    return _from_parquet(stored.body, template_key(source_id)), stored.etag


def _day_of(capture_key: str, now: datetime) -> date:
    found = re.search(r"date=(\d{4}-\d{2}-\d{2})", capture_key)
    return date.fromisoformat(found[1]) if found else now.date()


def _to_parquet(template: Template) -> bytes:
    captures = sorted(template.captures.items())
    pages = [page for _, capture in captures for page in capture.pages]
    marks, counts = _columns(pages)
    numbers = np.repeat(np.arange(len(captures)), [len(capture.pages) for _, capture in captures])
    empty = [number for number, (_, one) in enumerate(captures) if not any(page.packed for page in one.pages)]
    rows = pa.array(np.concatenate([np.repeat(numbers, counts), np.array(empty, dtype=np.int64)]))
    hashes = np.array([page.page for page in pages], dtype=np.uint32)
    columns = [
        pa.array([key for key, _ in captures], pa.string()).take(rows),
        pa.array([capture.day for _, capture in captures], pa.date32()).take(rows),
        *(
            pa.concat_arrays([pa.array(column), pa.nulls(len(empty), _SCHEMA.field(name).type)])
            for name, column in (("page", np.repeat(hashes, counts)), *((name, marks[name]) for name in _FIELDS))
        ),
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns, schema=_SCHEMA), buffer, compression="zstd")
    return buffer.getvalue()


def _from_parquet(body: bytes, label: str) -> Template:
    try:
        table = pq.read_table(io.BytesIO(body))
    except pa.ArrowException as cause:
        raise StorageError(f"{label} is not a template and cannot be read; delete it to learn it anew.") from cause
    version = int((table.schema.metadata or {}).get(_VERSION_KEY.encode(), b"1"))
    if version > TEMPLATE_VERSION:
        raise SchemaTooNewError(f"{label} was written by a newer worldwire (version {version}); update worldwire.")
    capture = table["capture"].combine_chunks().dictionary_encode()
    keys, number = capture.dictionary.to_pylist(), capture.indices.to_numpy()
    days = table["day"].take(np.unique(number, return_index=True)[1]).to_pylist()
    pages: list[list[PageMarks]] = [[] for _ in keys]
    for of_capture, page, packed in _stored_pages(table, number):
        pages[of_capture].append(PageMarks(page, keys[of_capture], packed))
    return Template({key: CaptureMarks(day, tuple(found)) for key, day, found in zip(keys, days, pages, strict=True)})


def _stored_pages(table: pa.Table, capture: Numbers) -> Iterator[tuple[int, int, bytes]]:
    """The pages of a stored template in order: the number of the capture, the page and its marks."""
    rows = np.flatnonzero(table["page"].is_valid().to_numpy())
    page = capture.astype(np.int64)[rows] << _HALF | table["page"].take(rows).to_numpy()
    order = np.argsort(page, kind="stable")
    page, rows = page[order], rows[order]
    marks = np.empty(len(rows), dtype=_COLUMNS)
    for name in _FIELDS:
        marks[name] = table[name].take(rows).to_numpy()
    pages, starts = np.unique(page, return_index=True)
    for one, (start, end) in zip(pages.tolist(), pairwise([*starts.tolist(), len(rows)]), strict=True):
        yield one >> _HALF, one & ((1 << _HALF) - 1), marks[start:end].tobytes()
