"""Who wrote the article: names of people, without "By", roles, handles and the name of the site."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from lxml import etree

from pipelines.metadata.byline import from_bylines
from pipelines.metadata.head import Head, inner_text, plain_words

_MAX_AUTHORS = 20
_BY = re.compile(
    r"^(?:(?:analysis|opinion|reporting|reported|report|words|text|story|written|review|interview|commentary|"
    r"exclusive|posted|published|author|authors|"
    r"autor|autorin|autoren|auteur|auteure|autore|autora|автор|автори|авторы|текст)\s*)?(?:by|von|par|por|di|de|da|"
    r"от|від|بقلم|كتب|:|文|作者|撰文)\s*:?\s+|^(?:by|author|автор|автори|작성자|記者|记者|作者|文|بقلم|كتب)\s*[:/：]\s*|^(?:記者|记者)\s+",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"\s*(?:,|;|\||/|\u2022|·|&|\band\b|\bund\b|\bet\b|\b(?-i:y|e|и|та|і)\b(?=\s)|\bwith\b|\bog\b|\boch\b|"
    r"\boraz\b|\bve\b|、|，|；|،|\sو(?=\S))\s*(?![^()]*\))",
    re.IGNORECASE,
)
_AFTER_NAME = re.compile(
    r"\s*(?-i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.? \d{1,2}\b.*$|"
    r"\s*https?:.*$|,?\s+(?:on\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b.*$|"
    r"\s*(?:view|see|read)\s+(?:more|all|full|profile|bio|archive)\b.*$|\s*more (?:articles|posts|stories)\b.*$|"
    r"\s+(?:[-–—|•(]|(?:for|in|of|at|für|in|à|pour|en|em|para|a)\s).*$|\s*\(.*$|\s*@\w+.*$|\s*<.*$",
    re.IGNORECASE,
)
_ROLE_AFTER_NAME = re.compile(
    r"^((?:\S+ ){1,3}?\S+) (?:[A-Z][a-z]+ )?(?:reporter|correspondent|editor|writer|columnist|producer)$"
)
_NO_NAME = re.compile(
    r"@|https?:|www\.|\.(?:com|co|org|net|de|fr)\b|\d|"
    r"^(?:m\.?[sda]|b\.?[as]|r\.?[dn]|mph|mba|bsc|msc|ph\.?d|esq)\.?$|^(?:admin|administrator|editor|editors|editorial|staff|"
    r"redaktion|redacción|redação|redazione|rédaction|la rédaction|newsroom|webmaster|"
    r"news desk|web desk|guest|anonymous|unknown|null|none|undefined|user|root|author|contributor|correspondent|"
    r"reporter|agenturen|nachrichten|powered|the)$|"
    r"\b(?:powered by|quelle|updated|published|posted|min read|minutes?|hours? ago|subscribe|follow|e-?mail|photo|"
    r"getty|share)\b",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\b(?:correspondent|reporter|editor|writer|columnist|contributor|staff|journalist|producer|chief|bureau|desk|"
    r"korrespondent|redakteur(?:in)?|journaliste|"
    r"corresponsal|periodista|repórter|jornalista|giornalista|inviato|корреспондент|журналист|редактор|кореспондент|"
    r"журналіст|特派员|特派員|编辑|編集)\b",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(
    r"^(?:AP|PA|sid|MM)$|\b(?:news|press|times|post|media|agency|agentur|tribune|online|agencies|reuters|bloomberg|"
    r"afp|dpa|efe|ansa|newspaper|magazine|network|tv|radio|online|service|services|wire|association|"
    r"institute|university|foundation|redaktion|rédaction|redacción|redação|redazione|редакция|редакція|агентство)\b|"
    r"通讯社|新华社|编辑部|編集部|新聞社",
    re.IGNORECASE,
)
_META_NAMES = (
    "author",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "dcterms.creator",
    "article:author",
    "byl",
    "cxenseparse:author",
    "og:article:author",
    "twitter:creator:name",
    "authors",
    "article.author",
)
_BYLINE_PATHS = (
    ".//*[@itemprop='author']",
    ".//a[@rel='author']",
    ".//*[@rel='author']",
)
_BYLINE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:by-?line(?:[_-]?(?:name|author|link))?|authors?(?:[_-]?name)?|article[_-]{1,2}author|"
    r"post-author|entry-author|writer|autor|auteur|autore|vcard)(?:$|[\s_-])",
    re.IGNORECASE,
)
_MAX_BYLINE_CHARS = 160
_LETTERS = re.compile(r"[^\W\d_]+")


def find_authors(
    root: etree._Element, head: Head, article: Mapping[str, Any], site_names: Sequence[str]
) -> tuple[str, ...]:
    """Names in the page's order. An organisation stands only where no person is named; the site itself never does."""
    sites = {_key(name) for name in site_names if name}
    for source in (_from_jsonld(article), _from_metas(head), _from_elements(root), from_bylines(root)):
        names: list[str] = []
        for text in source:
            names.extend(name for name in names_in(text) if _key(name) not in sites)
        unique = list({_key(name): name for name in reversed(names)}.values())[::-1]
        people = [name for name in unique if not _ORGANISATION.search(name)]
        if people or unique:
            return tuple((people or unique)[:_MAX_AUTHORS])
    return ()


