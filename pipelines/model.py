"""The values that pass between stages, in the order of the flow.

    Source ──discovery──► Link ──spider──► RawPage ──capture──► CaptureRef ──read──► RawPage ──extract──► ExtractedPage
                                                                                             └─────────► Dropped
    ExtractedPage ──signatures──► Signature ──syndication──► Article + Appearance ──archive──► rows
    every run ► RunReport

`None` means "not known"; an empty string or tuple means "known to be none". Every datetime is aware and UTC.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class DropReason(StrEnum):
    """Why a captured page is no article; the words an operator reads in `runs`."""

    BAD_RECORD = "bad_record"
    NOT_OK = "status_not_ok"
    NOT_HTML = "not_html"
    TOO_LARGE = "too_large"
    BAD_ENCODING = "bad_content_encoding"
    NO_TEXT = "no_text"
    TOO_SHORT = "text_too_short"
    NOT_ARTICLE = "not_an_article"
    TIMEOUT = "extraction_timeout"
    ERROR = "extraction_error"
    OUTSIDE_SITE = "outside_site"
    TAKEN_DOWN = "taken_down"
    IMPLAUSIBLE_DATE = "implausible_date"
    GARBLED = "garbled_text"
    SAME_TEXT = "same_text_at_many_addresses"
    BAD_ROW = "does_not_fit_the_table"


class DatePrecision(StrEnum):
    """How exactly a publication time is known."""

    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


class CopyKind(StrEnum):
    """What kind of copy an appearance is of its story's canonical article."""

    ORIGINAL = "original"
    VERBATIM = "verbatim"
    TRIMMED = "trimmed"
    EDITED = "edited"
    EXCERPT = "excerpt"
    SPUN = "spun"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a capture must know of its source to explain itself without the catalogue."""

    id: str
    name: str
    homepage: str
    country: str | None = None
    languages: tuple[str, ...] = ()
    agency: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRef:
    """Where a page lies: object key of the WARC file, offset of its response record, sha256 of its payload (hex)."""

    key: str
    offset: int
    payload_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One fetched page. `body` is the payload as it was transferred (still gzip, br … where `headers` say so).

    `discovered` holds what the link to the page said of it (title, published_at as ISO text, found_in); `capture` is
    None until the page is stored.
    """

    source: SourceFacts
    run_id: str
    requested_url: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: datetime
    ip_address: str | None = None
    request_headers: tuple[tuple[str, str], ...] = ()
    discovered: Mapping[str, str] = field(default_factory=dict)
    capture: CaptureRef | None = None

    def header(self, name: str) -> str | None:
        """The first value of a response header, found without regard to case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """What a page says of its article besides the text; made by `metadata`."""

    title: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_precision: DatePrecision | None = None
    published_found_in: str | None = None
    modified_at: datetime | None = None
    canonical_url: str | None = None
    language: str | None = None
    section: str | None = None
    tags: tuple[str, ...] = ()
    lead_image_url: str | None = None
    paywalled: bool | None = None
    credited_agency: str | None = None
    opt_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedPage:
    """The article found on one captured page; `text` has its paragraphs parted by one newline."""

    source: SourceFacts
    run_id: str
    url: str
    fetched_at: datetime
    facts: PageFacts
    text: str
    removed: Mapping[str, int]
    extractor: str
    capture: CaptureRef

    @property
    def content_sha256(self) -> str:
        """Digest of title and text: equal means that nothing a reader sees has changed."""
        return hashlib.sha256(f"{self.facts.title or ''}\n{self.text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A captured page that gave no article, the stage that dropped it and why."""

    source_id: str
    run_id: str
    url: str
    capture: CaptureRef
    stage: str
    reason: DropReason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One row of `articles`: a distinct article, described by its canonical appearance (docs/archive.md)."""

    article_id: str
    story_id: str
    url: str
    canonical_url: str
    source_id: str
    title: str | None
    authors: tuple[str, ...]
    published_at: datetime | None
    published_precision: DatePrecision | None
    published_found_in: str | None
    modified_at: datetime | None
    first_seen_at: datetime
    fetched_at: datetime
    language: str | None
    section: str | None
    tags: tuple[str, ...]
    lead_image_url: str | None
    text: str
    word_count: int
    paywalled: bool | None
    credited_agency: str | None
    revision: int
    content_sha256: str
    opt_out: tuple[str, ...]
    removed: Mapping[str, int]
    capture_key: str
    capture_offset: int
    payload_sha256: str
    extractor: str
    run_id: str
    schema_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One row of `appearances`: a publication of a story at one URL, and what kind of copy it is.

    `similarity` in [0, 1]: the share of the shorter text's word 5-grams that stand in the other text as well.
    """

    appearance_id: str
    story_id: str
    article_id: str
    url: str
    source_id: str
    title: str | None
    published_at: datetime | None
    first_seen_at: datetime
    kind: CopyKind
    similarity: float
    credited_agency: str | None
    content_sha256: str
    capture_key: str
    capture_offset: int
    run_id: str
    schema_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One crawl of one source: what was asked, got, unchanged, refused. Written last, even if nothing came.

    `refused` and `failed` map a named reason to a count (`robots`, `private_address`, `http_404`, `timeout`).
    `outcome` is `ok`, `partial` (a bound stopped it), `failed` (nothing could be fetched) or `killed`.
    """

    run_id: str
    source_id: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    reason: str = ""
    discovered: int = 0
    asked: int = 0
    captured: int = 0
    unchanged: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    bytes_received: int = 0
    captures: tuple[str, ...] = ()
    dag_run_id: str | None = None
