"""One page -> a draft of its article, then, with what its site repeats taken out, the article.

`draft_page` is the dear step and knows one page only; `finish_page` is cheap and knows the site. A draft can be sent
between processes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version

from pipelines.capture import BodyEncodingError, BodyTooLargeError, decoded_body
from pipelines.extract.lines import Line, final_lines
from pipelines.extract.parse import parse_html
from pipelines.extract.reading import Reading, read_page
from pipelines.extract.refusal import refusal
from pipelines.extract.weights import text_length
from pipelines.metadata import detect_language, find_agency, read_facts
from pipelines.model import CaptureRef, Dropped, DropReason, ExtractedPage, PageFacts, RawPage, SourceFacts
from pipelines.template import MAX_MARKS_A_PAGE, PageMarks, Template, page_mark

EXTRACTOR = f"worldwire-1/trafilatura-{version('trafilatura')}"
MIN_TEXT_CHARS = 100
_NO_CAPTURE = CaptureRef(key="", offset=0, payload_sha256="")
_OTHER_TYPES = (
    "image/",
    "video/",
    "audio/",
    "font/",
    "application/pdf",
    "application/json",
    "application/zip",
    "text/css",
    "text/javascript",
)


@dataclass(frozen=True)
class Draft:
    """An article as its page alone gives it: facts without those that need the text, and its lines."""

    source: SourceFacts
    run_id: str
    url: str
    page: RawPage
    facts: PageFacts
    lines: tuple[Line, ...]
    removed: tuple[tuple[str, int], ...]
    html_language: str | None

    @cached_property
    def marks(self) -> PageMarks:
        """Fingerprints of the lines, for learning the site's template."""
        capture = self.page.capture or _NO_CAPTURE
        return PageMarks.of(page_mark(self.url), capture.key, (line.mark for line in self.lines[:MAX_MARKS_A_PAGE]))


def draft_page(page: RawPage) -> Draft | Dropped:
    """The page's article without knowledge of its site, or why there is none."""
    if not 200 <= page.status < 300:
        return dropped(page, DropReason.NOT_OK, str(page.status))
    content_type = page.header("Content-Type")
    if content_type and content_type.strip().lower().startswith(_OTHER_TYPES):
        return dropped(page, DropReason.NOT_HTML, content_type[:80])
    try:
        body = decoded_body(page)
    except BodyTooLargeError as error:
        return dropped(page, DropReason.TOO_LARGE, str(error))
    except BodyEncodingError as error:
        return dropped(page, DropReason.BAD_ENCODING, str(error))
    parsed = parse_html(body, content_type) if b"<" in body[:10_000] or b"\x00" in body[:100] else None
    if parsed is None or body.startswith(b"%PDF"):
        return dropped(page, DropReason.NOT_HTML, "")
    reading = read_page(parsed.root, page.url)
    facts = read_facts(
        parsed.root,
        reading.matter,
        url=page.url,
        site_name=page.source.name,
        headers=page.headers,
        discovered=page.discovered,
        fetched_at=page.fetched_at,
    )
    reading.judge()
    if (why := refusal(reading, facts, page.url)) is not None:
        return dropped(page, why.reason, why.detail)
    return _draft(page, reading, facts)


def finish_page(draft: Draft, template: Template) -> ExtractedPage | Dropped:
    """The article: its draft without what the site repeats, with language and credited agency."""
    lines, removed = final_lines(draft.lines, template)
    text = "\n".join(lines)
    if text_length(text) < MIN_TEXT_CHARS:
        reason = DropReason.TOO_SHORT if text else DropReason.NO_TEXT
        return dropped(draft.page, reason, f"{len(text)} characters")
    facts = replace(
        draft.facts,
        language=detect_language(text, draft.html_language),
        credited_agency=find_agency(draft.facts.title, "\n".join([*lines, *_credits(draft), *draft.facts.authors])),
    )
    return ExtractedPage(
        source=draft.source,
        run_id=draft.run_id,
        url=draft.url,
        fetched_at=draft.page.fetched_at,
        facts=facts,
        text=text,
        removed=dict(sorted((Counter(dict(draft.removed)) + removed).items())),
        extractor=EXTRACTOR,
        capture=draft.page.capture or _NO_CAPTURE,
    )


def _draft(page: RawPage, reading: Reading, facts: PageFacts) -> Draft:
    head = reading.matter.head
    return Draft(
        source=page.source,
        run_id=page.run_id,
        url=page.url,
        page=replace(page, body=b"", headers=(), request_headers=()),
        facts=facts,
        lines=reading.lines(),
        removed=tuple(sorted(reading.removed().items())),
        html_language=head.html_language or head.first("content-language", "og:locale", "language"),
    )


def _credits(draft: Draft) -> list[str]:
    """Lines that name the text's origin but are no part of it."""
    return [line.text for line in draft.lines if line.reason in ("credit", "byline", "source", "copyright")]


def dropped(page: RawPage, reason: DropReason, detail: str) -> Dropped:
    """The page as one that gives no article."""
    return Dropped(
        source_id=page.source.id,
        run_id=page.run_id,
        url=page.url,
        capture=page.capture or _NO_CAPTURE,
        stage="extract",
        reason=reason,
        detail=detail,
    )