def named_authors(head: Head, article: Mapping[str, Any]) -> tuple[str, ...]:
    """Names that JSON-LD or the head's meta elements give, without a look at the page."""
    texts = [*_from_jsonld(article), *_from_metas(head)]
    return tuple(dict.fromkeys(name for text in texts for name in names_in(text)))[:_MAX_AUTHORS]


def names_in(text: str) -> list[str]:
    """The names in one author value or byline."""
    text = _BY.sub("", plain_words(text))
    found = []
    for part in _SPLIT.split(text):
        name = _AFTER_NAME.sub("", _BY.sub("", part)).strip(" .,:;-–—|•\"'")
        name = _ROLE_AFTER_NAME.sub(r"\1", name)
        if _is_name(name):
            found.append(_cased(name))
    return found


def _is_name(name: str) -> bool:
    if not 2 <= len(name) <= 60 or _NO_NAME.search(name) or len(name.split()) > 6:
        return False
    if _ROLE.search(name) and not _ORGANISATION.search(name):
        return False
    is_lower = name.islower() and name.isascii() and not _ORGANISATION.search(name)
    return any(character.isalpha() for character in name) and not is_lower


def _cased(name: str) -> str:
    words = name.split()
    if name.isupper() and len(words) > 1 and all(len(word) > 1 for word in words):
        return _LETTERS.sub(lambda letters: letters[0].capitalize(), name)
    return name


def _from_jsonld(article: Mapping[str, Any]) -> Iterator[str]:
    authors = article.get("author") or article.get("creator")
    for author in (authors if isinstance(authors, list) else [authors])[:_MAX_AUTHORS]:
        name = author.get("name") if isinstance(author, dict) else author
        for value in name if isinstance(name, list) else [name]:
            if isinstance(value, str) and not value.startswith("http"):
                yield value


def _from_metas(head: Head) -> Iterator[str]:
    for name in _META_NAMES:
        values = [value for value in head.metas.get(name, ()) if not value.startswith("http")]
        if values:
            yield from values[:_MAX_AUTHORS]
            return


def _from_elements(root: etree._Element) -> Iterator[str]:
    for path in _BYLINE_PATHS:
        found = [
            text
            for element in list(root.iterfind(path))[:10]
            if (text := _author_text(element)) and not _in_comment(element)
        ]
        if found:
            yield from found
            return
    for number, element in enumerate(root.iter("span", "div", "p", "a", "address", "li", "cite")):
        if number > 4000:
            return
        text = _author_text(element) if _is_byline_class(element.get("class") or "") else None
        if text and names_in(text) and not _in_comment(element):
            yield text
            return


@lru_cache(maxsize=4096)
def _is_byline_class(names: str) -> bool:
    return _BYLINE_CLASS.search(names) is not None


def _in_comment(element: etree._Element) -> bool:
    """Whether the name is that of a reader who commented, or of another story's author."""
    around = list(element.iterancestors())[:8]
    return any(
        re.search(r"comment|respond|related|teaser|sidebar", parent.get("class") or "", re.IGNORECASE)
        for parent in around
    )


def _author_text(element: etree._Element) -> str | None:
    name = element.find(".//*[@itemprop='name']")
    chosen = element if name is None else name
    text = chosen.get("content") or inner_text(chosen)
    return text if 0 < len(text) <= _MAX_BYLINE_CHARS else None


def _key(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
