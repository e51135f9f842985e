"""The trunk of a page: the elements that hold most of its prose, after the headline, in no box and no list of teasers.

Blocks are gathered by their home, the element that holds them among their like, and homes by their place (tag and names
of three levels), so that an article cut into many equal boxes is one trunk. Outside the trunk only prose stays that
stands between its first and last paragraph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipelines.extract.blocks import Block, Frame, Layout
from pipelines.extract.weights import ends_sentence, is_prose

# Elements that hold this share of the prose of the one that holds most are the article as well.
_TRUNK_SHARE = 0.2
_TRUNK_SHARE_BESIDE_BODY = 0.5
_BODY_BONUS = 1.5
_LEAST_AFTER_TITLE = 120.0
_CARD_BLOCKS = 6
_CARD_LEVELS = 6
_BOX_LEVELS = 5
_TRANSPARENT = frozenset((
    "p", "li", "ul", "ol", "dl", "dt", "dd", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "table",
    "tbody", "thead", "tfoot", "tr", "td", "th", "pre", "span", "center", "figure", "q", "cite", "em",
    "strong", "b", "i", "font", "u", "s", "small", "big", "label", "details", "summary",
))  # fmt: skip


@dataclass(slots=True)
class _Place:
    """A block's home, its place, and whether it stands in an element that calls itself the article's body."""

    home: Frame
    key: str
    in_body: bool


def keep_to_trunk(layout: Layout, weights: Sequence[float], reasons: list[str | None], title: Block | None) -> set[int]:
    """Writes `outside` or `inset` as the reason of what is not near the article; gives the trunk's block numbers."""
    useful = [weight if reason is None else 0.0 for weight, reason in zip(weights, reasons, strict=True)]
    elsewhere = _before_headline(useful, title) | _other_articles(layout, title)
    useful = [min(weight, 0.0) if number in elsewhere else weight for number, weight in enumerate(useful)]
    places = _places(layout.blocks)
    _discount_cards(layout, useful, places)
    trunk = _trunk_keys(places, useful)
    in_trunk = {block.number for block, place in zip(layout.blocks, places, strict=True) if place.key in trunk}
    inside = [number for number in sorted(in_trunk) if useful[number] > 0]
    prose = [number for number in inside if is_prose(layout.blocks[number])] or inside
    if not prose:
        reasons[:] = [reason or "outside" for reason in reasons]
        return set()
    homes = {id(places[number].home) for number in prose}
    around = _common(layout, prose)
    boxes = {box for number in prose for box in _boxes(layout.blocks[number], around)}
    for block, place in zip(layout.blocks, places, strict=True):
        if reasons[block.number] is None:
            within = prose[0] <= block.number <= prose[-1]
            stays = block.number not in elsewhere and _stays(
                block, place, useful[block.number], within, block.number in in_trunk, id(place.home) in homes
            )
            if not stays and useful[block.number] >= 0:
                stays = (within and _heads(block, in_trunk)) or _is_boxed_alike(block, around, boxes, homes, within)
            if not stays:
                reasons[block.number] = "inset" if within else "outside"
    _keep_headings(layout, reasons, elsewhere)
    return in_trunk


def _keep_headings(layout: Layout, reasons: list[str | None], elsewhere: set[int]) -> None:
    """Keeps headings right over what stays, as in a live blog; the first only if it is made like the others."""
    blocks = layout.blocks
    kept = [block.number for block in blocks if reasons[block.number] is None]
    over = [
        block
        for block, after in pairwise(blocks)
        if block.is_heading and block.tag != "h1" and block.link_share < 0.5 and block.number not in elsewhere
        if reasons[block.number] in ("inset", "outside") and reasons[after.number] is None and is_prose(after)
    ]
    alike = {_heading_place(blocks[number]) for number in kept if blocks[number].is_heading}
    alike |= {_heading_place(block) for block in over if kept[0] < block.number}
    for block in over:
        if kept[0] < block.number or _heading_place(block) in alike:
            reasons[block.number] = None


def _heading_place(block: Block) -> tuple[str, ...]:
    return tuple(frame.place for frame in block.frame.ancestors(3))


def _stays(block: Block, place: _Place, useful: float, within: bool, in_trunk: bool, beside_prose: bool) -> bool:
    if within and block.in_embed:
        return True
    if in_trunk:
        return useful > 0 or within or place.in_body or beside_prose
    if useful <= 0:
        return False
    if is_prose(block):
        return within or place.in_body
    return within and place.in_body and block.tag in ("p", "li")


def _trunk_keys(places: Sequence[_Place], useful: Sequence[float]) -> set[str]:
    prose: dict[str, float] = {}
    body: set[str] = set()
    for place, weight in zip(places, useful, strict=True):
        if weight > 0:
            prose[place.key] = prose.get(place.key, 0.0) + weight * (_BODY_BONUS if place.in_body else 1.0)
            if place.in_body:
                body.add(place.key)
    if not prose:
        return set()
    best = max(prose, key=prose.__getitem__)
    shares = {key: _TRUNK_SHARE_BESIDE_BODY if best in body and key not in body else _TRUNK_SHARE for key in prose}
    return {key for key, weight in prose.items() if weight >= prose[best] * shares[key]}


