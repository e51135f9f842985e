"""Bytes of a page -> its tree, whatever their encoding claims to be and however broken the markup is.

Bounds: MAX_HTML_CHARS are read, inline images and other ballast of larger pages left out; a tree deeper than libxml2
allows is flattened and parsed again.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

MAX_HTML_CHARS = 6_000_000
# In a page larger than that, so many characters without a tag are ballast; what is kept of them closes what was open.
_BALLAST_CHARS = 100_000
_BALLAST_START_CHARS, _BALLAST_END_CHARS = 20_000, 1_000
# libxml2 stops at 2048 levels; a page near that lost its text.
_DEEP = 2_000
_LONG_TAG_CHARS = 10_000
_MANY_ATTRIBUTES = 400
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{2,40})""", re.IGNORECASE)
_XML_DECLARATION = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([a-zA-Z0-9_:.-]{2,40})""")
_HEADER = re.compile(r"""charset\s*=\s*["']?\s*([a-zA-Z0-9_:.-]{2,40})""", re.IGNORECASE)
_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 127])
# What browsers take these labels for. Source: https://encoding.spec.whatwg.org/#names-and-labels
_WIDER = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
_SEVEN_BIT = ("iso2022", "hz")
_LAX_TAGS = re.compile(
    r"</?(?:div|span|font|b|i|em|strong|center|section|ul|li|blockquote|table|tr|td)\b[^<>]{0,2000}>", re.IGNORECASE
)
_PARSER = {
    "encoding": "utf-8",
    "remove_comments": True,
    "remove_pis": True,
    "huge_tree": True,
    "no_network": True,
    "collect_ids": False,
}


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """The tree of a page and the encoding that its bytes turned out to be in."""

    root: etree._Element
    encoding: str


def parse_html(body: bytes, content_type: str | None = None) -> ParsedPage | None:
    """The page's tree; None if there is no element in it."""
    text, encoding = decode_html(body, content_type)
    if len(text) > MAX_HTML_CHARS:
        text = _without_ballast(text)[:MAX_HTML_CHARS]
    root = _tree(text)
    if root is not None and _is_cut(root):
        root = _tree(_LAX_TAGS.sub("\n<br>", text))
    return None if root is None else ParsedPage(root, encoding)


