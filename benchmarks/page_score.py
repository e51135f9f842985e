"""How near an extracted text is to the gold text of its page.

Bags of 4-grams of words: per page, true positives, false positives and false negatives as shares of their sum;
precision, recall and F1 over the sums of all pages. `exact`: share of pages whose words are just the gold's. `leak`:
share of pages with a clutter line that the gold has not.
Source: the metric of https://github.com/scrapinghub/article-extraction-benchmark, from its description.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_GRAM = 4
_CLUTTER_LINE_CHARS = 160
_CLUTTER = re.compile(
    r"leave a (?:reply|comment)|your email address will not be published|required fields are marked|"
    r"related (?:articles?|stories|posts|topics|content|news)\b|you may also like|recommended (?:for you|stories)|"
    r"more from\b|most (?:read|popular|viewed)|read more:|read (?:also|next)|also read|"
    r"see also:|don't miss|trending now|"
    r"accessible video player|please use chrome browser|enable javascript|sign up (?:for|to)|"
    r"subscribe (?:to|now)|newsletter|"
    r"share (?:this|on|via)|follow us|click here|advertisement|story continues below|all rights reserved|cookie|"
    r"terms of (?:use|service)|privacy policy|download (?:the|our) app|live updates?:|"
    r"\d+ ?[−+×\-] ?\w+ ?=\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextScore:
    """Figures of one extractor over a set of pages, each from 0 to 1."""

    precision: float
    recall: float
    f1: float
    exact: float
    leak: float


@dataclass(frozen=True, slots=True)
class _PageScore:
    hits: float
    extra: float
    missed: float
    is_exact: bool
    leaks: bool


def score_texts(texts: Sequence[tuple[str, str, str]]) -> TextScore:
    """Scores (gold, optional gold, extracted text) of each page; optional text may be there or not."""
    pages = [_score_page(*text) for text in texts]
    hits, extra, missed = (sum(getattr(page, name) for page in pages) for name in ("hits", "extra", "missed"))
    precision = hits / (hits + extra) if hits else 0.0
    recall = hits / (hits + missed) if hits else 0.0
    return TextScore(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if hits else 0.0,
        exact=sum(page.is_exact for page in pages) / len(pages),
        leak=sum(page.leaks for page in pages) / len(pages),
    )


def _score_page(gold: str, optional: str, text: str) -> _PageScore:
    wanted, found = _grams(gold), _grams(text)
    for gram in _grams(optional):
        if gram not in wanted:
            found.pop(gram, None)
    hits = sum((wanted & found).values())
    extra, missed = sum(found.values()) - hits, sum(wanted.values()) - hits
    total = hits + extra + missed or 1
    known = " ".join(f"{gold}\n{optional}".lower().split())
    return _PageScore(
        hits / total,
        extra / total,
        missed / total,
        _WORD.findall(gold) == _WORD.findall(text),
        any(_is_leak(line, known) for line in text.splitlines()),
    )


def _grams(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    last = range(_GRAM - 1, max(_GRAM, len(words)))
    return Counter(tuple(words[max(0, at - _GRAM + 1) : at + 1]) for at in last) if words else Counter()


def _is_leak(line: str, known: str) -> bool:
    if len(line) >= _CLUTTER_LINE_CHARS or not _CLUTTER.search(line):
        return False
    return " ".join(line.lower().split()).lstrip("-* ") not in known
