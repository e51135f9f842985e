"""Blocks of a page -> which of them are the article, and for each other one why it is not.

First the trunk: the elements that hold most of the page's prose, near the headline and not in a box, a list of teasers or
another article. Then every block of it is judged: what its elements are called, what it says, where it stands.
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
_BELIEVED = 0.4
_BELIEVED_SHARE = {
    MarkupKind.CAPTION: 0.5,
    MarkupKind.COMMENTS: 0.9,
    MarkupKind.CONSENT: 0.95,
    MarkupKind.HIDDEN: 0.6,
    MarkupKind.PAYWALL: 0.15,
}
_BELIEVED_TAG = 0.8
_LEAST_REST = 120.0
# Names of such kinds are not believed where the element holds paragraphs of this length: markup that was never closed, a
# class that means how the text is shown.
_DOUBTED = frozenset(
    (
        MarkupKind.ADVERT,
        MarkupKind.BYLINE,
        MarkupKind.NAVIGATION,
        MarkupKind.NEWSLETTER,
        MarkupKind.PAYWALL,
        MarkupKind.PLAYER,
        MarkupKind.SHARE,
    )
)
_LONG_CHARS = 250
_LONG_BLOCKS = {MarkupKind.PAYWALL: 1}
_FIRM = ("comments", "consent", "hidden")
# Elements that hold this share of the prose of the one that holds most are the article as well.
_TRUNK_SHARE = 0.2
_TRUNK_SHARE_BESIDE_BODY = 0.5
_BODY_BONUS = 1.5
# A standfirst of this length is the first paragraph set apart.
_LEAD_CHARS = 200
_TRANSPARENT = frozenset(
    """p li ul ol dl dt dd blockquote h1 h2 h3 h4 h5 h6 table tbody thead tfoot tr td th pre span center figure q cite em strong b i
    font u s small big label details summary""".split()
)
_WORD = re.compile(r"\w+")
_ALPHANUMERIC = re.compile(r"[^\W_]+")
_TITLE_KEY_CHARS = 15
_HEADLINE_WORDS = 6
_CARD_BLOCKS = 6
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
    """Which blocks are the article. `reasons[number]`: why that block is none, or None where it is.

    `soft`: blocks whose reason gives way once the site's pages show that they are the article's own.
    """

    reasons: list[str | None]
    soft: set[int] = field(default_factory=set)

    def kept(self, layout: Layout) -> list[Block]:
        return [block for block in layout.blocks if self.reasons[block.number] is None]


def judge_blocks(layout: Layout, titles: Sequence[str]) -> Judgement:
    """Finds the article's blocks and says of every other one why it is none."""
    keys = {key for title in titles if (key := line_key(title))}
    weights = [_weight(block) for block in layout.blocks]
    reasons: list[str | None] = [None] * len(layout.blocks)
    _mark_regions(layout, weights, reasons)
    title = _title_block(layout, reasons, titles)
    _keep_to_trunk(layout, weights, reasons, title)
    judgement = Judgement(reasons)
    _judge_lines(layout, judgement, keys)
    _soften(layout, judgement, title)
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
        return 0.0 if block.tag in ("p", "li", "dd", "blockquote") else -2.0
    prose = length * (1 - share) ** 2
    return prose if length >= _PROSE_CHARS or _SENTENCE_END.search(block.text) else prose * 0.2


def _mark_regions(layout: Layout, weights: list[float], reasons: list[str | None]) -> None:
    """Gives up what stands in elements whose names say that they are no article, unless most of the prose does."""
    sums = _sums([max(weight, 0.0) for weight in weights])
    long = _sums([float(_is_long(block)) for block in layout.blocks])
    total = sums[-1] or 1.0
    named: dict[tuple[MarkupKind, str], float] = {}
    for frame in layout.frames:
        if frame.kind is not None:
            key = (frame.kind, frame.names or str(frame.start))
            named[key] = named.get(key, 0.0) + sums[frame.end] - sums[frame.start]
    for frame in layout.frames:
        kind = frame.kind
        if kind not in _OUTSIDE or kind is None or frame.start == frame.end:
            continue
        share = named[kind, frame.names or str(frame.start)] / total
        rest = total * (1 - share)
        limit = _BELIEVED_TAG if frame.tag in ("footer", "nav") else _BELIEVED_SHARE.get(kind, _BELIEVED)
        if share > limit or (share > _BELIEVED and rest < _LEAST_REST):
            continue
        if kind in _DOUBTED and long[frame.end] - long[frame.start] >= _LONG_BLOCKS.get(kind, 2):
            continue
        for number in range(frame.start, frame.end):
            reasons[number] = reasons[number] or kind.value
    for frame in layout.frames:
        if frame.kind is MarkupKind.EMBED:
            for number in range(frame.start, frame.end):
                reasons[number] = reasons[number] if reasons[number] in _FIRM else None


