"""Text -> its words, a row each: the numbers that everything about copies is made of.

A form of a word is looked at once and remembered; a text is then a row of places in that vocabulary, and all else is
done with whole columns. The numbers depend on the text and on `common_words.toml` alone, never on what was read before.
"""

import re
import threading
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

import numpy as np
import numpy.typing as npt

# Classes of content words.
COMMON, RARE, NAME, FIGURE = 0, 1, 2, 3
NO_CONTENT = 4  # the class of words that say nothing of the story, and of ends

_STEM_LETTERS = 6  # stems are beginnings of words: right often enough in all languages that inflect by endings
_SHORTEST_WORD = 4
_MOST_FORMS = 1 << 16  # some 15 MB
_FIRST_ROOM = 1 << 12

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

Forms = npt.NDArray[np.void]  # rows of _FORM

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
    ]
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text in order. `content` are the places of those that say something of the story; what belongs
    to these alone is as long as it is: `stem`, `kind`, `rank`, and `line`, how many ends stand before the word.
    """

    hash: Hashes
    stem: Hashes
    kind: npt.NDArray[np.uint8]
    rank: npt.NDArray[np.uint8]
    line: npt.NDArray[np.int64]
    ends: int


def read_words(text: str) -> Words:
    """The text's words, names told from other words."""
    forms = _forms_of(text)
    is_end = forms["is_end"]
    is_name = _are_names(forms)
    kind = np.where(is_name, np.uint8(NAME), forms["kind"])
    is_content = kind != NO_CONTENT
    rank = np.where(is_name, forms["rank_as_name"], forms["rank"])
    ends_before = np.cumsum(is_end)
    return Words(
        hash=forms["hash"][~is_end],
        stem=forms["stem"][is_content],
        kind=kind[is_content],
        rank=rank[is_content],
        line=ends_before[is_content],
        ends=int(is_end.sum()),
    )


def word_hashes(text: str) -> Hashes:
    """The hashes of all words in order."""
    forms = _forms_of(text)
    hashes: Hashes = forms["hash"][~forms["is_end"]]
    return hashes


def _forms_of(text: str) -> Forms:
    """A row for each word, and for each end of a sentence or a line."""
    spaced = unicodedata.normalize("NFKC", text)
    if spaced.isascii() or not _NOT_PLAIN.search(spaced):
        return _vocabulary().rows(_PLAIN_TOKEN.findall(spaced))
    spaced = _UNSPACED.sub(_space_out, spaced)
    pattern = _MARKED_TOKEN if _MARK.search(spaced) else _PLAIN_TOKEN
    return _vocabulary().rows(pattern.findall(spaced))


def _space_out(run: re.Match[str]) -> str:
    letters = run[0]
    return " " + " ".join(letters[at : at + 2] for at in range(max(1, len(letters) - 1))) + " "


def _are_names(forms: Forms) -> npt.NDArray[np.bool_]:
    """Which words are mostly capitalised where no sentence begins."""
    is_end, is_capitalised = forms["is_end"], forms["is_capitalised"]
    is_within = np.zeros(len(forms), dtype=np.bool_)
    is_within[1:] = ~is_end[:-1]
    _, number = np.unique(forms["lowered"], return_inverse=True)
    names = np.bincount(number, is_capitalised & is_within)
    others = np.bincount(number, ~is_capitalised)
    are_names: npt.NDArray[np.bool_] = (names > others)[number] & ~is_end
    return are_names


class _Vocabulary(dict[str, int]):
    """Forms of words and their rows. Forgets all, between two texts, when it holds too many."""

    def __init__(self) -> None:
        self._table = np.zeros(_FIRST_ROOM, dtype=_FORM)

    def rows(self, tokens: list[str]) -> Forms:
        """The rows of these forms, one each."""
        if len(self) > _MOST_FORMS:
            self.clear()
        places = np.fromiter(map(self.__getitem__, tokens), dtype=np.int64, count=len(tokens))
        return self._table.take(places)

    def __missing__(self, token: str) -> int:
        lowered = token if token[0] in SENTENCE_ENDS else token.casefold()
        same = self[lowered] if lowered != token and lowered[0] not in SENTENCE_ENDS else None
        place = self[token] = len(self)
        if place == len(self._table):
            self._table = np.resize(self._table, 2 * place)
        self._table[place] = _form(token, lowered, place if same is None else same)
        return place


_threads = threading.local()


def _vocabulary() -> _Vocabulary:
    """That of this thread: two that add forms to one at once would give them the same place."""
    try:
        found: _Vocabulary = _threads.vocabulary
    except AttributeError:
        found = _threads.vocabulary = _Vocabulary()
    return found


def _form(token: str, lowered: str, number: int) -> tuple[int, int, int, int, int, int, bool, bool]:
    """A row of the vocabulary."""
    if token[0] in SENTENCE_ENDS:
        return (0, 0, number, NO_CONTENT, 0, 0, True, False)
    if token[0].isdigit():
        figure = re.sub(r"\D", "", token)
        hashed = _hash(figure)
        return (hashed, hashed, number, FIGURE, min(len(figure), 4), 0, False, False)
    stem = lowered[:_STEM_LETTERS]
    is_stop, is_common = stem in _common_words()["stop"], stem in _common_words()["common"]
    says_nothing = is_stop or (len(lowered) < _SHORTEST_WORD and lowered.isascii())
    kind = NO_CONTENT if says_nothing else COMMON if is_common else RARE
    rank = 1 if is_common else 2 + (len(lowered) > _STEM_LETTERS)
    return (_hash(lowered), _hash(stem), number, kind, rank, 1 if is_stop else 4, False, token[0].isupper())


@cache
def _common_words() -> dict[str, frozenset[str]]:
    """Stems that stand in very many texts (`stop`) and in many (`common`)."""
    table = tomllib.loads(files("pipelines").joinpath("common_words.toml").read_text("utf-8"))
    return {name: frozenset(words.split()) for name, words in table.items()}


def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
