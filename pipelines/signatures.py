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

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

import numpy as np
import pyarrow as pa

from pipelines.words import SENTENCE_ENDS, Counts, Hashes, Words, differ, read_words, word_hashes

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """An appearance and its text."""

    appearance_id: str
    source_id: str
    agency: bool
    published_at: datetime | None
    first_seen_at: datetime
    language: str | None
    text: str


def sign_all(texts: Sequence[Unsigned]) -> list[Signature]:
    """The signature of each, the same as of it alone. An empty text gets one without keys: it is nobody's copy.

    A text is signed in half the time where it is one of thirty.
    """
    words = read_words([_prose(one.text) for one in texts])
    sentences = _sentences(words)
    return [
        Signature(
            appearance_id=one.appearance_id,
            source_id=one.source_id,
            agency=one.agency,
            published_at=one.published_at,
            first_seen_at=one.first_seen_at,
            language=one.language,
            sketch_version=SKETCH_VERSION,
            word_count=word_count,
            keys=keys,
            sketch=sketch,
        )
        for one, word_count, keys, sketch in zip(
            texts, words.counts.tolist(), _keys(words, sentences), _sketches(words, sentences), strict=True
        )
    ]


def sketch_text(text: str) -> bytes:
    """The sketch alone, as it stands in the text's signature."""
    words = read_words([_prose(text)])
    return _sketches(words, _sentences(words))[0]


def shingle_hashes(text: str) -> list[int]:
    """Hashes of the word 5-grams of a text in order, lists included; a shorter text has one, an empty one none."""
    words = word_hashes(text)
    hashes: list[int] = _shingles(words, np.array([len(words)]))[0].tolist()
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


@dataclass(frozen=True, slots=True)
class _Sentences:
    """The sentence of each content word, numbered through all texts, and the first sentence of each text."""

    of_word: Counts
    first: Counts


def _sentences(words: Words) -> _Sentences:
    """One too short to be compared goes to the sentence before it."""
    counts = np.bincount(words.line, minlength=int(words.lines.sum()))
    ends = np.cumsum(words.lines)
    starts = ends - words.lines
    before = np.cumsum(counts) - counts
    is_first = counts >= _SHORTEST_SENTENCE
    is_first[ends - 1] = True  # what no mark ends is a sentence of its own
    is_first &= before - np.repeat(before[starts], words.lines) >= _SHORTEST_SENTENCE
    is_first[starts] = True
    numbers = np.cumsum(is_first, dtype=np.int64)
    return _Sentences(numbers[words.line], numbers[starts])


