"""Blocks of a page -> which of them are the article, and for each other one why it is not.

First the trunk: the elements that hold most of the page's prose, near the headline and not in a box, a list of teasers
or another article. Then every block is judged: what its elements are called, what it says, where it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.clutter import MarkupKind, clutter_kind, opens_tail
from pipelines.extract.blocks import Block, Layout
from pipelines.extract.regions import FIRM, mark_regions
from pipelines.extract.scraps import (
    bylined,
    is_about,
    is_byline,
    is_caption,
    is_italic_caption,
    is_label_and_links,
    is_read_also,
    notice_kind,
)
from pipelines.extract.thread import begins_at
from pipelines.extract.trunk import keep_to_trunk
from pipelines.extract.weights import ends_sentence, is_bare_address, is_prose, is_wide, line_key, text_length, weigh
from pipelines.metadata import names_in

# A standfirst of this length is the first paragraph set apart.
_LEAD_CHARS = 200
_LEAD_BLOCKS = 4
_WORD = re.compile(r"\w+")
_TITLE_KEY_CHARS = 15
_HEADLINE_WORDS = 4
_WORD_CHARS = 4
_LINE_CHARS = 320
_SENTENCE_CHARS = 40
_BYLINES = 6
_BYLINE_BLOCKS = 5
_LAST_LINES = 4
_SITE_NAME_WORDS = 4
_SITE_NAME_CHARS = 40
_SOURCE_LINE = re.compile(
    r"(?:source|sources|quelle|fuente|fonte|источник|джерело|المصدر|来源|來源|出典)\s*[:：]\s*.{2,60}", re.IGNORECASE
)
_CREDIT_LINE = re.compile(
    r"[(\[]?(?:(?:additional |with |further )?(?:reporting|writing|editing|edited|written|compiled|production) (?:by|"
    r"from)\b|(?:photo|image|picture|photograph|video|foto|credit|bild|crédit|crédito)s?(?: credit| by)?\s*:|"
    r"(?:with )?(?:files|inputs|reporting|contributions?|material) from\b|rédigé par|edité par|redaktion:|"
    r"bearbeitet von).{2,260}",
    re.IGNORECASE,
)
_CONTACT_LINE = re.compile(
    r"(?:\W?\s*(?:[\w.'’ -]{2,60}\b)?(?:can be reached|may be reached|(?:contact|reach|e-?mail|follow|write to|"
    r"tweet)\b)\b.{0,200}(?:@|twitter|facebook|\d{3}[-.]\d{3,4}|e-?mail).{0,120}|"
    r"(?:e-?mail\W+)?[\w.+-]+@[\w-]+\.[\w.]+|@\w{2,30}|(?:https?://)?twitter\.com/\w+)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Judgement:
    """Which blocks are the article. `reasons[number]`: why that block is none, or None where it is.

    `soft`: blocks whose reason gives way once the site's pages show that they are the article's own. `trunk`: blocks in
    the elements that hold most of the article.
    """

    reasons: list[str | None]
    soft: set[int] = field(default_factory=set)
    trunk: set[int] = field(default_factory=set)

    def kept(self, layout: Layout) -> list[Block]:
        return [block for block in layout.blocks if self.reasons[block.number] is None]


def judge_blocks(layout: Layout, titles: Sequence[str], authors: Sequence[str] = ()) -> Judgement:
    """Finds the article's blocks and says of every other one why it is none; `authors`: as the page's head has them."""
    keys = {key for title in titles if (key := line_key(title))}
    weights = [weigh(block) for block in layout.blocks]
    reasons: list[str | None] = [None] * len(layout.blocks)
    mark_regions(layout, weights, reasons)
    title = _title_block(layout, reasons, titles)
    judgement = Judgement(reasons, trunk=keep_to_trunk(layout, weights, reasons, title))
    if title is not None and reasons[title.number] == "outside":
        reasons[title.number] = "title"
    _drop_comments(layout, judgement)
    _judge_lines(layout, judgement, keys)
    _drop_biography(layout, judgement, authors)
    _soften(layout, judgement, title)
    return judgement


def _title_block(layout: Layout, reasons: Sequence[str | None], titles: Sequence[str]) -> Block | None:
    """The headline as it stands on the page: the first line that says what the page's titles say."""
    keys = [key for title in titles if (key := line_key(title))]
    words = [_words(title) for title in titles]
    shown = [
        block
        for block in layout.blocks
        if 8 < len(block.text) < 400 and reasons[block.number] not in ("navigation", "hidden", "related", "comments")
    ]
    best, best_score = None, 1.0
    for block in shown:
        score = _title_score(block, keys, words)
        if score > best_score:
            best, best_score = block, score
    return best


def _title_score(block: Block, keys: Sequence[str], words: Sequence[set[str]]) -> float:
    """Saying just what a title says weighs most, being an h1 next."""
    key = line_key(block.text)
    score = 0.5 if block.is_heading else 0.0
    if block.tag == "h1" and block.link_share < 0.5:
        score += 1.5 if len(block.text.split()) < _SITE_NAME_WORDS else 2.1  # a site's own name is often an h1 as well
    if key in keys:
        return score + 2.0
    if not block.is_heading:
        return 0.0
    if len(block.text) < _SITE_NAME_CHARS and any(other != key and other.endswith(key) for other in keys):
        score -= 1.5  # the name of the site, which follows the headline in the page's title
    own = _words(block.text)
    is_part = len(key) >= _TITLE_KEY_CHARS and any(key in other for other in keys)
    if is_part or (
        len(own) >= 3 and any(len(own & other) >= 0.6 * max(3, min(len(own), len(other))) for other in words)
    ):
        return score + 1.0
    return score


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.lower()) if len(word) > 2}


