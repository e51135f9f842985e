"""The article's text in the data that a page carries for its own scripts (`__NEXT_DATA__` and its like).

Asked only where the page itself shows next to nothing: such pages are built in the browser. Strings are gathered by
their path in the data without list numbers (`props.article.body[].html`); the path with most prose is the article.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from html import unescape

from lxml import etree

from pipelines.clutter import clutter_kind, plain_line
from pipelines.extract.weights import PROSE_CHARS, ends_sentence, text_length

MAX_DATA_CHARS = 3_000_000
_LEAST_CHARS = 300
_MAX_VALUES = 200_000
_TAG = re.compile(r"<[^<>]{0,1000}>")
_BLOCK_END = re.compile(r"</(?:p|h[1-6]|li|div|blockquote|figure|figcaption|section)>|<br ?/?>|\n", re.IGNORECASE)
_NO_TEXT = ("figure", "script", "style", "iframe", "aside")
_PATH_CHARS = 200
_KEY_CHARS = 40


def script_data(root: etree._Element) -> list[str]:
    """The page's JSON scripts but JSON-LD. To be called before the tree is taken apart."""
    found = [script.text or "" for script in root.iterfind(".//script[@type='application/json']")]
    return [text for text in found if _LEAST_CHARS < len(text) <= MAX_DATA_CHARS]


def told_by(scripts: list[str]) -> list[str]:
    """The paragraphs of the path that holds most prose; none if there is too little."""
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for script in scripts:
        try:
            value = json.loads(script)
        except (ValueError, RecursionError):
            continue
        for path, text in _strings(value):
            paths[path].append(text)
    prose = {path: sum(map(_prose_chars, texts)) for path, texts in paths.items()}
    best = max(prose, key=prose.__getitem__, default=None)
    if best is None or prose[best] < _LEAST_CHARS:
        return []
    lines = [plain_line(unescape(_TAG.sub("", part))) for text in paths[best] for part in _parts(text)]
    return [line for line in lines if line and clutter_kind(line) is None]


def _parts(text: str) -> list[str]:
    for tag in _NO_TEXT:
        text = _without(text, tag)
    return _BLOCK_END.split(text)


def _without(text: str, tag: str) -> str:
    """The text without what stands in elements of the tag, in one pass over it."""
    kept, at = [], 0
    while (start := text.find(f"<{tag}", at)) >= 0 and (end := text.find(f"</{tag}>", start)) >= 0:
        kept.append(text[at:start])
        at = end + len(tag) + 3
    return "".join(kept) + text[at:]


def _prose_chars(text: str) -> int:
    plain = [_TAG.sub("", part).strip() for part in _parts(text)]
    return sum(text_length(part) for part in plain if text_length(part) >= PROSE_CHARS and ends_sentence(part))


def _strings(value: object) -> Iterator[tuple[str, str]]:
    """Every string with a space or of some length, in reading order, with its path."""
    waiting: list[tuple[str, object]] = [("", value)]
    for _ in range(_MAX_VALUES):
        if not waiting:
            return
        path, value = waiting.pop()
        if isinstance(value, str) and len(value) > 2:
            yield path, value
        elif isinstance(value, dict):
            path = path[-_PATH_CHARS:]
            waiting.extend((f"{path}.{key[:_KEY_CHARS]}", inner) for key, inner in reversed(list(value.items())))
        elif isinstance(value, list):
            path = f"{path[-_PATH_CHARS:]}[]"
            waiting.extend((path, inner) for inner in reversed(value))
