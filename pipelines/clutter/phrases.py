"""Lines of text that are no part of an article, told by their words: the rules of clutter_phrases.toml.

A rule must match a whole line, so a sentence about comments, cookies or subscriptions is left alone.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

MAX_LINE_CHARS = 320
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|"
    "nineteen|twenty|ein|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|un|deux|trois|quatre|cinq|"
    "six|sept|"
    "huit|neuf|dix|onze|douze|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|um|dois|quatro|sete|oito|nove|dez|"
    "due|"
    "tre|quattro|cinque|sei|sette|otto|dieci|один|два|три|четыре|пять|шесть|семь|восемь|девять|десять"
)
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "\u00a0": " ", "\u202f": " "})
_NAMES_ITS_STORY = re.compile(r"[:：>»|→】]\s*\w")
_BULLET = re.compile(r"^(?:[-–—•*·▪►▶»>→|]+\s+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """One rule of the file: patterns of one kind and language, what they clean, what they must leave alone."""

    kind: str
    language: str
    patterns: tuple[str, ...]
    cleans: tuple[str, ...]
    leaves: tuple[str, ...]
    tail: bool = False


@lru_cache(maxsize=1)
def phrases() -> tuple[Phrase, ...]:
    """All rules, in the order of the file."""
    text = files("pipelines.clutter").joinpath("clutter_phrases.toml").read_text(encoding="utf-8")
    return tuple(
        Phrase(
            kind=rule["kind"],
            language=rule["language"],
            patterns=tuple(rule["patterns"]),
            cleans=tuple(rule["cleans"]),
            leaves=tuple(rule["leaves"]),
            tail=rule.get("tail", False),
        )
        for rule in tomllib.loads(text)["rule"]
    )


@lru_cache(maxsize=4096)
def clutter_kind(line: str) -> str | None:
    """The kind of clutter that a line is by its words alone; None for anything that may be part of an article."""
    if len(line) > MAX_LINE_CHARS:
        return None
    plain = _plain(line)
    return next((kind for kind, pattern in _compiled() if pattern.fullmatch(plain)), None)


@lru_cache(maxsize=1024)
def opens_tail(line: str) -> bool:
    """Whether the end of the page begins here: the heading of a reply form or of a list of other stories.

    A line that names its story itself (`Read also: …`) opens nothing.
    """
    if len(line) > MAX_LINE_CHARS or _NAMES_ITS_STORY.search(line):
        return False
    return _tail().fullmatch(_plain(line)) is not None


def _plain(line: str) -> str:
    spaced = " ".join(line.translate(_QUOTES).lower().split())
    return _BULLET.sub("", spaced)


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    kinds = dict.fromkeys(rule.kind for rule in phrases())
    return tuple((kind, _joined([rule for rule in phrases() if rule.kind == kind])) for kind in kinds)


@lru_cache(maxsize=1)
def _tail() -> re.Pattern[str]:
    return _joined([rule for rule in phrases() if rule.tail])


def _joined(rules: list[Phrase]) -> re.Pattern[str]:
    patterns = [pattern for rule in rules for pattern in rule.patterns]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns).replace(r"\p", f"(?:{_NUMBER_WORDS})"))
