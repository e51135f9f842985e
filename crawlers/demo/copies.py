"""What becomes of a text that another site takes over: verbatim, trimmed, with a new lead, or spun by a machine."""

import random
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from crawlers.demo.stories import Story

_TRIMMED_SHARE = 0.6
_SPUN_SHARE = 0.85  # of the words that have a synonym


def copied(story: Story, kind: str, *, dateline: str, dice: random.Random) -> tuple[str, tuple[str, ...]]:
    """Title and paragraphs of a copy. `dateline` is what stands before the first paragraph of the original.

    kind: original, verbatim (dateline kept), credited (dateline dropped, counts as verbatim), trimmed, edited, spun.
    """
    first, *rest = story.paragraphs
    if kind in ("original", "verbatim"):
        return story.title, (dateline + first, *rest)
    if kind == "credited":
        return story.title, story.paragraphs
    if kind == "trimmed":
        kept = max(3, round(len(story.paragraphs) * _TRIMMED_SHARE))
        return story.other_title or story.title, (dateline + first, *rest[: kept - 1])
    if kind == "edited":
        return story.other_title or story.title, (story.other_lead or first, *rest)
    if kind == "spun":
        return spin(story.title, dice), tuple(spin(paragraph, dice) for paragraph in story.paragraphs)
    raise ValueError(f"unknown kind of copy: {kind}")


def spin(text: str, dice: random.Random) -> str:
    """The text with most words that have a synonym replaced, as sites do that re-write others' articles by machine."""
    synonyms = _synonyms()

    def replaced(match: re.Match[str]) -> str:
        word = match[0]
        if dice.random() > _SPUN_SHARE:
            return word
        other = dice.choice(synonyms[word.lower()])
        return other[0].upper() + other[1:] if word[0].isupper() else other

    return _pattern().sub(replaced, text)


@cache
def _synonyms() -> Mapping[str, tuple[str, ...]]:
    text = (resources.files("crawlers.demo") / "texts" / "synonyms.toml").read_text(encoding="utf-8")
    return {word: tuple(others) for word, others in tomllib.loads(text)["synonyms"].items()}


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_synonyms(), key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b", re.IGNORECASE)
