"""The lines of a draft, and what is left of them once the site's template is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.clutter import plain_line
from pipelines.template import Mark, Template

_DOUBLED_CHARS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """A block of the draft; `reason`: why it is not part of the article by the page alone.

    `is_soft`: the reason gives way once the site's pages show that the line is the article's own. `is_embed`: it is a
    post of somebody else, shown on the page: kept while it may be all that the page says, not where the site is known.
    """

    text: str
    mark: Mark
    reason: str | None = None
    is_soft: bool = False
    is_embed: bool = False


def final_lines(lines: Sequence[Line], template: Template) -> tuple[list[str], Counter[str]]:
    """The article's paragraphs, and how many lines went for which reason that only the site could give."""
    kept: list[str] = []
    removed: Counter[str] = Counter()
    for line in lines:
        reason = _reason(line, template)
        text = plain_line(line.text)
        if reason is None and text in kept[-3:] and (len(text) >= _DOUBLED_CHARS or text == kept[-1]):
            reason = "doubled"
        if reason is None and text:
            kept.append(text)
        elif reason is not None and reason != line.reason:
            removed[reason] += 1
    return kept, removed


def _reason(line: Line, template: Template) -> str | None:
    if line.reason is not None and not (line.is_soft and template.is_known):
        return line.reason
    if line.is_embed and template.is_known:
        return "embed"
    return "template" if template.repeats(line.mark, anywhere=not line.is_soft) else None
