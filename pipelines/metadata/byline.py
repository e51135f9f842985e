"""Who wrote the article by the lines under its headline, where no markup says so.

A line begins with "By" in any of eleven languages, or is a bare name with a date right after it.
"""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from lxml import etree

from pipelines.metadata.head import inner_text

_BY_LINE = re.compile(
    r"(?:by|von|par|por|di|от|від|written by|автор|بقلم|كتبت?|文|作者|撰文|記者|记者)(?:\s*[:：/]\s*|\s+)\S.{0,80}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\s*[|·•]\s*")
_NAME_PART = r"(?:[A-ZÀ-ÖØ-ÞА-ЯІЇЄҐ][\w'’.-]*|d[aeio]s?|del|der|van|von|bin|al)"
_BARE_NAME = re.compile(rf"{_NAME_PART}(?: {_NAME_PART}){{1,4}}")
_NO_PERSON = re.compile(
    r"\b(?:news|world|press|times|post|agency|media|team|east|west|north|south|africa|america|asia|europe|opinion|"
    r"sport|politics|business|published|updated|breaking)\b",
    re.IGNORECASE,
)
_AUTHOR_ADDRESS = re.compile(
    r"author|autor|auteur|profile|people|staff|team|contributor|/by/|writer|journalist", re.IGNORECASE
)
_DATED = re.compile(r"\b(?:19|20)\d{2}\b|\b\d{1,2}:\d{2}\b")
_INLINE = ("a", "abbr", "b", "cite", "em", "font", "i", "small", "span", "strong", "time", "u")
_MAX_TEXTS = 40
_MAX_LINES = 8
_PARAGRAPH_CHARS = 160


def from_bylines(root: etree._Element) -> Iterator[str]:
    """Lines, or parts of lines, that name the author."""
    parts = parts_under_headline(root)
    named = [part for part in parts if _BY_LINE.fullmatch(part)]
    if named:
        yield named[0]
        return
    for part, after in pairwise(parts[:4]):
        if _BARE_NAME.fullmatch(part) and _DATED.search(after) and not _is_section(part, root):
            yield part
            return


def parts_under_headline(root: etree._Element) -> list[str]:
    """The short lines between the headline and the first paragraph, cut at bars and dots."""
    return [part for line in _lines_under_headline(root) for part in _PARTS.split(line) if part]


def _is_section(text: str, root: etree._Element) -> bool:
    """Whether the words are no person's, or the page links them to something else than an author."""
    return _NO_PERSON.search(text) is not None or any(
        inner_text(link) == text and not _AUTHOR_ADDRESS.search(link.get("href") or "") for link in root.iter("a")
    )


def _lines_under_headline(root: etree._Element) -> list[str]:
    headline = root.find(".//h1")
    if headline is None:
        return []
    found: dict[etree._Element, list[str]] = {}
    for element, text in islice(_texts_after(headline), _MAX_TEXTS):
        block = element
        while block.tag in _INLINE and (around := block.getparent()) is not None:
            block = around
        found.setdefault(block, []).append(text)
        if len(text) > _PARAGRAPH_CHARS or len(found) > _MAX_LINES:
            del found[block]
            break
    return [" ".join(" ".join(texts).split()) for texts in found.values()]


def _texts_after(headline: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Texts that follow the element in reading order, with the element that each stands in."""
    element = headline
    while (around := element.getparent()) is not None:
        if element.tail and element.tail.strip():
            yield around, element.tail
        for after in element.itersiblings():
            for event, inner in etree.iterwalk(after, events=("start", "end")):
                text = inner.text if event == "start" else inner.tail if inner is not after else None
                holder = inner if event == "start" else inner.getparent()
                if text and text.strip() and holder is not None and holder.tag not in ("script", "style"):
                    yield holder, text
            if after.tail and after.tail.strip():
                yield around, after.tail
        element = around
