"""Text of an article -> a sketch of it, small enough to keep for a month of the world's news.

A sketch answers two questions without the text: which other articles may be copies of it (`keys`: compared for equality
only, so any SQL engine can join them), and how alike two texts are, sentence by sentence (`sketch`). It depends on
nothing but the text and `SKETCH_VERSION`: there are no statistics of a corpus in it, so signing again gives the same
bytes. Sketches of different versions are not comparable.

`keys`    40-bit hashes of two kinds: word 5-grams (they find what was copied), and pairs of telling words that stand
          in one sentence (names, figures, rare words: they survive translation and synonyms). Of each kind the ones
          with the smallest hashes are kept, the same rule in every text, so that two copies keep the same ones.
`sketch`  content words in the order of the text, little-endian 16 bits each: 14 bits of the stem's hash, 2 bits of
          its class (word, name, figure); 0xFFFF ends a sentence. Of long texts only words whose hash is below a limit
          are kept, again the same ones in every text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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

WORD, NAME, FIGURE = 0, 1, 2
SENTENCE_END = 0xFFFF

_SHINGLE = 5
_KEY_BITS = 40
_MOST_STEMS = 320
_STEM_LETTERS = 6
_PAIR_KEYS = 24
_TELLING_WORDS = 4
_STOP = "\n"

# Marks that Python counts as no letters though they stand inside words: accents, Hebrew and Arabic points, Indic vowels.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0df3"
# Scripts written without spaces; a run of them is cut into overlapping pairs of characters.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(
    rf"(?P<run>[{_UNSPACED}]+)|(?P<figure>\d+(?:[.,:]\d+)*)|(?P<word>(?:[^\W\d_{_UNSPACED}]|[{_MARKS}])+)|(?P<end>[.!?…]+(?=[\s\"”’»)\]]|$)|[。！？।؟]|\n)"
)

Words = npt.NDArray[np.uint64]


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
        return asdict(self) | {"keys": list(self.keys)}


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
    """The signature of one appearance. An empty text gets one without keys: it is nobody's copy."""
    words, sentences = _read(text)
    return Signature(
        appearance_id=appearance_id,
        source_id=source_id,
        agency=agency,
        published_at=published_at,
        first_seen_at=first_seen_at,
        language=language,
        sketch_version=SKETCH_VERSION,
        word_count=len(words),
        keys=_keys(words, sentences),
        sketch=_pack(sentences),
    )


@dataclass(frozen=True, slots=True)
class _Stem:
    """One content word: its 64-bit hash, its class, and how telling it is (higher: rarer)."""

    hash: int
    kind: int
    weight: int


def unpack(sketch: bytes) -> tuple[int, npt.NDArray[np.uint16]]:
    """The hash limit below which words were kept, and the packed words of a sketch."""
    values = np.frombuffer(sketch, dtype="<u2")
    return (int(values[0]), values[1:]) if len(values) else (0, values)


def _read(text: str) -> tuple[list[int], list[list[_Stem]]]:
    """Hashes of all words in order, and the content words of each sentence."""
    tokens = list(_tokens(unicodedata.normalize("NFKC", text)))
    names = _name_words(tokens)
    words: list[int] = []
    sentences: list[list[_Stem]] = [[]]
    for token in tokens:
        if token == _STOP:
            if len(sentences[-1]) >= _TELLING_WORDS:
                sentences.append([])
            continue
        lowered = token.casefold()
        words.append(_hash64(lowered))
        stem = _content_stem(lowered, lowered in names)
        if stem is not None:
            sentences[-1].append(stem)
    return words, [sentence for sentence in sentences if sentence]


def _tokens(text: str) -> Iterator[str]:
    """Words and figures as written; a newline for the end of a sentence."""
    for match in _TOKEN.finditer(text):
        token = match[0]
        kind = match.lastgroup
        if kind == "end":
            yield _STOP
        elif kind == "figure":
            yield re.sub(r"\D", "", token)
        elif kind == "run":
            yield from (token[at : at + 2] for at in range(max(1, len(token) - 1)))
        else:
            yield token


def _name_words(tokens: Sequence[str]) -> set[str]:
    """Lower-cased words that are mostly capitalised where no sentence begins."""
    balance: Counter[str] = Counter()
    before = _STOP
    for token in tokens:
        if not token[0].isupper():
            balance[token] -= 1
        elif before != _STOP:
            balance[token.casefold()] += 1
        before = token
    return {word for word, count in balance.items() if count > 0}


@lru_cache(maxsize=1 << 17)
def _hash64(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=1 << 17)
def _content_stem(word: str, is_name: bool) -> _Stem | None:
    if word[0].isdigit():
        return _Stem(_hash64(word), FIGURE, 2 + min(len(word), 3))
    if len(word) <= 1 or (len(word) <= 3 and not is_name and word.isascii()):
        return None
    return _Stem(
        _hash64(word[:_STEM_LETTERS]), NAME if is_name else WORD, (4 if is_name else 0) + min(len(word), 8) // 2
    )


def _keys(words: Sequence[int], sentences: Sequence[Sequence[_Stem]]) -> tuple[int, ...]:
    copied = np.unique(_shingles(np.array(words, dtype=np.uint64)))
    telling = np.unique(np.fromiter(_telling_pairs(sentences), dtype=np.uint64))
    kept = np.concatenate([copied[: int(np.clip(len(words) // 24, 16, 72))], telling[:_PAIR_KEYS]])
    return tuple(int(key) for key in np.unique(kept >> np.uint64(64 - _KEY_BITS)))


def _shingles(words: Words) -> Words:
    if len(words) < _SHINGLE:
        return words[:0]
    total = np.zeros(len(words) - _SHINGLE + 1, dtype=np.uint64)
    for at in range(_SHINGLE):
        total = _mix(total + words[at : at + len(total)])
    return total


def _telling_pairs(sentences: Sequence[Sequence[_Stem]]) -> Iterator[int]:
    for sentence in sentences:
        telling = sorted({(stem.weight, stem.hash) for stem in sentence}, reverse=True)[:_TELLING_WORDS]
        for at, (_, one) in enumerate(telling):
            for _, other in telling[at + 1 :]:
                yield _hash64(f"{min(one, other)} {max(one, other)}")


def _mix(values: Words) -> Words:
    """splitmix64, which spreads every bit over all (Steele, Lea, Flood, OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _pack(sentences: Sequence[Sequence[_Stem]]) -> bytes:
    hashes = sorted(stem.hash & 0x3FFF for sentence in sentences for stem in sentence)
    limit = 0x4000 if len(hashes) <= _MOST_STEMS else hashes[_MOST_STEMS]
    packed = [limit]
    for sentence in sentences:
        kept = [stem.kind << 14 | stem.hash & 0x3FFF for stem in sentence if stem.hash & 0x3FFF < limit]
        packed += [*kept, SENTENCE_END] if kept else []
    return np.array(packed, dtype="<u2").tobytes()
