"""Bytes of pages -> their article text alone, for those who need no more."""

from datetime import UTC, datetime

from pipelines.extract.lines import Line, final_lines
from pipelines.extract.parse import parse_html
from pipelines.extract.reading import read_page
from pipelines.template import CaptureMarks, PageMarks, Template, page_mark

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC).date()


def extract_text(html: bytes, url: str) -> str | None:
    """The article's paragraphs, parted by newlines, as the page alone gives them; None if there are none."""
    return "\n".join(final_lines(_lines(html, url), Template())[0]) or None


def extract_site(pages: list[tuple[bytes, str]]) -> list[str | None]:
    """The texts of pages (bytes, address) of one site: what repeats on them is the site's template and goes."""
    drafts = [_lines(html, url) for html, url in pages]
    marks = tuple(
        PageMarks.of(page_mark(url), "", (line.mark for line in lines))
        for (_, url), lines in zip(pages, drafts, strict=True)
    )
    template = Template({"": CaptureMarks(_ANY_DAY, marks)})
    return ["\n".join(final_lines(lines, template)[0]) or None for lines in drafts]


extract_site.batch = True  # type: ignore[attr-defined]


def _lines(html: bytes, url: str) -> tuple[Line, ...]:
    parsed = parse_html(html)
    if parsed is None:
        return ()
    reading = read_page(parsed.root, url)
    reading.judge()
    return reading.lines()