def _common(layout: Layout, numbers: Sequence[int]) -> Frame:
    """The innermost element around all these blocks."""
    frame = layout.blocks[numbers[0]].frame
    while frame.parent is not None and not frame.start <= numbers[-1] < frame.end:
        frame = frame.parent
    return frame


def _boxes(block: Block, around: Frame) -> list[tuple[str, int]]:
    """Named elements between the block and what is around the whole article, with the element that they stand in."""
    found: list[Frame] = []
    for frame in block.frame.ancestors(_BOX_LEVELS):
        if frame is around:
            break
        found.append(frame)
    return [(frame.place, id(frame.parent)) for frame in found if frame.names and frame.tag not in _TRANSPARENT]


def _is_boxed_alike(block: Block, around: Frame, boxes: set[tuple[str, int]], homes: set[int], within: bool) -> bool:
    """Whether a paragraph or list stands in a box like those of the article's paragraphs, each of which has its own.

    After the last long paragraph only a sentence is believed; a box of nothing but a list, only among paragraphs.
    """
    if block.tag not in ("p", "li", "blockquote", "dd"):
        return False
    if not boxes.isdisjoint(_boxes(block, around)):
        return within or (block.tag == "p" and around.start <= block.number < around.end and ends_sentence(block.text))
    return within and block.is_item and _is_in_list_alone(block, homes)


def _is_in_list_alone(block: Block, homes: set[int]) -> bool:
    """Whether the list, with no heading of its own, is all that the element beside the paragraphs holds."""
    frame = block.frame
    while frame.parent is not None and id(frame.parent) not in homes:
        frame = frame.parent
    return frame.parent is not None and frame.items == frame.end - frame.start


def _heads(block: Block, in_trunk: set[int]) -> bool:
    """Whether the block is a heading over the trunk's text."""
    return block.is_heading and block.link_share < 0.5 and block.number + 1 in in_trunk


def _places(blocks: Sequence[Block]) -> list[_Place]:
    """Of every block; those with one home are in one place."""
    known: dict[int, _Place] = {}
    places = []
    for block in blocks:
        home = _home(block)
        place = known.get(id(home))
        if place is None:
            around = home.ancestors()
            key = "/".join([frame.place for frame in around[:3]])
            place = known[id(home)] = _Place(home, key, any(frame.is_body for frame in around))
        places.append(place)
    return places


def _home(block: Block) -> Frame:
    """Paragraphs, lists and wrappers of a single block are no home."""
    home = block.frame
    while home.parent is not None and (home.tag in _TRANSPARENT or home.end - home.start <= 1):
        home = home.parent
    return home


def _before_headline(useful: Sequence[float], title: Block | None) -> set[int]:
    """What stands before the headline is not the article, if enough stands after it."""
    if title is None:
        return set()
    after = sum(weight for weight in useful[title.number :] if weight > 0)
    before = sum(weight for weight in useful[: title.number] if weight > 0)
    return set(range(title.number)) if after > max(_LEAST_AFTER_TITLE, 0.4 * before) else set()


def _other_articles(layout: Layout, title: Block | None) -> set[int]:
    """Other `article` elements than the headline's are teasers or the next stories of an endless page."""
    own = next((frame for frame in title.frame.ancestors() if frame.tag == "article"), None) if title else None
    if own is None:
        return set()
    others = (f for f in layout.frames if f.tag == "article" and (f.start >= own.end or f.end <= own.start))
    return {number for frame in others for number in range(frame.start, frame.end)}


def _discount_cards(layout: Layout, useful: list[float], places: Sequence[_Place]) -> None:
    """A linked headline with a line or two of text in one element is a teaser of another page."""
    cards = [_card(block, place.home) for block, place in zip(layout.blocks, places, strict=True)]
    prose: dict[int, int] = {}
    linked: set[int] = set()
    for block, card in zip(layout.blocks, cards, strict=True):
        if block.link_share > 0.8:
            linked.add(id(card))
        elif is_prose(block):
            prose[id(card)] = prose.get(id(card), 0) + 1
    for block, card in zip(layout.blocks, cards, strict=True):
        if id(card) in linked and prose.get(id(card), 0) <= 1 and card.end - card.start <= _CARD_BLOCKS:
            useful[block.number] *= 0.1


def _card(block: Block, home: Frame) -> Frame:
    """The list item that the block stands in, else its home."""
    frame: Frame | None = block.frame
    for _ in range(_CARD_LEVELS):
        if frame is None:
            break
        if frame.tag == "li":
            return frame
        frame = frame.parent
    return home
