"""The headline of a page, without the name of the site or section that pages put after it (or before)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from lxml import etree

from pipelines.metadata.head import Head, inner_text, plain_words
from pipelines.metadata.jsonld import text_of

_SEPARATOR = re.compile(r"\s+[|¦•·»«‹›:/–—-]+\s+|\s*[|¦»«]\s*|\s+::\s+")
_WORDS = re.compile(r"\w+")
_MAX_CHARS = 500


def find_title(root: etree._Element, head: Head, article: Mapping[str, Any], site_names: Sequence[str]) -> str | None:
    """The headline as the page shows it, checked against what the page says of itself elsewhere."""
    named = [
        _plain(value)
        for value in (
            text_of(article, "headline"),
            head.first("og:title"),
            head.first("twitter:title", "dc.title", "title"),
        )
    ]
    title_element = root.find(".//title")
    page_title = _plain(inner_text(title_element)) if title_element is not None else None
    told = [title for title in (*named, page_title) if title]
    shown = headings(root)
    site_names = [*site_names, *(heading for heading in shown if _follows_headline(heading, told))]
    told_short = [cut for title in told if (cut := cut_site_name(title, site_names, told))]
    headlines = [heading for heading in shown if _is_headline(heading, told_short, site_names)]
    known = {_key(title) for title in (*told, *told_short)}
    chosen = next((heading for heading in headlines if _key(heading) in known), next(iter(headlines), None))
    if chosen is not None:
        return _without_kicker(cut_site_name(chosen, site_names, told), told)
    return told_short[0] if told_short else None


def _follows_headline(heading: str, told: Sequence[str]) -> bool:
    """Whether the page's titles have the heading after a headline and a separator, as the name of the site."""
    for title in told:
        if len(title) > len(heading) and _key(title).endswith(_key(heading)):
            before = title[: -len(heading)]
            if _SEPARATOR.search(before[-4:]) and len(_words(before)) >= 2:
                return True
    return False


def _without_kicker(heading: str, told: Sequence[str]) -> str:
    """The headline without a topic that stands before it in the same element, if the page elsewhere leaves it out."""
    shorter = (title for title in told if len(_words(title)) >= 3 and len(_key(title)) < len(_key(heading)))
    return next((title for title in shorter if _key(heading).endswith(_key(title))), heading)


def headings(root: etree._Element) -> list[str]:
    """The texts of the page's first h1 elements."""
    found = []
    for number, element in enumerate(root.iter("h1")):
        if number >= 8:
            break
        text = _plain(inner_text(element))
        if text:
            found.append(text)
    return found


def cut_site_name(title: str, site_names: Sequence[str], others: Sequence[str] = ()) -> str:
    """The title without parts that name the site, or that follow a headline which stands elsewhere without them."""
    known = {_key(name) for name in site_names if name}
    for other in others:
        if _key(other) and len(_words(other)) >= 3 and len(other) < len(title):
            for part in (title[: len(other)], title[-len(other) :]):
                if _key(part) == _key(other) and _SEPARATOR.search(title.replace(part, "\x00")):
                    return other
    parts = _SEPARATOR.split(title)
    if len(parts) < 2:
        return title
    cuts = list(_SEPARATOR.finditer(title))
    while cuts and _is_site_name(title[cuts[-1].end() :], known) and len(_words(title[: cuts[-1].start()])) >= 2:
        title = title[: cuts.pop().start()]
    if cuts and _key(title[: cuts[0].start()]) in known and len(_words(title[cuts[0].end() :])) >= 3:
        title = title[cuts[0].end() :]
    if cuts and "|" in title[cuts[-1].start() : cuts[-1].end()] and len(_words(title[cuts[-1].end() :])) <= 4:
        before = title[: cuts[-1].start()]
        title = before if len(_words(before)) >= 4 else title
    return title.strip()


def _is_site_name(part: str, known: set[str]) -> bool:
    key = _key(part)
    return bool(key) and any(
        key == name or (len(name) >= 4 and (key.startswith(name) or name.startswith(key)) and len(key) >= 3)
        for name in known
    )


def _is_headline(heading: str, told: Sequence[str], site_names: Sequence[str]) -> bool:
    if _key(heading) in {_key(name) for name in site_names if name} or len(heading) > _MAX_CHARS:
        return False
    words = set(_words(heading))
    if not words:
        return False
    if not told:
        return len(words) >= 3
    return any(_key(heading) in _key(title) or _overlap(words, set(_words(title))) >= 0.5 for title in told)


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(text)]


@lru_cache(maxsize=512)  # the same few titles of a page are compared over and over
def _key(text: str) -> str:
    return "".join(_words(text))


def _plain(value: str | None) -> str | None:
    if not value:
        return None
    return plain_words(value)[:_MAX_CHARS] or None
