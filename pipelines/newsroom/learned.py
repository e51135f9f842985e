"""What is learned of a source's template: the lines that its pages repeat, where, on how many pages and since when.

The template holds fingerprints. Their words are found on the newest pages from which it was learned.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pipelines.capture import read_pages
from pipelines.errors import StorageError
from pipelines.model import Dropped, RawPage
from pipelines.newsroom.looking import open_lookers
from pipelines.store import Store
from pipelines.template import Mark, Template, load_template

MOST_LINES = 200
_PAGES_LOOKED_AT = 12
_PAGES_A_CAPTURE = 3

Words = dict[tuple[int, int], tuple[str, str]]  # (text, slot) of a mark -> the line and its path


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedLine:
    """A line that is taken out because the site repeats it; `place` names the elements around it."""

    text: str
    place: str
    pages: int
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedTemplate:
    """`pages` are known from `captures`; `lists` counts places of which most of what they hold repeats.

    `lines`: on the most pages first. `wordless`: lines that stand on none of the pages that were looked at.
    """

    pages: int
    captures: int
    first_day: date
    last_day: date
    lists: int
    lines: tuple[LearnedLine, ...]
    wordless: int


def view_template(store: Store, source_id: str) -> LearnedTemplate | None:
    """None if nothing is learned of the source; some seconds of work. Raises StorageError, BusyError."""
    template = load_template(store, source_id)
    if not template.captures:
        return None
    days: dict[tuple[int, int], list[date]] = defaultdict(list)
    marks: set[Mark] = set()
    for capture in template.captures.values():
        for page in capture.pages:
            for mark in page.marks:
                days[mark.text, mark.slot].append(capture.day)
                marks.add(mark)
    repeated = sorted(
        {(mark.text, mark.slot) for mark in marks if template.repeats(mark)},
        key=lambda place: (-template.placed_pages[place], place),
    )[:MOST_LINES]
    words = _words(store, template, set(repeated))
    all_days = [capture.day for capture in template.captures.values()]
    return LearnedTemplate(
        pages=template.page_count,
        captures=len(template.captures),
        first_day=min(all_days),
        last_day=max(all_days),
        lists=len(template.template_slots),
        lines=tuple(
            LearnedLine(
                text=words[place][0],
                place=words[place][1],
                pages=template.placed_pages[place],
                first_day=min(days[place]),
                last_day=max(days[place]),
            )
            for place in repeated
            if place in words
        ),
        wordless=sum(place not in words for place in repeated),
    )


def _words(store: Store, template: Template, wanted: set[tuple[int, int]]) -> Words:
    found: Words = {}
    if not wanted:
        return found
    with open_lookers() as workers:
        for page in _newest_pages(store, template):
            lines = workers.look(page, read_lines)
            if not isinstance(lines, Dropped):
                found |= {place: line for place, line in lines.items() if place in wanted and place not in found}
            if len(found) == len(wanted):
                break
    return found


def read_lines(page: RawPage) -> Words | Dropped:
    """The lines of a page by their fingerprint; runs in a worker."""
    from pipelines.capture import decoded_body
    from pipelines.clutter import plain_line
    from pipelines.extract import explain_page
    from pipelines.pages import draft

    made = draft(page)
    if isinstance(made, Dropped):
        return made
    paths = {block.text: block.path for block in explain_page(decoded_body(page), page.url)}
    return {
        (line.mark.text, line.mark.slot): (plain_line(line.text), paths.get(plain_line(line.text), ""))
        for line in made.lines
    }


def _newest_pages(store: Store, template: Template) -> Iterator[RawPage]:
    left = _PAGES_LOOKED_AT
    allowed = max(_PAGES_A_CAPTURE, left // len(template.captures))
    for key in sorted(template.captures, key=lambda key: (template.captures[key].day, key), reverse=True):
        of_capture = allowed
        try:
            for page in read_pages(store, key):
                if isinstance(page, Dropped):
                    continue
                yield page
                left, of_capture = left - 1, of_capture - 1
                if left <= 0:
                    return
                if of_capture <= 0:
                    break
        except StorageError:  # the capture's retention has ended
            continue
