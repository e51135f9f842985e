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
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Protocol
from zlib import crc32

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
    """The marks of one page, in reading order; `page` is a hash of its address, the key empty outside an archive."""

    page: int
    capture_key: str
    marks: tuple[Mark, ...]


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
        return len({self._articles.get(page.page, page.page) for page in self._pages})

    @cached_property
    def text_pages(self) -> Counter[int]:
        """On how many pages each text stands, wherever it stands."""
        return Counter(text for _, text in {(page, text) for page, text, _ in self._placed})

    @cached_property
    def placed_pages(self) -> Counter[tuple[int, int]]:
        """On how many pages each text stands in each place."""
        return Counter((text, slot) for _, text, slot in self._placed)

    @cached_property
    def _placed(self) -> set[tuple[int, int, int]]:
        """Page, text and place of all marks."""
        articles = self._articles
        return {
            (articles.get(page.page, page.page), mark.text, mark.slot) for page in self._pages for mark in page.marks
        }

    @cached_property
    def _pages(self) -> list[PageMarks]:
        return [page for capture in self.captures.values() for page in capture.pages]

    @cached_property
    def _articles(self) -> dict[int, int]:
        """Of pages whose prose is the same, one that stands for all: an article at many addresses is no template."""
        known: dict[tuple[int, ...], int] = {}
        same: dict[int, int] = {}

        def found(page: int) -> int:
            while (other := same.get(page, page)) != page:
                page = other
            return page

        for page in self._pages:
            prose = tuple(sorted({mark.text for mark in page.marks if not mark.is_line}))
            if len(prose) >= _ARTICLE_MARKS:
                same[found(page.page)] = found(known.setdefault(prose, page.page))
        return {page: found(page) for page in same}

    @cached_property
    def template_slots(self) -> frozenset[int]:
        """Places of which most of what they hold stands on more than one page."""
        held: Counter[int] = Counter()
        repeated: Counter[int] = Counter()
        for (_, slot), count in self.placed_pages.items():
            held[slot] += count
            repeated[slot] += count if count > 1 else 0
        pages: dict[int, set[int]] = {
            slot: set()
            for slot, count in held.items()
            if count >= _SLOT_OCCURRENCES and repeated[slot] >= _SLOT_REPEATED * count
        }
        for page, _, slot in self._placed:
            if slot in pages:
                pages[slot].add(page)
        return frozenset(slot for slot, found in pages.items() if len(found) >= _LEAST_PAGES)

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
        for name in ("text_pages", "placed_pages"):
            told.__dict__[name] = Counter({key: pages for key, pages in getattr(self, name).items() if pages > 1})
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
    rows = [
        (key, capture.day, page.page, mark.text, mark.slot, mark.is_line)
        for key, capture in sorted(template.captures.items())
        for page in capture.pages
        for mark in page.marks
    ]
    empty = [
        (key, capture.day, None, None, None, None)
        for key, capture in sorted(template.captures.items())
        if not any(page.marks for page in capture.pages)
    ]
    columns: Sequence[Sequence[object]] = list(zip(*rows, *empty, strict=True)) or [[] for _ in _SCHEMA]
    if rows or empty:
        columns = list(zip(*[*rows, *empty], strict=True))
    table = pa.table(
        [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _from_parquet(body: bytes, label: str) -> Template:
    try:
        table = pq.read_table(io.BytesIO(body))
    except pa.ArrowException as cause:
        raise StorageError(f"{label} is not a template and cannot be read; delete it to learn it anew.") from cause
    version = int((table.schema.metadata or {}).get(_VERSION_KEY.encode(), b"1"))
    if version > TEMPLATE_VERSION:
        raise SchemaTooNewError(f"{label} was written by a newer worldwire (version {version}); update worldwire.")
    days: dict[str, date] = {}
    marks: defaultdict[str, defaultdict[int, list[Mark]]] = defaultdict(lambda: defaultdict(list))
    for row in table.to_pylist():
        days[row["capture"]] = row["day"]
        if row["page"] is not None:
            marks[row["capture"]][row["page"]].append(Mark(row["text"], row["slot"], row["is_line"]))
    return Template(
        {
            key: CaptureMarks(
                day, tuple(PageMarks(page, key, tuple(found)) for page, found in sorted(marks[key].items()))
            )
            for key, day in days.items()
        }
    )
