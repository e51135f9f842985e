"""Text -> its words, a row each: the numbers that everything about copies is made of.

A form of a word is looked at once and remembered; a text is then a row of places in that vocabulary, and all else is
done with whole columns. The numbers depend on the text and on `common_words.toml` alone, never on what was read before.
"""

import re
import threading
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Classes of content words.
COMMON, RARE, NAME, FIGURE = 0, 1, 2, 3
NO_CONTENT = 4  # the class of words that say nothing of the story, and of ends

_STEM_LETTERS = 6  # stems are beginnings of words: right often enough in all languages that inflect by endings
_SHORTEST_WORD = 4
_MOST_FORMS = 1 << 16  # some 15 MB
_FIRST_ROOM = 1 << 12
_FEW_TEXTS = 4  # have too little in common

# Marks that Python counts as no letters though they stand in words: accents, Hebrew and Arabic points, Indic vowels.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0eff\u1000-\u109f\u1780-\u17ff"
_FORMS = r"\d+(?:[.,:]\d+)*|{word}|[.!?…]+(?=[\s\"”’»)\]]|$)|[。！？।؟\n]"  # of figures, words and ends of sentences
_PLAIN_TOKEN = re.compile(_FORMS.format(word=r"\w+"))
_MARKED_TOKEN = re.compile(_FORMS.format(word=rf"\w+(?:[{_MARKS}]+\w*)*"))  # slower by a third
_MARK = re.compile(f"[{_MARKS}]")
SENTENCE_ENDS = frozenset(".!?…。！？।؟\n")
# Scripts written without spaces; a run of them is cut into overlapping pairs of characters.
_UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_UNSPACED = re.compile(f"[{_UNSPACED_SCRIPTS}]+")
_NOT_PLAIN = re.compile(f"[{_MARKS}{_UNSPACED_SCRIPTS}]")

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Forms = npt.NDArray[np.void]  # rows of _FORM
_Row = tuple[int, int, int, int, int, int, bool, bool]

