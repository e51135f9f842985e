"""Blocks of a page -> which of them are the article, and for each other one why it is not.

First the container: each frame weighs the sum of its blocks, prose for, links and scraps against; the heaviest wins, the
innermost among equals. Then every block in it is judged: what its elements are called, what it says, where it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.clutter import MarkupKind, clutter_kind, opens_tail
from pipelines.extract.blocks import Block, Frame, Layout

_PROSE_CHARS = 80
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_SENTENCE_END = re.compile(r"[.!?…。！？؟।:;,\"'”’»)\]]$")
# Kinds whose subtree is no article text, unless it holds most of the page's prose.
_OUTSIDE = frozenset(MarkupKind) - {
    MarkupKind.BODY,
    MarkupKind.LEAD,
    MarkupKind.EMBED,
    MarkupKind.PULL_QUOTE,
    MarkupKind.LIVE,
}
# Such a subtree may hold this share of the container's prose and still be believed.
_BELIEVED_SHARE = {MarkupKind.COMMENTS: 0.85, MarkupKind.CAPTION: 0.5}
_BELIEVED = 0.4
_DATE_LINE = re.compile(
    r"(?:(?:(?:first |last )?(?:published|updated|posted|modified|created)|by|on|at|date|added|von|am|par|publié|por|publicado|di|pubblicato|опубликовано)\b\W*)*"
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\W+)?(?:\d{1,2}(?:st|nd|rd|th)?[\s./-]+(?:[^\W\d]{3,10}|\d{1,2})[\s.,/-]+\d{2,4}|[^\W\d]{3,10}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{4}[-./年]\s?\d{1,2}[-./月]\s?\d{1,2}日?)"
    r"(?:.{0,60})?",
    re.IGNORECASE,
)
_BY_LINE = re.compile(
    r"(?:by|von|par|por|di|written by|story by|text by|words by|автор|текст|от)\s*:?\s+\S.{1,70}", re.IGNORECASE
)
_SOURCE_LINE = re.compile(
    r"(?:source|sources|quelle|fuente|fonte|источник|джерело|المصدر|来源|來源|出典)\s*[:：]\s*.{2,60}", re.IGNORECASE
)
_CREDIT_LINE = re.compile(
    r"[(\[]?(?:(?:additional |with |further )?(?:reporting|writing|editing|edited|written|compiled|production) (?:by|from)\b|(?:photo|image|picture|photograph|video|foto|credit|bild|crédit|crédito)s?(?: credit| by)?\s*:|"
    r"(?:with )?(?:files|inputs|reporting|contributions?|material) from\b|rédigé par|edité par|redaktion:|bearbeitet von).{2,260}",
    re.IGNORECASE,
)
_CONTACT_LINE = re.compile(
    r"(?:\W?\s*(?:[\w.'’ -]{2,60}\b)?(?:can be reached|may be reached|(?:contact|reach|e-?mail|follow|write to|tweet)\b)\b.{0,200}(?:@|twitter|facebook|\d{3}[-.]\d{3,4}|e-?mail).{0,120}|(?:e-?mail\W+)?[\w.+-]+@[\w-]+\.[\w.]+|@\w{2,30}|(?:https?://)?twitter\.com/\w+)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Judgement:
    """Which blocks are the article. `reasons[number]`: why that block is none, or None where it is."""

    container: Frame
    reasons: list[str | None]
    soft: set[int] = field(default_factory=set)

    def kept(self, layout: Layout) -> list[Block]:
        return [block for block in layout.blocks if self.reasons[block.number] is None]


def judge_blocks(layout: Layout, titles: Sequence[str]) -> Judgement:
    """Chooses the article's container and judges every block of the page."""
    weights = [_weight(block) for block in layout.blocks]
    reasons: list[str | None] = [None] * len(layout.blocks)
    _mark_regions(layout, weights, reasons)
    container = _container(layout, weights, reasons)
    for block in layout.blocks:
        if not container.start <= block.number < container.end:
            reasons[block.number] = reasons[block.number] or "outside"
    judgement = Judgement(container, reasons)
    _judge_lines(layout, judgement, titles)
    return judgement


