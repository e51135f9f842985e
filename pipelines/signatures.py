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

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files
from itertools import groupby
from typing import NamedTuple

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

# Classes of content words. 14 bits of hash are enough to match words within two sentences.
COMMON, RARE, NAME, FIGURE = 0, 1, 2, 3
STEM_BITS = 14
STEMS = (1 << STEM_BITS) - 1  # one value fewer, so that no word looks like the end of a sentence
SENTENCE_END = 0xFFFF

_KEY_BITS = 40
_SHINGLE_WORDS = 5
_MOST_STEMS = 480
_STEM_LETTERS = 6  # stems are beginnings of words: right often enough in all languages that inflect by endings
_PAIR_KEYS = 32
_TELLING_WORDS = 4
_SHORTEST_SENTENCE = 4
_SHORTEST_WORD = 4
_SHORTEST_LIST = 3
_LIST_LINE_WORDS = 15

# Marks that Python counts as no letters though they stand in words: accents, Hebrew and Arabic points, Indic vowels.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0eff\u1000-\u109f\u1780-\u17ff"
_FORMS = r"\d+(?:[.,:]\d+)*|{word}|[.!?…]+(?=[\s\"”’»)\]]|$)|[。！？।؟\n]"  # of figures, words and ends of sentences
_PLAIN_TOKEN = re.compile(_FORMS.format(word=r"\w+"))
_MARKED_TOKEN = re.compile(_FORMS.format(word=rf"\w+(?:[{_MARKS}]+\w*)*"))  # slower by a third
_MARK = re.compile(f"[{_MARKS}]")
_ENDS = frozenset(".!?…。！？।؟\n")
_LINE_ENDS = _ENDS | {":"}  # of a line that is no item of a list
_CLOSING = " \"'”’»)]"
# Scripts written without spaces; a run of them is cut into overlapping pairs of characters.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")

Hashes = npt.NDArray[np.uint64]


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


class _Stem(NamedTuple):
    """A content word in its sentence; `rank` is higher for more telling ones."""

    rank: int
    hash: int
    kind: int


class _Word(NamedTuple):
    """A form of a word, apart from its place. `content` is None for words that say nothing of the story."""

    hash: int
    content: _Stem | None
    lowered: str
    is_capitalised: bool


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


def sketch_text(text: str) -> bytes:
    """The sketch alone, as it stands in the text's signature."""
    return _pack(_read(text)[1])


def shingle_hashes(text: str) -> list[int]:
    """Hashes of the word 5-grams of a text in order, lists included; a shorter text has one, an empty one none."""
    hashes: list[int] = _shingles(np.array([word.hash for word in _words(text) if word], dtype=np.uint64)).tolist()
    return hashes


def _read(text: str) -> tuple[list[int], list[list[_Stem]]]:
    """Hashes of all words in order, and the content words of each sentence."""
    tokens = _words(_prose(text))
    names = _name_words(tokens)
    sentences: list[list[_Stem]] = [[]]
    for word in tokens:
        if word is None:
            _end_sentence(sentences)
        elif word.lowered in names:
            sentences[-1].append(_name(word.lowered))
        elif word.content is not None:
            sentences[-1].append(word.content)
    return [word.hash for word in tokens if word is not None], [sentence for sentence in sentences if sentence]


def _words(text: str) -> list[_Word | None]:
    """The words in order, None where a sentence or a line ends."""
    spaced = _UNSPACED.sub(_space_out, unicodedata.normalize("NFKC", text))
    pattern = _MARKED_TOKEN if _MARK.search(spaced) else _PLAIN_TOKEN
    return list(map(_look_up, pattern.findall(spaced)))


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


def _space_out(run: re.Match[str]) -> str:
    letters = run[0]
    return " " + " ".join(letters[at : at + 2] for at in range(max(1, len(letters) - 1))) + " "


def _end_sentence(sentences: list[list[_Stem]]) -> None:
    """Begins a new sentence; one too short to be compared goes to the sentence before it."""
    if len(sentences[-1]) < _SHORTEST_SENTENCE and len(sentences) > 1:
        short = sentences.pop()
        sentences[-1] += short
    if len(sentences[-1]) >= _SHORTEST_SENTENCE:
        sentences.append([])