_FORM = np.dtype(
    [
        ("hash", np.uint64),  # of the whole word
        ("stem", np.uint64),  # hash of its stem
        ("lowered", np.int32),  # the same number for all forms that differ in case only
        ("kind", np.uint8),
        ("rank", np.uint8),  # higher for more telling words
        ("rank_as_name", np.uint8),
        ("is_end", np.bool_),
        ("is_capitalised", np.bool_),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts in order, one text after the other, a column for each property.

    `stem`, `kind`, `rank` and `line` are of content words alone, those that say something of the story. What no end
    closes is the last line of its text: each has one line more than ends, and no line is of two texts.
    """

    counts: Counts  # words of each text
    lines: Counts  # lines of each text
    hash: Hashes
    stems: Hashes  # all different ones, in order
    stem: Counts  # a place in `stems`
    kind: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint8]
    line: Counts


def read_words(texts: Sequence[str]) -> Words:
    """The words of the texts, names told from other words; the same for each as if it were read alone."""
    vocabulary = _vocabulary()
    places, counts = vocabulary.read(texts)
    forms = vocabulary.table.take(places)
    text = np.repeat(np.arange(len(texts)), counts)
    is_end = forms["is_end"].copy()
    is_name = _are_names(forms, counts, is_end)
    kind = np.where(is_name, np.uint8(NAME), forms["kind"])
    is_content = kind != NO_CONTENT
    rank = np.where(is_name, forms["rank_as_name"], forms["rank"])
    ends = np.bincount(text[is_end], minlength=len(texts))
    stems, stem = _numbered(vocabulary.table["stem"], places[is_content])
    return Words(
        counts=counts - ends,
        lines=ends + 1,
        hash=forms["hash"][~is_end],
        stems=stems,
        stem=stem,
        kind=kind[is_content],
        rank=rank[is_content],
        line=(np.cumsum(is_end) + text)[is_content],
    )


def _numbered(values: Hashes, places: npt.NDArray[np.int64]) -> tuple[Hashes, Counts]:
    """The different ones of the values at these places, in order, and which of them stands at each place.

    As numpy's `unique` gives them, where few values stand at many places.
    """
    is_used = np.zeros(len(values), dtype=np.bool_)
    is_used[places] = True
    used = np.flatnonzero(is_used)
    ordered = values[used]
    order = np.argsort(ordered, kind="stable")
    ordered = ordered[order]
    is_new = differ(ordered)
    numbers = np.empty(len(values), dtype=np.int64)
    numbers[used[order]] = np.cumsum(is_new) - 1
    return ordered[is_new], numbers[places]


def differ(ordered: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which values differ from the one before them."""
    is_new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return is_new


def word_hashes(text: str) -> Hashes:
    """The hashes of all words in order."""
    return read_words([text]).hash


def _are_names(forms: Forms, counts: Counts, is_end: Flags) -> Flags:
    """Which words are mostly capitalised where no sentence begins, by their own text."""
    is_capitalised, lowered = forms["is_capitalised"], forms["lowered"]
    is_within = np.zeros(len(forms), dtype=np.bool_)
    is_within[1:] = ~is_end[:-1]
    ends = np.cumsum(counts)
    is_within[(ends - counts)[counts > 0]] = False
    is_name = is_capitalised & is_within
    # Only what is a name once can be one mostly.
    is_asked = np.zeros(int(lowered.max(initial=0)) + 1, dtype=np.bool_)
    is_asked[lowered[is_name]] = True
    asked = np.flatnonzero(is_asked[lowered])
    numbers, votes = lowered[asked], is_name[asked].astype(np.int64) - ~is_capitalised[asked]
    standing = np.zeros(len(is_asked), dtype=np.int64)
    are_names = np.zeros(len(forms), dtype=np.bool_)
    start = 0
    for end in np.searchsorted(asked, ends).tolist():
        of_text = numbers[start:end]
        np.add.at(standing, of_text, votes[start:end])
        are_names[asked[start:end]] = standing[of_text] > 0
        standing[of_text] = 0
        start = end
    return are_names


class _Vocabulary(dict[str, int]):
    """Forms of words and their places in a table. Forgets all, between two readings, when it holds too many."""

    def __init__(self) -> None:
        self.table = np.zeros(_FIRST_ROOM, dtype=_FORM)

    def read(self, texts: Sequence[str]) -> tuple[Places, Counts]:
        """A place for each word and for each end of a sentence or a line, and how many are of each text.

        No form reaches over a space, so what stands between two is looked at once, however often it stands there.
        """
        if len(self) > _MOST_FORMS:
            self.clear()
        if len(texts) < _FEW_TEXTS:
            tokens = [_tokens(unicodedata.normalize("NFKC", text)) for text in texts]
            counts = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
            return self._places(list(chain.from_iterable(tokens))), counts
        # A line's end is a mark of its own, so that "\n" can part the pieces; all marks are alike.
        lines = [text.replace("\n", " ! ").encode("utf-8", "surrogatepass") for text in texts]
        split = pc.split_pattern(pa.array(lines, pa.binary()), " ")
        pieces = split.flatten().dictionary_encode()
        places, starts, sizes = self._look_up(pieces.dictionary.to_pylist())
        piece = pieces.indices.to_numpy()
        sizes = sizes[piece]
        ends = np.cumsum(sizes)
        within = np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes)
        counts = np.diff(np.concatenate([[0], ends])[split.offsets.to_numpy()])
        return places[np.repeat(starts[piece], sizes) + within], counts

    def _look_up(self, pieces: Sequence[bytes]) -> tuple[Places, Places, Counts]:
        """Places of forms, and where among these the forms of each piece begin and how many they are."""
        known = unicodedata.normalize("NFKC", b"\n".join(pieces).decode("utf-8", "surrogatepass")).split("\n")
        places = np.fromiter(map(self.get, known, repeat(-1)), dtype=np.int64, count=len(known))
        starts, sizes = np.arange(len(known)), np.ones(len(known), dtype=np.int64)
        others = np.flatnonzero(places < 0)
        if len(others):
            found = self._places(_tokens("\n".join([known[place] for place in others.tolist()])))
            ends = np.append(np.flatnonzero(found == self["\n"]), len(found))
            begins = np.concatenate([[0], ends[:-1] + 1])
            starts[others], sizes[others] = begins + len(known), ends - begins
            places = np.concatenate([places, found])
        return places, starts, sizes

    def _places(self, tokens: list[str]) -> Places:
        return np.fromiter(map(self.__getitem__, tokens), dtype=np.int64, count=len(tokens))

    def __missing__(self, token: str) -> int:
        lowered = token if token[0] in SENTENCE_ENDS else token.casefold()
        same = self[lowered] if lowered != token and lowered[0] not in SENTENCE_ENDS else None
        place = len(self)
        row = _row(token, lowered, place if same is None else same)
        if place == len(self.table):
            self.table = np.resize(self.table, 2 * place)
        self.table[place] = row
        self[token] = place
        return place


def _tokens(text: str) -> list[str]:
    if text.isascii() or not _NOT_PLAIN.search(text):
        return _PLAIN_TOKEN.findall(text)
    spaced = _UNSPACED.sub(_space_out, text)
    pattern = _MARKED_TOKEN if _MARK.search(spaced) else _PLAIN_TOKEN
    return pattern.findall(spaced)


def _space_out(run: re.Match[str]) -> str:
    letters = run[0]
    return " " + " ".join(letters[at : at + 2] for at in range(max(1, len(letters) - 1))) + " "


_threads = threading.local()


def _vocabulary() -> _Vocabulary:
    """That of this thread: two that add forms to one at once would give them the same place."""
    try:
        found: _Vocabulary = _threads.vocabulary
    except AttributeError:
        found = _threads.vocabulary = _Vocabulary()
    return found


def _row(token: str, lowered: str, number: int) -> _Row:
    """A row of the vocabulary."""
    if token[0] in SENTENCE_ENDS:
        return (0, 0, number, NO_CONTENT, 0, 0, True, False)
    if token[0].isdigit():
        figure = token if token.isdecimal() else re.sub(r"\D", "", token)
        hashed = _hash(figure)
        return (hashed, hashed, number, FIGURE, min(len(figure), 4), 0, False, False)
    hashed, stem, length = _hash(lowered), lowered[:_STEM_LETTERS], len(lowered)
    of_stem = hashed if length <= _STEM_LETTERS else _hash(stem)
    known = _common_words()
    is_stop, is_common = stem in known["stop"], stem in known["common"]
    says_nothing = is_stop or (length < _SHORTEST_WORD and lowered.isascii())
    kind = NO_CONTENT if says_nothing else COMMON if is_common else RARE
    rank = 1 if is_common else 2 + (length > _STEM_LETTERS)
    return (hashed, of_stem, number, kind, rank, 1 if is_stop else 4, False, token[0].isupper())


@cache
def _common_words() -> dict[str, frozenset[str]]:
    """Stems that stand in very many texts (`stop`) and in many (`common`)."""
    table = tomllib.loads(files("pipelines").joinpath("common_words.toml").read_text("utf-8"))
    return {name: frozenset(words.split()) for name, words in table.items()}


def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
