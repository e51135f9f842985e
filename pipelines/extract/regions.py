"""Elements whose names say that they hold no article, weighed against what stands in them.

A class name is a hint: `related` may hold the whole story, a form may never have been closed, `paywall` may mark the
very paragraphs that were paid for. So a name is believed only while it takes a modest share of the page's prose.
"""

import re
from collections.abc import Sequence

from pipelines.clutter import MarkupKind, kind_names
from pipelines.extract.blocks import Block, Frame, Layout
from pipelines.extract.weights import sums, text_length

_OUTSIDE = frozenset(MarkupKind) - {
    MarkupKind.BODY,
    MarkupKind.EMBED,
    MarkupKind.LEAD,
    MarkupKind.LIVE,
    MarkupKind.PULL_QUOTE,
}
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
# Names of these kinds are not believed where the element holds long paragraphs.
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
_SIGN_CHARS = 200
_SIGN_DASHES = ("—", "–", "-")
_POST_SIGN = re.compile(r"[—–-]+ ?.{1,80}\(@\w{1,30}\) .{0,20}\d{4}.{0,20}")
# What no post shown on the page can be freed from.
FIRM = ("comments", "consent", "hidden")


def mark_regions(layout: Layout, weights: Sequence[float], reasons: list[str | None]) -> None:
    """Writes the kind of the outermost believed element as the reason of every block in it."""
    _mark_posts(layout)
    prose = sums([max(weight, 0.0) for weight in weights])
    long = sums([float(_is_long(block)) for block in layout.blocks])
    named = _prose_by_name(layout, prose)
    for frame in layout.frames:
        if frame.kind is None or frame.kind not in _OUTSIDE or frame.start == frame.end:
            continue
        long_blocks = long[frame.end] - long[frame.start]
        if _is_believed(frame, named[_name(frame)], prose[-1] or 1.0, long_blocks):
            for number in range(frame.start, frame.end):
                reasons[number] = reasons[number] or frame.kind.value
    for frame in layout.frames:
        if frame.kind is MarkupKind.EMBED:
            for number in range(frame.start, frame.end):
                reasons[number] = reasons[number] if reasons[number] in FIRM else None


def _mark_posts(layout: Layout) -> None:
    """A quotation signed with a name, a handle and a day is a post from elsewhere, also where its class is lost."""
    for block in layout.blocks:
        if len(block.text) < _SIGN_CHARS and block.text.startswith(_SIGN_DASHES) and _POST_SIGN.fullmatch(block.text):
            quotation = next((frame for frame in block.frame.ancestors(4) if frame.tag == "blockquote"), None)
            if quotation is not None and quotation.kind is None:
                quotation.kind = MarkupKind.EMBED


def _is_believed(frame: Frame, held: float, total: float, long_blocks: float) -> bool:
    assert frame.kind is not None
    share = held / total
    limit = _BELIEVED_TAG if frame.tag in ("footer", "nav") else _BELIEVED_SHARE.get(frame.kind, _BELIEVED)
    if share > limit or (share > _BELIEVED and total * (1 - share) < _LEAST_REST):
        return False
    return frame.kind not in _DOUBTED or long_blocks < _LONG_BLOCKS.get(frame.kind, 2)


def _prose_by_name(layout: Layout, prose: Sequence[float]) -> dict[tuple[MarkupKind | None, str], float]:
    """How much prose stands in all elements of the same kind and names together."""
    named: dict[tuple[MarkupKind | None, str], float] = {}
    for frame in layout.frames:
        if frame.kind is not None:
            name = _name(frame)
            named[name] = named.get(name, 0.0) + prose[frame.end] - prose[frame.start]
    return named


def _name(frame: Frame) -> tuple[MarkupKind | None, str]:
    """Elements of one name are believed together; of `paywall heading` and `paywall text` both are `paywall`."""
    names = kind_names(frame.names, frame.kind) if frame.kind is MarkupKind.PAYWALL else frame.names
    return frame.kind, names or str(frame.start)


def _is_long(block: Block) -> bool:
    return block.tag != "li" and block.link_share < 0.2 and text_length(block.text) >= _LONG_CHARS