def _is_long(block: Block) -> bool:
    return block.tag != "li" and block.link_share < 0.2 and text_length(block.text) >= _LONG_CHARS


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
    """An h1 weighs as much as saying just what a title says; neither alone beats both."""
    key = line_key(block.text)
    score = (2.0 if block.tag == "h1" and block.link_share < 0.5 else 0.0) + (0.5 if block.is_heading else 0.0)
    if key in keys:
        return score + 2.0
    if not block.is_heading:
        return 0.0
    own = _words(block.text)
    is_part = len(key) >= _TITLE_KEY_CHARS and any(key in other for other in keys)
    if is_part or (
        len(own) >= 3 and any(len(own & other) >= 0.6 * max(3, min(len(own), len(other))) for other in words)
    ):
        return score + 1.0
    return score


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.lower()) if len(word) > 2}


def _keep_to_trunk(layout: Layout, weights: Sequence[float], reasons: list[str | None], title: Block | None) -> None:
    """Finds the elements that hold the article's paragraphs; other blocks stay only as prose between those."""
    useful = [weight if reason is None else 0.0 for weight, reason in zip(weights, reasons, strict=True)]
    _discount_before(useful, title)
    _discount_other_articles(layout, useful, title)
    homes = [_home(block) for block in layout.blocks]
    _discount_cards(layout, useful, homes)
    keys = [_home_key(home) for home in homes]
    prose: dict[str, float] = {}
    body: set[str] = set()
    most = dict.fromkeys(map(id, homes), 0)
    for block, key, home, weight in zip(layout.blocks, keys, homes, useful, strict=True):
        if weight > 0:
            is_body = any(frame.is_body for frame in home.ancestors())
            body |= {key} if is_body else set()
            prose[key] = prose.get(key, 0.0) + weight * (_BODY_BONUS if is_body else 1.0)
            most[id(home)] += _is_prose(block)
    if not prose:
        for block in layout.blocks:
            reasons[block.number] = reasons[block.number] or "outside"
        return
    best = max(prose, key=prose.__getitem__)
    trunk = {key for key, weight in prose.items() if weight >= prose[best] * _trunk_share(key, best, body)}
    inside = [
        b.number
        for b, key in zip(layout.blocks, keys, strict=True)
        if key in trunk and useful[b.number] > 0 and _is_prose(b)
    ]
    if not inside:
        inside = [b.number for b, key in zip(layout.blocks, keys, strict=True) if key in trunk and useful[b.number] > 0]
    first, last = inside[0], inside[-1]
    for block, key, home in zip(layout.blocks, keys, homes, strict=True):
        number = block.number
        if reasons[number] is not None:
            continue
        in_body = any(frame.is_body for frame in home.ancestors())
        within = first <= number <= last
        if within and _in_embed(block):
            continue
        if key in trunk and (useful[number] > 0 or within or in_body or most[id(home)] > 0):
            continue
        if useful[number] > 0 and (in_body if _is_prose(block) else in_body and within and block.tag in ("p", "li")):
            continue
        if not within:
            reasons[number] = "outside"
        elif not (_is_prose(block) and useful[number] > 0) and not _heads(block, keys, trunk):
            reasons[number] = "inset"


def _trunk_share(key: str, best: str, body: set[str]) -> float:
    """What share of the best element's prose another must hold: more beside one that calls itself the body."""
    return _TRUNK_SHARE_BESIDE_BODY if best in body and key not in body else _TRUNK_SHARE


def _heads(block: Block, keys: Sequence[str], trunk: set[str]) -> bool:
    """Whether the block is a heading over the trunk's text."""
    after = block.number + 1
    return block.is_heading and block.link_share < 0.5 and after < len(keys) and keys[after] in trunk


def _discount_before(useful: list[float], title: Block | None) -> None:
    """What stands before the headline is not the article, if enough stands after it."""
    if title is None:
        return
    after = sum(weight for weight in useful[title.number :] if weight > 0)
    before = sum(weight for weight in useful[: title.number] if weight > 0)
    if after > max(_LEAST_REST, 0.4 * before):
        for number in range(title.number):
            useful[number] = min(useful[number], 0.0)


def _home(block: Block) -> Frame:
    """The element that holds the block among its like: paragraphs, lists and wrappers of a single block do not count."""
    frame = block.frame
    while frame.parent is not None and (frame.tag in _TRANSPARENT or frame.end - frame.start <= 1):
        frame = frame.parent
    return frame


def _home_key(home: Frame) -> str:
    return "/".join(frame.place for frame in home.ancestors(3))


