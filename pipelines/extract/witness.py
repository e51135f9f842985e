"""Further opinions on what the article is: the text that JSON-LD gives of it, its scripts' data, and trafilatura's.

JSON-LD's is asked wherever it is there; it is often cut, without headings and lists, or with clutter of its own, so it
only confirms or doubts blocks of the page, and stands in for the page where that hides most of the text. The others are
asked where the page's own layout gave next to nothing.
"""

import re
import warnings

from lxml import etree

from pipelines.clutter import clutter_kind, plain_line
from pipelines.extract.blocks import Block, Layout
from pipelines.extract.content import Judgement
from pipelines.extract.script_data import told_by
from pipelines.extract.weights import PROSE_CHARS, line_key, text_length

MIN_BODY_CHARS = 300
_KNOWS_SHARE = 0.9
_HOLDS_SHARE = 0.6
_HIDDEN_SHARE = 0.5
_LEAST_CHARS = 140
_RESTORED_CHARS = 40
_STRETCH_CHARS = 25
_MARKUP = re.compile(r"<[^<>]{1,300}>")
_BREAKS = re.compile(r"</p>|<br ?/?>|\\n|\n", re.IGNORECASE)


def hear_article_body(layout: Layout, judgement: Judgement, body: str) -> None:
    """Gives back blocks that JSON-LD's text has, and gives up lines that it has not, if the two tell the same story."""
    told = line_key(_MARKUP.sub(" ", body))
    kept = judgement.kept(layout)
    agreed = sum(len(block.text) for block in kept if _is_told(block, told))
    total = sum(len(block.text) for block in kept) or 1
    if len(told) < MIN_BODY_CHARS or agreed < _HOLDS_SHARE * total:
        return
    first, last = kept[0].number, kept[-1].number
    for block in layout.blocks[first : last + 1]:
        reason = judgement.reasons[block.number]
        if reason in ("inset", "outside") and len(block.text) >= _RESTORED_CHARS and _is_told(block, told):
            judgement.reasons[block.number] = None
    covered = sum(len(line_key(block.text)) for block in kept if _is_told(block, told))
    if covered < _KNOWS_SHARE * len(told):
        return
    for block in kept:
        is_aside = block.number not in judgement.trunk or text_length(block.text) < PROSE_CHARS
        if is_aside and not (block.is_heading or block.is_item or block.in_embed) and not _is_told(block, told):
            judgement.reasons[block.number] = "unconfirmed"


def _is_told(block: Block, told: str) -> bool:
    """Whether the block, or some stretch of it, stands in the other text."""
    key = line_key(block.text)
    if len(key) < 3 * _STRETCH_CHARS:
        return key in told
    starts = (5, len(key) // 2, len(key) - _STRETCH_CHARS - 5)
    return any(key[start : start + _STRETCH_CHARS] in told for start in starts)


def stand_in(page: etree._Element, kept_chars: int, body: str | None, scripts: list[str]) -> tuple[str, list[str]]:
    """Who speaks for a page whose own blocks say next to nothing: JSON-LD's text, its scripts' data, trafilatura.

    Nothing, if the page's blocks say enough. `page` must be rid of its scripts: trafilatura would read any JSON-LD in
    them, at any cost.
    """
    told = body_lines(body) if body is not None else []
    told_chars = sum(map(text_length, told))
    if told_chars >= MIN_BODY_CHARS and kept_chars < _HIDDEN_SHARE * told_chars:
        return "json-ld", told
    if kept_chars >= _LEAST_CHARS:
        return "page", []
    if data := told_by(scripts):
        return "script data", data
    seen = ask_trafilatura(etree.tostring(page, encoding="unicode", method="html"))
    return ("trafilatura", seen) if sum(map(text_length, seen)) > max(2 * kept_chars, _LEAST_CHARS) else ("page", [])


def body_lines(body: str) -> list[str]:
    """JSON-LD's text as clean paragraphs."""
    lines = [plain_line(_MARKUP.sub(" ", line)) for line in _BREAKS.split(body)]
    return [line for line in lines if line and clutter_kind(line) is None]


def ask_trafilatura(page: str) -> list[str]:
    """Clean paragraphs as trafilatura sees them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its download half misses an optional package, which nobody needs here
        from trafilatura import extract
    text = extract(page, fast=True, include_comments=False, include_tables=False, with_metadata=False) or ""
    lines = [plain_line(line.lstrip("-| ")) for line in text.splitlines()]
    return [line for line in lines if line and clutter_kind(line) is None]
