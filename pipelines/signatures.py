"""Text of an article -> a sketch of it, small enough to keep for a month of the world's news.

A sketch answers two questions without the text: which other articles may be copies of it (`keys`: compared for
equality only, so any SQL engine can join them), and how alike two texts are, sentence by sentence (`sketch`). It
depends on nothing but the text, `common_words.toml` and `SKETCH_VERSION`: no statistics of a growing corpus are in it,
so signing again gives the same bytes. Sketches of different versions are not comparable.

Lists are not read: different reports of one tour have the same list of dates.

`keys`    40-bit hashes of two kinds: word 5-grams (they find what was copied), and pairs of telling words that stand
          in one sentence (names, figures, rare words: they survive translation and synonyms). Of each kind the ones
          with the smallest hashes are kept, the same rule in every text, so that two copies keep the same ones.
`sketch`  content words in the order of the text, little-endian 16 bits each: 2 bits of class, 14 bits of the stem's
          hash; 0xFFFF ends a sentence. Before them the hash limit: of long texts only words whose hash is below it
          are kept, again the same ones in every text.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.words import SENTENCE_ENDS, Hashes, Words, read_words, word_hashes

SKETCH_VERSION = 1

SIGNATURE_SCHEMA = pa.schema(
    [
        pa.field("appearance_id", pa.string()),
        pa.field("source_id", pa.string()),
        pa.field("agency", pa.bool_()),
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
        pa.field("first_seen_at", pa.timestamp("us", tz="UTC")),
        pa.field("language", pa.string()),
        pa.field("sketch_version", pa.int32()),
        pa.field("word_count", pa.int32()),
        pa.field("keys", pa.list_(pa.int64())),
        pa.field("sketch", pa.binary()),
    ]
)

# 14 bits of hash are enough to match words within two sentences.
STEM_BITS = 14
STEMS = (1 << STEM_BITS) - 1  # one value fewer, so that no word looks like the end of a sentence
SENTENCE_END = 0xFFFF

_KEY_BITS = 40
_SHINGLE_WORDS = 5
_MOST_STEMS = 480
_PAIR_KEYS = 32
_TELLING_WORDS = 4
_SHORTEST_SENTENCE = 4
_SHORTEST_LIST = 3
_LIST_LINE_WORDS = 15

_LINE_ENDS = SENTENCE_ENDS | {":"}  # of a line that is no item of a list
_CLOSING = " \"'”’»)]"

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A row of the signatures table; the columns are those of `SIGNATURE_SCHEMA`."""

    appearance_id: str
    source_id: str
    agency: bool
    published_at: datetime | None
    first_seen_at: datetime
    language: str | None
    sketch_version: int
    word_count: int
    keys: tuple[int, ...]
    sketch: bytes

    def row(self) -> dict[str, object]:
        # Not asdict: it copies every key on its own, at a tenth of the cost of signing.
        return {name: getattr(self, name) for name in SIGNATURE_SCHEMA.names} | {"keys": list(self.keys)}


def sign(
    *,
    appearance_id: str,
    url: str,
    source_id: str,
    agency: bool,
    published_at: datetime | None,
    first_seen_at: datetime,
    title: str | None,
    text: str,
    language: str | None = None,
) -> Signature:
    """The signature of one appearance. An empty text gets one without keys: it is nobody's copy.

    `url` and `title` leave no trace: copies are given other titles, and other stories the same one.
    """
    words = read_words(_prose(text))
    sentences = _sentences(words)
    return Signature(
        appearance_id=appearance_id,
        source_id=source_id,
        agency=agency,
        published_at=published_at,
        first_seen_at=first_seen_at,
        language=language,
        sketch_version=SKETCH_VERSION,
        word_count=len(words.hash),
        keys=_keys(words, sentences),
        sketch=_pack(words, sentences),
    )


def sketch_text(text: str) -> bytes:
    """The sketch alone, as it stands in the text's signature."""
    words = read_words(_prose(text))
    return _pack(words, _sentences(words))


def shingle_hashes(text: str) -> list[int]:
    """Hashes of the word 5-grams of a text in order, lists included; a shorter text has one, an empty one none."""
    hashes: list[int] = _shingles(word_hashes(text)).tolist()
    return hashes


