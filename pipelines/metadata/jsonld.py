"""JSON-LD of a page -> the one object that describes its article.

What a page says here is distrusted: sizes, depth and counts are bounded, broken JSON is given up without a fight (but
for what breaks most often: comments around it, raw line breaks in strings, a trailing semicolon or comma).
Source: https://schema.org/NewsArticle
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

MAX_SCRIPT_CHARS = 1_500_000
_MAX_SCRIPTS = 40
_MAX_OBJECTS = 4_000
_OPENING = re.compile(r"\s*(?:<!--|//\s*<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)")
_CLOSING = re.compile(r"(?:-->|//\s*\]\]>|/\*\s*\]\]>\s*\*/|\]\]>)\s*$")
_CLOSING_CHARS = 40
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_ARTICLE_TYPES = frozenset((
    "article", "newsarticle", "reportagenewsarticle", "analysisnewsarticle", "opinionnewsarticle",
    "reviewnewsarticle", "backgroundnewsarticle", "asknewsarticle", "advertisercontentarticle",
    "blogposting", "liveblogposting", "socialmediaposting", "report", "techarticle", "scholarlyarticle",
    "satiricalarticle", "review", "medicalwebpage",
))  # fmt: skip


def read_jsonld(root: etree._Element) -> list[Mapping[str, Any]]:
    """All JSON objects with a type that stand in the page's JSON-LD scripts, outermost first."""
    objects: list[Mapping[str, Any]] = []
    scripts = root.iterfind(".//script[@type]")
    for number, script in enumerate(s for s in scripts if "ld+json" in (s.get("type") or "").lower()):
        if number >= _MAX_SCRIPTS:
            break
        text = script.text or ""
        if len(text) <= MAX_SCRIPT_CHARS:
            objects.extend(_typed(_loaded(text), _MAX_OBJECTS - len(objects)))
    return objects


def article_object(objects: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The object that says most of the article; empty if there is none."""
    articles = [item for item in objects if types_of(item) & _ARTICLE_TYPES]
    return max(articles, key=_said, default={})


def types_of(item: Mapping[str, Any]) -> set[str]:
    """The item's types in lower case, without a vocabulary's address."""
    value = item.get("@type")
    values = value if isinstance(value, list) else [value]
    return {str(name).rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower() for name in values if isinstance(name, str)}


def text_of(item: Mapping[str, Any], key: str) -> str | None:
    """A string value, or None."""
    value = item.get(key)
    if isinstance(value, list) and value:
        value = value[0]
    return value.strip() if isinstance(value, str) and value.strip() else None


def _said(item: Mapping[str, Any]) -> int:
    named = sum(key in item for key in ("headline", "datePublished", "author", "dateModified", "mainEntityOfPage"))
    return 4 * named + (4 if text_of(item, "articleBody") else 0)


def _loaded(text: str) -> Any:
    text = _unwrapped(_unwrapped(text)).strip().rstrip(";")
    for attempt in (text, _TRAILING_COMMA.sub(r"\1", text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _unwrapped(text: str) -> str:
    """The text without what hides a script from old browsers; only its end is searched, it may be long."""
    start = opening.end() if (opening := _OPENING.match(text)) else 0
    text = text[start:].rstrip()
    closing = _CLOSING.search(text, max(0, len(text) - _CLOSING_CHARS))
    return text[: closing.start()] if closing else text


def _typed(value: Any, limit: int) -> Iterator[Mapping[str, Any]]:
    waiting, seen, given = [value], 0, 0
    while waiting and seen < 20 * _MAX_OBJECTS and given < limit:
        item = waiting.pop(0) if len(waiting) < 200 else waiting.pop()
        seen += 1
        if isinstance(item, dict):
            if "@type" in item:
                given += 1
                yield item
            waiting.extend(child for child in item.values() if isinstance(child, dict | list))
        elif isinstance(item, list):
            waiting.extend(child for child in item[:500] if isinstance(child, dict | list))
