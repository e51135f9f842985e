"""More to train with than the labelled texts hold, made from them: short copies, and harder false friends.

Every function takes labelled texts and gives new ones of the same form. `near` are parts of one article, sentence by
sentence in turn: all names and terms of an event in common, and nothing copied.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmarks.story_sets import Text

COPIED = ("verbatim", "credited", "syn", "mt-es", "mt+syn")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？…])[\"”’»)]*\s+|\n")
_LENGTHS = (70, 260)  # words of a shortened text
_PARTS = (4, 5, 6, 8, 10, 14)  # sentences of a part
_ROUND_UPS = 12


def shortened(rows: Sequence[Text], rnd: random.Random) -> list[Text]:
    """Beginnings of originals and, about as long, of their whole copies."""
    stories: dict[str, list[Text]] = defaultdict(list)
    for row in rows:
        stories[row["story"]].append(row)
    made = []
    for original in _originals(rows):
        words = len(original["text"].split())
        if words < 2 * _LENGTHS[0]:
            continue
        share = min(1.0, rnd.randrange(*_LENGTHS) / words)
        made.append(original | {"text": _beginning(original["text"], share)})
        made += [
            copy | {"text": _beginning(copy["text"], share * rnd.uniform(0.8, 1.2))}
            for copy in stories[original["story"]]
            if copy["kind"] in COPIED
        ]
    return made


def near(rows: Sequence[Text], rnd: random.Random) -> list[Text]:
    """Every second or third sentence of an article, as stories of their own."""
    made = []
    for original in _originals(rows):
        sentences = _sentences(original["text"])
        count = rnd.choice(_PARTS)
        parts = 2 if len(sentences) < 3 * count else 3
        if len(sentences) < 2 * _PARTS[0]:
            continue
        for part in range(parts):
            text = "\n".join(sentences[: parts * count][part::parts])
            made.append(original | {"text": text, "kind": "near", "story": f"{original['story']} part {part}"})
    return made


def backgrounds(rows: Sequence[Text], rnd: random.Random) -> list[Text]:
    """Articles that take a quarter to a half of their text from the middle or the end of another."""
    originals = _originals(rows)
    made = []
    for number in range(len(originals) // 2):
        own, other = rnd.sample(originals, 2)
        paragraphs = other["text"].split("\n")
        words = len(own["text"].split())
        share = rnd.uniform(0.25, 0.55)
        taken = _up_to(paragraphs[rnd.randrange(1, max(2, len(paragraphs) // 2)) :], share / (1 - share) * words)
        if len(" ".join(taken).split()) > 0.15 * words:
            text = "\n".join([own["text"], *taken])
            made.append(own | {"text": text, "kind": "background", "story": f"background {number}"})
    return made


def round_ups(rows: Sequence[Text], rnd: random.Random) -> list[Text]:
    """The first paragraphs of several articles."""
    originals = _originals(rows)
    made = []
    for number in range(_ROUND_UPS):
        items = [row["text"].split("\n")[: rnd.randrange(1, 4)] for row in rnd.sample(originals, rnd.randrange(6, 12))]
        text = "\n".join(paragraph for item in items for paragraph in item)
        made.append({"text": text, "kind": "digest", "story": f"round-up {number}", "origin": "-"})
    return made


VARIANTS: dict[str, Callable[[Sequence[Text], random.Random], list[Text]]] = {
    "shortened": shortened,
    "near": near,
    "backgrounds": backgrounds,
    "round_ups": round_ups,
}


def _originals(rows: Sequence[Text]) -> list[Text]:
    return [row for row in rows if row["kind"] == "original"]


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def _beginning(text: str, share: float) -> str:
    sentences = _sentences(text)
    return "\n".join(sentences[: max(1, round(len(sentences) * share))])


def _up_to(paragraphs: Sequence[str], words: float) -> list[str]:
    taken: list[str] = []
    count = 0
    for paragraph in paragraphs:
        if count > words:
            break
        taken.append(paragraph)
        count += len(paragraph.split())
    return taken