def text_length(text: str) -> int:
    """Length in the measure of alphabetic scripts: an ideograph says as much as two or three letters."""
    return len(text) if text.isascii() else len(text) + int(1.5 * len(_WIDE.findall(text)))


def _weight(block: Block) -> float:
    length = text_length(block.text)
    share = block.link_share
    if share > 0.6:
        return -5.0 - min(length, 60) * 0.4
    if block.is_heading:
        return 2.0
    if length < 40:
        return -3.0
    prose = length * (1 - share) ** 2
    return prose if length >= _PROSE_CHARS or _SENTENCE_END.search(block.text) else prose * 0.2


def _mark_regions(layout: Layout, weights: list[float], reasons: list[str | None]) -> None:
    """Gives up what stands in elements whose names say that they are no article."""
    sums = _sums([max(weight, 0.0) for weight in weights])
    total = sums[-1] or 1.0
    for frame in layout.frames:
        if frame.kind not in _OUTSIDE or frame.start == frame.end or frame.kind is None:
            continue
        share = (sums[frame.end] - sums[frame.start]) / total
        if share > _BELIEVED_SHARE.get(frame.kind, _BELIEVED):
            continue
        for number in range(frame.start, frame.end):
            reasons[number] = reasons[number] or frame.kind.value


def _container(layout: Layout, weights: list[float], reasons: list[str | None]) -> Frame:
    useful = [
        weight if reason is None else min(weight, 0.0) * 0.3 for weight, reason in zip(weights, reasons, strict=True)
    ]
    sums = _sums(useful)

    def score(frame: Frame) -> float:
        return sums[frame.end] - sums[frame.start]

    best = layout.frames[0]
    for frame in layout.frames:
        if score(frame) >= score(best) and frame.start < frame.end:
            best = frame
    positive = _sums([max(weight, 0.0) for weight in useful])

    def prose(frame: Frame) -> float:
        return positive[frame.end] - positive[frame.start]

    bodies = [f for f in layout.frames if f.is_body and best.start <= f.start and f.end <= best.end]
    whole = max(bodies, key=prose, default=None)
    if whole is not None and prose(whole) >= 0.6 * prose(best):
        return whole
    return best


def _sums(values: Sequence[float]) -> list[float]:
    total, sums = 0.0, [0.0]
    for value in values:
        total += value
        sums.append(total)
    return sums


def _judge_lines(layout: Layout, judgement: Judgement, titles: Sequence[str]) -> None:
    container, reasons = judgement.container, judgement.reasons
    inside = [b for b in layout.blocks[container.start : container.end] if reasons[b.number] is None]
    first = next((at for at, block in enumerate(inside) if _is_prose(block)), 0)
    last = max((at for at, block in enumerate(inside) if _is_prose(block)), default=len(inside))
    keys = {line_key(title) for title in titles if title}
    for at, block in enumerate(inside):
        reasons[block.number] = _line_reason(block, keys, is_head=at < first, is_tail=at > last)
    for at, block in enumerate(inside):
        if at > first and opens_tail(block.text) and at > last:
            for after in inside[at:]:
                reasons[after.number] = reasons[after.number] or "related"
            break


def line_key(text: str) -> str:
    """Letters and digits alone, for comparing lines."""
    return "".join(character for character in text.lower() if character.isalnum())


def _is_prose(block: Block) -> bool:
    return text_length(block.text) >= _PROSE_CHARS and block.link_share < 0.5 and not block.is_heading


def _line_reason(block: Block, titles: set[str], *, is_head: bool, is_tail: bool) -> str | None:
    text = block.text
    key = line_key(text)
    if not key:
        return "ornament"
    if block.tag == "h1" or key in titles:
        return "title"
    kind = clutter_kind(text)
    if kind is not None:
        return kind
    if len(text) > 300:
        return None
    if is_head and (_DATE_LINE.fullmatch(text) or _BY_LINE.fullmatch(text)):
        return "byline"
    if _SOURCE_LINE.fullmatch(text):
        return "source"
    if is_tail or not _is_prose(block):
        if _CREDIT_LINE.fullmatch(text):
            return "credit"
        if _CONTACT_LINE.fullmatch(text):
            return "contact"
        if is_tail and (_DATE_LINE.fullmatch(text) or _BY_LINE.fullmatch(text)):
            return "byline"
    return None