def _discount_other_articles(layout: Layout, useful: list[float], title: Block | None) -> None:
    """Other `article` elements than the headline's are teasers or the next stories of an endless page."""
    if title is None:
        return
    own = next((frame for frame in title.frame.ancestors() if frame.tag == "article"), None)
    if own is None:
        return
    for frame in layout.frames:
        if frame.tag == "article" and (frame.start >= own.end or frame.end <= own.start):
            for number in range(frame.start, frame.end):
                useful[number] = min(useful[number], 0.0)


def _discount_cards(layout: Layout, useful: list[float], homes: Sequence[Frame]) -> None:
    """A linked headline with a line or two of text in one element is a teaser of another page."""
    cards = [_card(block, home) for block, home in zip(layout.blocks, homes, strict=True)]
    prose: dict[int, int] = {}
    linked: set[int] = set()
    for block, card in zip(layout.blocks, cards, strict=True):
        if block.link_share > 0.8:
            linked.add(id(card))
        elif _is_prose(block):
            prose[id(card)] = prose.get(id(card), 0) + 1
    for block, card in zip(layout.blocks, cards, strict=True):
        if id(card) in linked and prose.get(id(card), 0) <= 1 and card.end - card.start <= _CARD_BLOCKS:
            useful[block.number] *= 0.1


def _card(block: Block, home: Frame) -> Frame:
    """The list item that the block stands in, else its home."""
    return next((frame for frame in block.frame.ancestors(6) if frame.tag == "li"), home)


def _sums(values: Sequence[float]) -> list[float]:
    total, sums = 0.0, [0.0]
    for value in values:
        total += value
        sums.append(total)
    return sums


def _judge_lines(layout: Layout, judgement: Judgement, keys: set[str]) -> None:
    reasons = judgement.reasons
    inside = [block for block in layout.blocks if reasons[block.number] is None]
    first = next((at for at, block in enumerate(inside) if _is_prose(block)), 0)
    last = max((at for at, block in enumerate(inside) if _is_prose(block)), default=len(inside))
    in_list = False
    for at, block in enumerate(inside):
        if _in_embed(block):
            continue
        reason = _line_reason(block, keys, is_head=at <= first, is_tail=at > last, is_last=at >= last - 1)
        if reason is None and in_list and (block.link_share > 0.6 or at > last):
            reason = "related"
        else:
            in_list = reason == "related" and opens_tail(block.text)
        reasons[block.number] = reason


def _soften(layout: Layout, judgement: Judgement, title: Block | None) -> None:
    """Standfirsts, closing credits and contacts may be the article's own: its site will tell."""
    reasons = judgement.reasons
    first = next((block.number for block in layout.blocks if reasons[block.number] is None), len(reasons))
    for block in layout.blocks:
        reason = reasons[block.number]
        if reason in ("credit", "contact", "lead"):
            judgement.soft.add(block.number)
        elif reason not in _FIRM and title is not None and title.number < block.number < first and _is_lead(block):
            is_paragraph = text_length(block.text) >= _LEAD_CHARS
            reasons[block.number] = None if is_paragraph else "lead"
            judgement.soft.add(block.number)


def _in_embed(block: Block) -> bool:
    return any(frame.kind is MarkupKind.EMBED for frame in block.frame.ancestors(4))


def _is_lead(block: Block) -> bool:
    return any(frame.kind is MarkupKind.LEAD for frame in block.frame.ancestors(3)) and block.link_share < 0.5


def line_key(text: str) -> str:
    """Letters and digits alone, for comparing lines."""
    return "".join(_ALPHANUMERIC.findall(text.lower()))


def _is_prose(block: Block) -> bool:
    return text_length(block.text) >= _PROSE_CHARS and block.link_share < 0.5 and not block.is_heading


def _is_promotion(block: Block, *, is_tail: bool) -> bool:
    """A line that is all link: a headline of the same site, or whatever stands after the last paragraph."""
    if is_tail and (not block.links_away or block.tag not in ("p", "li")):
        return True
    return not block.links_away and block.tag != "li" and len(block.text.split()) >= _HEADLINE_WORDS


def _line_reason(block: Block, titles: set[str], *, is_head: bool, is_tail: bool, is_last: bool) -> str | None:
    text = block.text
    key = line_key(text)
    if not key and not text.strip("_ ") == "":
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
    if block.link_share > 0.8 and _is_promotion(block, is_tail=is_tail):
        return "related"
    if is_head and _is_lead(block) and text_length(text) < _LEAD_CHARS:
        return "lead"
    if is_last or not _is_prose(block):
        if _CREDIT_LINE.fullmatch(text):
            return "credit"
        if _CONTACT_LINE.fullmatch(text):
            return "contact"
        if is_tail and (_DATE_LINE.fullmatch(text) or _BY_LINE.fullmatch(text)):
            return "byline"
    return None
