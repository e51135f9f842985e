"""Readers' comments that no element's name gives away: told by their heading and by the stamps of who wrote when."""

import re
from collections.abc import Sequence

from pipelines.clutter import clutter_kind, opens_tail
from pipelines.extract.blocks import Block
from pipelines.extract.weights import is_prose, text_length

_STORY_CHARS = 300
_STAMP_CHARS = 100
_PARAGRAPHS = 2
_STAMP = re.compile(
    r".{0,60}(?:(?:said|says|wrote|schrieb|sagt|a écrit|dit|dijo|escribió|disse|ha scritto|"
    r"пишет|написал|говорит|пише)(?: am| le| el| em| on)?"
    r"[\s:,].{0,50}(?:\d{4}|\d{1,2}[:.h]\d{2}).{0,20}|\d{4},? (?:at|um|à|a las|às|alle|в|о) \d{1,2}[:.h]\d{2}.{0,20}|"
    r"\d+ (?:minutes?|hours?|days?|weeks?|months?|years?) ago|vor \d+ (?:minuten?|stunden?|tagen?)|"
    r"il y a \d+ \w+|hace \d+ \w+|há \d+ \w+)\W*",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"(?:reply|report|like|flag|quote|antworten|melden|répondre|signaler|responder|denunciar|rispondi|ответить|відповісти|رد|回复|返信)"
    r"(?:[\s|·•/]+(?:reply|report|like|flag|quote|share|\d+))*\W*",
    re.IGNORECASE,
)


def begins_at(kept: Sequence[Block], blocks: Sequence[Block]) -> int | None:
    """Where among the kept blocks the comments begin: at a heading for them that readers' names and times follow.

    `blocks`: all of the page. None where no story stands before it, or no sign of a reader soon after it: a link to the
    comments may stand anywhere.
    """
    length = 0
    for at, block in enumerate(kept):
        if length >= _STORY_CHARS and _heads_comments(block) and _are_heard(blocks[block.number + 1 :]):
            return at
        length += text_length(block.text)
    return None


def _heads_comments(block: Block) -> bool:
    return clutter_kind(block.text) == "comments" and (block.is_heading or opens_tail(block.text))


def _are_heard(blocks: Sequence[Block]) -> bool:
    """Whether a reader is named, or may be answered, before the third paragraph."""
    paragraphs = 0
    for block in blocks:
        if _is_readers(block):
            return True
        paragraphs += is_prose(block)
        if paragraphs > _PARAGRAPHS:
            return False
    return False


def _is_readers(block: Block) -> bool:
    """Whether the line says which reader wrote when, or lets others answer."""
    text = block.text
    if len(text) > _STAMP_CHARS:
        return False
    return _STAMP.fullmatch(text) is not None or _ANSWER.fullmatch(text) is not None