def decode_html(body: bytes, content_type: str | None = None) -> tuple[str, str]:
    """Text and the encoding used. What decodes as UTF-8 is UTF-8, whatever its label; a lying label is passed over."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace"), name
    declared = _declared(body, content_type)
    for name in declared:
        if name.startswith("utf-16") or any(name.startswith(label) for label in _SEVEN_BIT):
            text = body.decode(name, "replace")
            if _is_plausible(text, len(body)):
                return text, name
    sixteen = _utf16_without_bom(body)
    if sixteen:
        return body.decode(sixteen, "replace"), sixteen
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _best_guess(body, declared)


def _best_guess(body: bytes, declared: list[str]) -> tuple[str, str]:
    """The declared encoding or UTF-8 with the fewest undecodable bytes; detection by content where all fail."""
    candidates = [name for name in declared if not name.startswith("utf-16")]
    if len(candidates) > 1 and candidates[0] == "cp1252":
        candidates.append(candidates.pop(0))  # servers name Latin-1 without looking; the page knows better
    high = sum(byte > 0x7F for byte in body[:200_000]) or 1
    best: tuple[float, str, str] | None = None
    for name in dict.fromkeys([*candidates, "utf-8"]):
        text = body.decode(name, "replace")
        share = text[:200_000].count("\ufffd") / high
        if share < 0.002:
            return text, name
        if best is None or share < best[0]:
            best = (share, text, name)
    if best is not None and best[0] < 0.02:
        return best[1], best[2]
    name = _detected(body)
    return body.decode(name, "replace"), name


def _declared(body: bytes, content_type: str | None) -> list[str]:
    head = body[:4096].replace(b"\x00", b"")
    found: list[str] = []
    if content_type and (match := _HEADER.search(content_type)):
        found.append(match[1])
    found.extend(match.decode("ascii") for match in _META.findall(head)[:2])
    if declaration := _XML_DECLARATION.match(head):
        found.append(declaration[1].decode("ascii"))
    names = [name for label in found if (name := _codec(label))]
    return list(dict.fromkeys(names))


def _codec(label: str) -> str | None:
    try:
        found = codecs.lookup(
            {"x-sjis": "shift_jis", "ks_c_5601-1987": "euc_kr", "x-gbk": "gbk"}.get(label.lower(), label)
        )
    except LookupError:
        return None
    name = found.name
    if not found._is_text_encoding or name in (
        "utf-7",
        "idna",
        "punycode",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
    ):
        return None
    return _WIDER.get(name, name)


def _utf16_without_bom(body: bytes) -> str | None:
    sample = body[:400]
    if len(sample) < 40:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) * 0.3 and even < odd / 4:
        return "utf-16-le"
    return "utf-16-be" if even > len(sample) * 0.3 and odd < even / 4 else None


def _is_plausible(text: str, size: int) -> bool:
    return "<" in text[:2000] and text.count("\ufffd") < max(4, size / 500)


def _detected(body: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(body[:60_000], steps=4, chunk_size=512).best()
    return best.encoding if best is not None else "cp1252"


def _tree(text: str) -> etree._Element | None:
    if not text.strip():
        return None
    data = _bounded_tags(text).encode("utf-8", "replace").translate(None, _CONTROL)
    try:
        root = etree.fromstring(data, etree.HTMLParser(**_PARSER))  # type: ignore[arg-type]
    except etree.XMLSyntaxError:
        return None
    return root if root is not None and isinstance(root.tag, str) else None


def _bounded_tags(text: str) -> str:
    """The text without the attributes of tags that have thousands: libxml2 compares each with all before it.

    Looks at a few places instead of at every tag: a tag that long leaves one of them without a `<`.
    """
    pieces: list[str] = []
    copied = 0
    for start, end in _runs_without_tag(text, _LONG_TAG_CHARS // 2):
        closing = _index(text, ">", start, end)
        if closing - start >= _LONG_TAG_CHARS and text.count("=", start, closing) > _MANY_ATTRIBUTES:
            pieces += [text[copied:start], *text[start : start + 40].split()[:1]]
            copied = closing
    return "".join([*pieces, text[copied:]]) if pieces else text


def _without_ballast(text: str) -> str:
    """The text with long runs without a tag (inline images, data of scripts) cut short."""
    pieces: list[str] = []
    copied = 0
    for after, end in _runs_without_tag(text, _BALLAST_CHARS // 2):
        start = max(after - 1, 0)
        if end - start > _BALLAST_CHARS:
            pieces.append(text[copied : start + _BALLAST_START_CHARS])
            copied = end - _BALLAST_END_CHARS
    return "".join([*pieces, text[copied:]]) if pieces else text


def _runs_without_tag(text: str, step: int) -> Iterator[tuple[int, int]]:
    """Runs without a `<`: all that are twice as long as the step, and some shorter ones; start and end of each."""
    at = 0
    while at + step <= len(text):
        if text.find("<", at, at + step) >= 0:
            at += step
            continue
        end = _index(text, "<", at + step, len(text))
        yield text.rfind("<", 0, at) + 1, end
        at = end


def _index(text: str, wanted: str, start: int, end: int) -> int:
    """Where the character stands first, or `end`."""
    found = text.find(wanted, start, end)
    return end if found < 0 else found


def _is_cut(root: etree._Element) -> bool:
    """Whether the tree goes so deep that the parser stopped reading."""
    depth, element = 0, root
    while len(element):
        element = element[-1]
        depth += 1
        if depth >= _DEEP:
            return True
    return False