def _judge_lines(layout: Layout, judgement: Judgement, keys: set[str]) -> None:
    reasons = judgement.reasons
    inside = [block for block in layout.blocks if reasons[block.number] is None]
    prose = [at for at, block in enumerate(inside) if is_prose(block)]
    first, last = (prose[0], prose[-1]) if prose else (0, len(inside))
    # The first paragraph may be the standfirst, with the byline under it.
    byline_end = min(prose[1] if len(prose) > 1 else first, first + _BYLINE_BLOCKS)
    in_list = False
    for at, block in enumerate(inside):
        if block.in_embed:
            continue
        reason = _line_reason(block, keys, is_head=at <= first, is_tail=at > last, is_last=at >= last - 1)
        if reason is None and first < at < byline_end and is_byline(block, is_head=True):
            reason = "byline"
        if reason is None and _is_picture_text(block, layout):
            reason = "caption"
        if reason is None and in_list and _is_listed(block, is_tail=at > last):
            reason = "related"
        elif reason is None:
            in_list = False
        elif opens_tail(block.text):
            in_list = True
        reasons[block.number] = reason


def _drop_comments(layout: Layout, judgement: Judgement) -> None:
    kept = judgement.kept(layout)
    begin = begins_at(kept, layout.blocks)
    for block in kept[begin:] if begin is not None else ():
        judgement.reasons[block.number] = "comments"


def _drop_biography(layout: Layout, judgement: Judgement, authors: Sequence[str]) -> None:
    """Who the author is, told in the last lines."""
    bylines = [text for block in layout.blocks if judgement.reasons[block.number] and (text := bylined(block))]
    names = {*authors, *(name for text in bylines[:_BYLINES] for name in names_in(text))}
    for block in judgement.kept(layout)[-_LAST_LINES:]:
        if is_about(block.text, names):
            judgement.reasons[block.number] = "biography"


def _is_picture_text(block: Block, layout: Layout) -> bool:
    if block.is_heading:
        return False
    after = layout.blocks[block.number + 1] if block.number + 1 < len(layout.blocks) else None
    return block.text in layout.picture_texts or is_italic_caption(block, after)


def _soften(layout: Layout, judgement: Judgement, title: Block | None) -> None:
    """Standfirsts, closing credits and contacts may be the article's own: its site will tell."""
    reasons = judgement.reasons
    first = next((block.number for block in layout.blocks if reasons[block.number] is None), len(reasons))
    for block in layout.blocks:
        reason = reasons[block.number]
        if reason in ("biography", "credit", "contact", "lead"):
            judgement.soft.add(block.number)
        elif reason not in FIRM and title is not None and title.number < block.number < first and _is_lead(block):
            if is_byline(block, is_head=True):
                continue
            is_paragraph = text_length(block.text) >= _LEAD_CHARS
            reasons[block.number] = None if is_paragraph else "lead"
            judgement.soft.add(block.number)


def _is_lead(block: Block) -> bool:
    """Whether it stands in a standfirst; what holds many blocks is none (`text-with-summary`)."""
    around = (frame for frame in block.frame.ancestors(3) if frame.kind is MarkupKind.LEAD)
    return any(frame.end - frame.start <= _LEAD_BLOCKS for frame in around) and block.link_share < 0.5


def _is_listed(block: Block, *, is_tail: bool) -> bool:
    """Whether the block goes with the heading of a list of other stories above it."""
    if block.link_share > (0.2 if block.is_item else 0.6):
        return True
    return is_tail and not _is_sentence(block.text)


def _is_sentence(text: str) -> bool:
    return text_length(text) >= _SENTENCE_CHARS and ends_sentence(text)


def _is_link_line(block: Block, *, is_tail: bool) -> bool:
    if is_read_also(block) or (is_tail and is_label_and_links(block)):
        return True
    return block.link_share > 0.8 and _is_promotion(block, is_tail=is_tail)


def _is_promotion(block: Block, *, is_tail: bool) -> bool:
    """A line that is all link: a headline of the same site, or whatever stands after the last paragraph."""
    if is_tail:
        return not (block.links_away and is_bare_address(block.text))
    words = max(len(block.text.split()), text_length(block.text) // _WORD_CHARS if is_wide(block.text) else 0)
    return not block.links_away and block.tag != "li" and words >= _HEADLINE_WORDS


def _line_reason(block: Block, titles: set[str], *, is_head: bool, is_tail: bool, is_last: bool) -> str | None:
    text = block.text
    key = line_key(text)
    if not key and text.strip("_ "):
        return "ornament"
    if block.tag == "h1" or key in titles:
        return "title"
    kind = clutter_kind(text) or (None if is_head else notice_kind(text))
    if kind is not None or len(text) > _LINE_CHARS:
        return kind
    if is_caption(block):
        return "caption"
    if _SOURCE_LINE.fullmatch(text):
        return "source"
    if _is_link_line(block, is_tail=is_tail):
        return "related"
    is_scrap = is_last or not is_prose(block)
    if (is_head or (is_tail and is_scrap)) and is_byline(block, is_head=is_head):
        return "byline"
    if is_head and _is_lead(block) and text_length(text) < _LEAD_CHARS:
        return "lead"
    return _credit_reason(text) if is_scrap else None


def _credit_reason(text: str) -> str | None:
    if _CREDIT_LINE.fullmatch(text):
        return "credit"
    return "contact" if _CONTACT_LINE.fullmatch(text) else None