def _keys(words: Words, sentences: _Sentences) -> list[tuple[int, ...]]:
    most = np.clip(words.counts // 24, 16, 72)
    copied = _smallest(*_shingles(words.hash, words.counts), most)
    telling = _smallest(*_telling_pairs(words, sentences), np.full(len(most), _PAIR_KEYS))
    kept = _distinct(np.concatenate([copied, telling]))
    ends = np.searchsorted(kept, np.arange(1, len(most) + 1) << _KEY_BITS).tolist()
    keys = (kept & ((1 << _KEY_BITS) - 1)).tolist()
    return [tuple(keys[start:end]) for start, end in pairwise([0, *ends])]


def _smallest(hashes: Hashes, counts: Counts, most: Counts) -> Counts:
    """The smallest different hashes of each text as keys, at most so many; above a key's bits is its text's number."""
    ends = np.cumsum(counts)
    starts = ends - counts
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        hashes[start:end].sort()
    is_new = differ(hashes)
    is_new[starts[counts > 0]] = True
    before = np.concatenate([[0], np.cumsum(is_new)])
    kept = np.flatnonzero(is_new & (before[:-1] < np.repeat(before[starts] + most, counts)))
    text: Counts = np.repeat(np.arange(len(counts)) << _KEY_BITS, counts)[kept]
    return text | (hashes[kept] >> np.uint64(64 - _KEY_BITS)).astype(np.int64)


def _distinct(values: Counts) -> Counts:
    """In order. (For so few, numpy's own `unique` takes four times as long.)"""
    ordered = np.sort(values)
    return ordered[differ(ordered)]


def _shingles(words: Hashes, counts: Counts) -> tuple[Hashes, Counts]:
    """Hashes of all runs of five words, and how many of each text; a shorter text has one, of all its words."""
    ends = np.cumsum(counts)
    padded = np.concatenate([words, np.zeros(_SHINGLE_WORDS - 1, dtype=np.uint64)])
    hashes = _chained([padded[at : at + len(words)] for at in range(_SHINGLE_WORDS)])
    for text in np.flatnonzero((counts > 0) & (counts < _SHINGLE_WORDS)).tolist():
        start, end = ends[text] - counts[text], ends[text]
        hashes[start] = _chained(list(words[start:end, None]))[0]
    left = np.repeat(ends, counts) - np.arange(len(words))
    is_run = left >= np.repeat(np.minimum(counts, _SHINGLE_WORDS), counts)
    return hashes[is_run], np.maximum(counts - (_SHINGLE_WORDS - 1), counts > 0)


def _chained(columns: Sequence[Hashes]) -> Hashes:
    """One hash of the columns, in their order."""
    total = np.zeros_like(columns[0])
    for column in columns:
        total = _mix(total + column)
    return total


def _telling_pairs(words: Words, sentences: _Sentences) -> tuple[Hashes, Counts]:
    """Hashes of all pairs of the most telling words of each sentence, whichever of the two comes first; how many of
    each text.
    """
    bits = len(words.stems).bit_length()
    ordered = (sentences.of_word << 3 | words.rank) << bits | words.stem
    ordered.sort(kind="stable")
    ordered = ordered[differ(ordered)]
    sentence = ordered >> 3 + bits
    # The most telling are the last of their sentence: a word is one of them if the fourth after it is of another.
    is_telling = np.ones(len(ordered), dtype=np.bool_)
    is_telling[:-_TELLING_WORDS] = sentence[_TELLING_WORDS:] != sentence[:-_TELLING_WORDS]
    sentence, chosen = sentence[is_telling], words.stems[ordered[is_telling] & ((1 << bits) - 1)]
    one = np.repeat(np.arange(len(chosen)), _TELLING_WORDS - 1)
    other = one + np.tile(np.arange(1, _TELLING_WORDS), len(chosen))
    one, other = one[other < len(chosen)], other[other < len(chosen)]
    is_pair = sentence[one] == sentence[other]
    sentence, one, other = sentence[one[is_pair]], chosen[one[is_pair]], chosen[other[is_pair]]
    counts = np.diff(np.searchsorted(sentence, sentences.first), append=len(sentence))
    return _mix(_mix(np.minimum(one, other)) + np.maximum(one, other)), counts


def _mix(values: Hashes) -> Hashes:
    """In place: splitmix64, which spreads every bit over all (Steele, Lea, Flood, OOPSLA 2014)."""
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def _sketches(words: Words, sentences: _Sentences) -> list[bytes]:
    """Every word once a sentence, at its first place there, with the class that it has at its last."""
    bits = len(words.stem).bit_length()
    marked = sentences.of_word << STEM_BITS | (words.stems % np.uint64(STEMS)).astype(np.int64)[words.stem]
    ordered = marked << bits | np.arange(len(marked))
    ordered.sort(kind="stable")
    is_new = differ(ordered >> bits)
    ordered &= (1 << bits) - 1
    last = np.full(len(marked), -1)
    last[ordered[is_new]] = ordered[np.roll(is_new, -1)]
    first = np.flatnonzero(last >= 0)
    hashes = marked[first] & ((1 << STEM_BITS) - 1)
    starts = np.searchsorted(sentences.of_word[first], sentences.first)
    counts = np.diff(starts, append=len(first))
    limits = np.full(len(starts), STEMS)
    for text in np.flatnonzero(counts > _MOST_STEMS).tolist():
        of_text = hashes[starts[text] : starts[text] + counts[text]]
        limits[text] = np.partition(of_text, _MOST_STEMS)[_MOST_STEMS]
    is_kept = hashes < np.repeat(limits, counts)
    first, hashes = first[is_kept], hashes[is_kept]
    values = words.kind[last[first]].astype(np.int64) << STEM_BITS | hashes
    sentence = sentences.of_word[first]
    starts = np.searchsorted(sentence, sentences.first)
    ends = np.flatnonzero(np.roll(differ(sentence), -1)) + 1
    marks = np.concatenate([np.full(len(ends), SENTENCE_END), limits])
    packed = np.insert(values, np.concatenate([ends, starts]), marks).astype("<u2")
    starts += np.searchsorted(ends, starts, side="right") + np.arange(len(starts))
    return [packed[start:end].tobytes() for start, end in pairwise([*starts.tolist(), len(packed)])]