def _prose(text: str) -> str:
    """The text without its lists: tour dates, nominees and results are the same in every report of them.

    A list is a run of short lines that do not end as a sentence. A text that is mostly lists is left whole.
    """
    kept: list[str] = []
    for is_short, run in groupby(filter(None, map(str.strip, text.split("\n"))), key=_is_list_line):
        lines = list(run)
        if not is_short or len(lines) < _SHORTEST_LIST:
            kept += lines
    return "\n".join(kept) if 2 * sum(map(len, kept)) >= len(text) else text


def _is_list_line(line: str) -> bool:
    return line.count(" ") < _LIST_LINE_WORDS and line.rstrip(_CLOSING)[-1:] not in _LINE_ENDS


def _sentences(words: Words) -> Places:
    """The number of each content word's sentence. One too short to be compared goes to the sentence before it."""
    counts = np.bincount(words.line, minlength=words.ends + 1)
    is_first = counts >= _SHORTEST_SENTENCE
    is_first[-1] = True  # what no mark ends is a sentence of its own
    is_first[: int(np.searchsorted(np.cumsum(counts), _SHORTEST_SENTENCE)) + 1] = False  # the text's first sentence
    numbers: Places = np.cumsum(is_first, dtype=np.int64)[words.line]
    return numbers


def _keys(words: Words, sentences: Places) -> tuple[int, ...]:
    copied = _distinct(_shingles(words.hash))
    telling = _distinct(_telling_pairs(words, sentences))
    kept = np.concatenate([copied[: min(max(len(words.hash) // 24, 16), 72)], telling[:_PAIR_KEYS]])
    return tuple(_distinct(kept >> np.uint64(64 - _KEY_BITS)).tolist())


def _distinct(hashes: Hashes) -> Hashes:
    """In order. (For so few, numpy's own `unique` takes four times as long.)"""
    ordered = np.sort(hashes)
    return ordered[_differ(ordered)]


def _differ(ordered: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which values differ from the one before them."""
    is_new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return is_new


def _shingles(words: Hashes) -> Hashes:
    """Hashes of all runs of five words; a shorter text has one, of all its words."""
    size = min(_SHINGLE_WORDS, len(words))
    total = np.zeros(len(words) - size + 1 if size else 0, dtype=np.uint64)
    for at in range(size):
        total = _mix(total + words[at : at + len(total)])
    return total


def _telling_pairs(words: Words, sentences: Places) -> Hashes:
    """Hashes of all pairs of the most telling words of each sentence, whichever of the two comes first."""
    group = sentences << 3 | words.rank
    order = np.lexsort((words.stem, group))
    group, stems = group[order], words.stem[order]
    is_new = _differ(group) | _differ(stems)
    sentence, stems = group[is_new] >> 3, stems[is_new]
    # The most telling are the last of their sentence: a word is one of them if the fourth after it is of another.
    is_telling = np.ones(len(stems), dtype=np.bool_)
    is_telling[:-_TELLING_WORDS] = sentence[_TELLING_WORDS:] != sentence[:-_TELLING_WORDS]
    sentence, stems = sentence[is_telling], stems[is_telling]
    pairs = []
    for step in range(1, _TELLING_WORDS):
        one, other = stems[:-step], stems[step:]
        is_pair = sentence[step:] == sentence[:-step]
        pairs.append(_mix(_mix(np.minimum(one, other)[is_pair]) + np.maximum(one, other)[is_pair]))
    return np.concatenate(pairs)


def _mix(values: Hashes) -> Hashes:
    """splitmix64, which spreads every bit over all (Steele, Lea, Flood, OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _pack(words: Words, sentences: Places) -> bytes:
    """Every word once a sentence, at its first place there, with the class that it has at its last."""
    marked = sentences << STEM_BITS | (words.stem % np.uint64(STEMS)).astype(np.int64)
    order = np.argsort(marked, kind="stable")
    is_new = _differ(marked[order])
    first, last = order[is_new], order[np.roll(is_new, -1)]
    hashes = marked[first] & ((1 << STEM_BITS) - 1)
    limit = STEMS if len(hashes) <= _MOST_STEMS else int(np.partition(hashes, _MOST_STEMS)[_MOST_STEMS])
    placed = np.argsort(first)
    placed = placed[hashes[placed] < limit]
    values = words.kind[last[placed]].astype(np.int64) << STEM_BITS | hashes[placed]
    ends = np.flatnonzero(np.roll(_differ(sentences[first[placed]]), -1))
    return np.concatenate([[limit], np.insert(values, ends + 1, SENTENCE_END)]).astype("<u2").tobytes()