def _name_words(tokens: Sequence[_Word | None]) -> set[str]:
    """Lower-cased words that are mostly capitalised where no sentence begins."""
    balance: dict[str, int] = {}
    before = None
    for word in tokens:
        if before is not None and word is not None and word.is_capitalised:
            balance[word.lowered] = balance.get(word.lowered, 0) + 1
        before = word
    for word in tokens:
        if word is not None and not word.is_capitalised and word.lowered in balance:
            balance[word.lowered] -= 1
    return {word for word, count in balance.items() if count > 0}


@lru_cache(maxsize=1 << 17)
def _look_up(token: str) -> _Word | None:
    if token[0] in _ENDS:
        return None
    lowered = token.casefold()
    if token[0].isdigit():
        figure = re.sub(r"\D", "", token)
        hashed = _hash(figure)
        return _Word(hashed, _Stem(min(len(figure), 4), hashed, FIGURE), figure, False)
    stem = lowered[:_STEM_LETTERS]
    says_nothing = stem in _common_words()["stop"] or (len(lowered) < _SHORTEST_WORD and lowered.isascii())
    is_common = stem in _common_words()["common"]
    rank = 1 if is_common else 2 + (len(lowered) > _STEM_LETTERS)
    content = None if says_nothing else _Stem(rank, _hash(stem), COMMON if is_common else RARE)
    return _Word(_hash(lowered), content, lowered, token[0].isupper())


@lru_cache(maxsize=1 << 16)
def _name(lowered: str) -> _Stem:
    is_common = lowered[:_STEM_LETTERS] in _common_words()["stop"]
    return _Stem(1 if is_common else 4, _hash(lowered[:_STEM_LETTERS]), NAME)


@cache
def _common_words() -> dict[str, frozenset[str]]:
    """Stems that stand in very many texts (`stop`) and in many (`common`)."""
    table = tomllib.loads(files("pipelines").joinpath("common_words.toml").read_text("utf-8"))
    return {name: frozenset(words.split()) for name, words in table.items()}


@lru_cache(maxsize=1 << 17)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


def _keys(words: Sequence[int], sentences: Sequence[Sequence[_Stem]]) -> tuple[int, ...]:
    copied = np.unique(_shingles(np.array(words, dtype=np.uint64)))
    telling = np.unique(_telling_pairs(sentences))
    kept = np.concatenate([copied[: min(max(len(words) // 24, 16), 72)], telling[:_PAIR_KEYS]])
    return tuple(np.unique(kept >> np.uint64(64 - _KEY_BITS)).tolist())


def _shingles(words: Hashes) -> Hashes:
    """Hashes of all runs of five words; a shorter text has one, of all its words."""
    size = min(_SHINGLE_WORDS, len(words))
    total = np.zeros(len(words) - size + 1 if size else 0, dtype=np.uint64)
    for at in range(size):
        total = _mix(total + words[at : at + len(total)])
    return total


def _telling_pairs(sentences: Sequence[Sequence[_Stem]]) -> Hashes:
    """Hashes of all pairs of the most telling words of each sentence, whichever of the two comes first."""
    pairs = []
    for sentence in sentences:
        telling = sorted(set(sentence), reverse=True)[:_TELLING_WORDS]
        pairs += [(one.hash, other.hash) for at, one in enumerate(telling) for other in telling[at + 1 :]]
    both = np.array(pairs, dtype=np.uint64).reshape(-1, 2)
    return _mix(_mix(both.min(axis=1)) + both.max(axis=1)) if len(both) else both.ravel()


def _mix(values: Hashes) -> Hashes:
    """splitmix64, which spreads every bit over all (Steele, Lea, Flood, OOPSLA 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _pack(sentences: Sequence[Sequence[_Stem]]) -> bytes:
    marked = [{stem.hash % STEMS: stem.kind for stem in sentence} for sentence in sentences]
    hashes = sorted(hashed for sentence in marked for hashed in sentence)
    limit = STEMS if len(hashes) <= _MOST_STEMS else hashes[_MOST_STEMS]
    packed = [limit]
    for sentence in marked:
        kept = [kind << STEM_BITS | hashed for hashed, kind in sentence.items() if hashed < limit]
        packed += [*kept, SENTENCE_END] if kept else []
    return np.array(packed, dtype="<u2").tobytes()
