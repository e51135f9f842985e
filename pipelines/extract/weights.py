"""How much a block of text speaks for an article: prose for, links and scraps against."""

import re
from collections.abc import Sequence

from pipelines.extract.blocks import Block

PROSE_CHARS = 80
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*$")
_CLAUSE_END = re.compile(r"[.!?…。！？؟।:;,\"'”’»)\]]$")
_BARE_ADDRESS = re.compile(r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?:/\S*)?")
_ALPHANUMERIC = re.compile(r"[^\W_]+")
_ASCII_REST = bytes(code for code in range(128) if not chr(code).isalnum())


def text_length(text: str) -> int:
    """Length in the measure of alphabetic scripts: an ideograph says as much as two or three letters."""
    return len(text) if text.isascii() else len(text) + int(1.5 * len(_WIDE.findall(text)))


def is_wide(text: str) -> bool:
    """Whether it is in a script without spaces between words."""
    return not text.isascii() and 2 * len(_WIDE.findall(text)) > len(text)


def line_key(text: str) -> str:
    """Letters and digits alone, for comparing lines."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_REST).decode()
    return "".join(_ALPHANUMERIC.findall(text.lower()))


def ends_sentence(text: str) -> bool:
    """Whether a full stop or its like closes the text, quotes and brackets aside."""
    return _SENTENCE_END.search(text) is not None


def is_bare_address(text: str) -> bool:
    """Whether the text is the address of a page and no more."""
    return _BARE_ADDRESS.fullmatch(text) is not None


def is_prose(block: Block) -> bool:
    """Whether the block reads like a paragraph: long enough, not a heading, not mostly links."""
    return text_length(block.text) >= PROSE_CHARS and block.link_share < 0.5 and not block.is_heading


def weigh(block: Block) -> float:
    """Characters of prose; below zero for links and scraps."""
    length = text_length(block.text)
    share = block.link_share
    if share > 0.6:
        return -5.0 - min(length, 60) * 0.4
    if block.is_heading:
        return 2.0
    if length < 40:
        return 0.0 if block.tag in ("p", "li", "dd", "blockquote") else -2.0
    prose = length * (1 - share) ** 2
    return float(prose if length >= PROSE_CHARS or _CLAUSE_END.search(block.text) else prose * 0.2)


def sums(values: Sequence[float]) -> list[float]:
    """Running sums, so that the sum of a range is a difference."""
    total, found = 0.0, [0.0]
    for value in values:
        total += value
        found.append(total)
    return found
