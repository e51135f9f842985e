"""Cleaning text that comes without its page: line by line, then the tail, doubled lines and the title's suffix.

Cleaning twice is cleaning once. A sentence is never cut: a line goes as a whole or stays.
"""

import re

from pipelines.clutter.phrases import clutter_kind, opens_tail

# Characters that nobody sees: control, direction (an override turns the words around it), tags that spell in secret.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\u00ad"
    r"\U000e0000-\U000e007f]"
)
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*$")
_TITLE_SUFFIX = re.compile(r"^(?P<title>.{20,}\S)\s+[|¦]\s+(?P<suffix>[^|¦]{2,40})$")
_NAMED_SUFFIX = re.compile(
    r"^(?P<title>.{20,}\S)\s+[–—-]\s+(?P<suffix>(?:[A-Z][\w'.&]*\s){0,3}(?:News|Times|Post|Guardian|Online|Newspaper|Magazine|Press))$"
)
_TAIL_LINE_CHARS = 140


def clean_text(text: str) -> str:
    """The text without clutter lines, doubled lines and the suffix of its title; paragraphs parted by a newline."""
    lines = [plain_line(line) for line in text.splitlines()]
    while (cleaned := clean_lines(lines)) != lines:
        lines = cleaned
    return "\n".join(lines)


def clean_lines(lines: list[str]) -> list[str]:
    """One pass of cleaning over lines; empty lines go."""
    kept = [line for line in _without_tail(lines) if line and clutter_kind(line) is None]
    once = [line for number, line in enumerate(kept) if number == 0 or line != kept[number - 1]]
    if len(once) > 1:
        once[0] = cut_title_suffix(once[0])
    return once


def plain_line(line: str) -> str:
    """A line with single spaces and without control characters, soft hyphens and other invisible ones."""
    return " ".join(_CONTROL.sub("", line).split())


def cut_title_suffix(title: str) -> str:
    """A headline without the site or section that follows it (`… | World news`)."""
    match = _TITLE_SUFFIX.match(title) or _NAMED_SUFFIX.match(title)
    if match is None or len(match["suffix"].split()) > 5:
        return title
    return match["title"]


def _without_tail(lines: list[str]) -> list[str]:
    """Lines up to the point where the end of the page begins, if nothing that reads like a sentence follows it."""
    for number, line in enumerate(lines):
        if number > 0 and line and opens_tail(line) and not any(_is_prose(after) for after in lines[number + 1 :]):
            return lines[:number]
    return lines


def _is_prose(line: str) -> bool:
    if len(line) > _TAIL_LINE_CHARS:
        return True
    return bool(_SENTENCE_END.search(line)) and clutter_kind(line) is None and len(line) > 30
