"""More to train with than the labelled texts hold, made from them: short copies, and harder false friends.

Every function takes labelled texts and gives new ones of the same form. `near` are parts of one article, sentence by
sentence in turn: all names and terms of an event in common, and nothing copied. `retold` are two reports of one event:
some facts in both in other words and another order of them, some in one alone.
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
SPUN = ("syn", "mt-es", "mt+syn")
_REPORTS = (4, 5, 6, 8, 10, 14, 20, 30)  # sentences of an article that two reports of it are made from
_TOLD_BY = {"both": 5, "one": 2, "other": 2}  # how many of nine sentences
_SHORTEST_TURNED = 8
_TURNED = 0.4  # share of the sentences told by both of which the second report tells the second half first


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


def retold(rows: Sequence[Text], rnd: random.Random) -> list[Text]:
    """Pairs of reports with the same `origin`: sentences of an original, and of a copy in other words."""
    stories: dict[str, list[Text]] = defaultdict(list)
    for row in rows:
        stories[row["story"]].append(row)
    made = []
    for original in _originals(rows):
        for spun in (row for row in stories[original["story"]] if row["kind"] in SPUN):
            told, told_anew = _sentences(original["text"]), _sentences(spun["text"])
            count = min(len(told), len(told_anew))
            if count < 2 * _PARTS[0] or len(told) + len(told_anew) - 2 * count > 2:
                continue  # no telling which sentence is which
            for time in range(2):
                size = min(count, rnd.choice(_REPORTS))
                start = rnd.randrange(count - size + 1)
                texts = _two_reports(told[start : start + size], told_anew[start : start + size], rnd)
                event = f"{spun['id']} {time}"
                made += [
                    original | {"text": text, "kind": "retold", "story": f"{event} told {part}", "origin": event}
                    for part, text in enumerate(texts)
                ]
    return made


def _two_reports(told: Sequence[str], told_anew: Sequence[str], rnd: random.Random) -> tuple[str, str]:
    by = rnd.choices(list(_TOLD_BY), list(_TOLD_BY.values()), k=len(told))
    one = [sentence for sentence, teller in zip(told, by, strict=True) if teller != "other"]
    other = [
        _turned(sentence, rnd) if teller == "both" and rnd.random() < _TURNED else sentence
        for sentence, teller in zip(told_anew, by, strict=True)
        if teller != "one"
    ]
    if rnd.random() < 0.5 and len(other) > 3:
        at = rnd.randrange(1, len(other) - 1)
        other = [other[0], *other[at:], *other[1:at]]
    return "\n".join(one), "\n".join(other)


def _turned(sentence: str, rnd: random.Random) -> str:
    words = sentence.rstrip('.!?…"”').split()
    if len(words) < _SHORTEST_TURNED:
        return sentence
    at = rnd.randrange(len(words) // 3, 2 * len(words) // 3 + 1)
    return " ".join([words[at][:1].upper() + words[at][1:], *words[at + 1 :], *words[:at]]) + "."


VARIANTS: dict[str, Callable[[Sequence[Text], random.Random], list[Text]]] = {
    "shortened": shortened,
    "near": near,
    "backgrounds": backgrounds,
    "round_ups": round_ups,
    "retold": retold,
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
