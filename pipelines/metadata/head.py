"""What stands in a page's `meta` and `link` elements, by name, read once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

_MAX_ELEMENTS = 600
_MAX_VALUE_CHARS = 4_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Soft hyphens, marks and overrides of direction, tags; the joiners of Persian words and emoji stay.
_UNSEEN = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\U000e0000-\U000e007f]")


@dataclass(frozen=True, slots=True)
class Head:
    """`metas`: content by lower-case name, property or itemprop; `links`: href by rel; both in the page's order."""

    metas: Mapping[str, Sequence[str]]
    links: Mapping[str, Sequence[str]]
    base: str | None = None
    html_language: str | None = None

    def first(self, *names: str) -> str | None:
        """The first value of the first name that has one."""
        return next((values[0] for name in names if (values := self.metas.get(name))), None)

    def every(self, *names: str) -> list[str]:
        """All values of all names, in the order of the names."""
        return [value for name in names for value in self.metas.get(name, ())]


def plain_words(value: str) -> str:
    """The value with single spaces, without characters that nobody sees and that move or hide others."""
    if not (value.isascii() and value.isprintable()):
        value = _UNSEEN.sub("", _CONTROL.sub(" ", value))
    return " ".join(value.split())


def inner_text(element: etree._Element) -> str:
    """All text in the element, with single spaces."""
    return " ".join("".join(str(part) for part in element.itertext()).split())


def read_head(root: etree._Element) -> Head:
    """The names and values of the page's meta and link elements, wherever they stand."""
    metas: dict[str, list[str]] = {}
    links: dict[str, list[str]] = {}
    base = None
    for number, element in enumerate(root.iter("meta", "link", "base")):
        if number >= _MAX_ELEMENTS:
            break
        if element.tag == "meta":
            value = plain_words(element.get("content") or "")[:_MAX_VALUE_CHARS]
            keys = [element.get(key) for key in ("property", "name", "itemprop", "http-equiv")]
            for key in dict.fromkeys(key.strip().lower() for key in keys if key):
                if value:
                    metas.setdefault(key, []).append(value)
        elif element.tag == "link":
            href = (element.get("href") or "").strip()
            for rel in (element.get("rel") or "").lower().split():
                if href:
                    links.setdefault(rel, []).append(href)
        elif base is None:
            base = element.get("href")
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang")
    return Head(metas, links, base, language)
