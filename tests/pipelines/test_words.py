"""Words as numbers: the same whatever was read before, and wherever it is read."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from pipelines import words
from pipelines.words import COMMON, FIGURE, NAME, RARE, Words, read_words, word_hashes
from tests.pipelines.made_up_news import article

TEXTS = ["\n".join(article(number)) for number in range(12)]


def same(one: Words, other: Words) -> bool:
    columns = ("hash", "stem", "kind", "rank", "line")
    return one.ends == other.ends and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)


def test_a_vocabulary_that_forgets_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [read_words(text) for text in TEXTS]
    monkeypatch.setattr(words, "_MOST_FORMS", 50)
    assert all(same(read_words(text), known) for text, known in zip(TEXTS, before, strict=True))
    assert len(words._vocabulary()) < 1_000


def test_threads_that_read_at_once_do_not_mix_their_words() -> None:
    before = [word_hashes(text) for text in TEXTS]
    together = Barrier(4)

    def read(_: int) -> list[np.ndarray]:
        together.wait(5)
        return [word_hashes(text) for text in TEXTS]

    with ThreadPoolExecutor(4) as threads:
        for read_at_once in threads.map(read, range(4)):
            assert all(np.array_equal(one, known) for one, known in zip(read_at_once, before, strict=True))


def test_words_have_their_class_and_stand_behind_their_ends() -> None:
    found = read_words("On Monday 3,200 tonnes of wheat reached Varna.\nVarna waits, and Varna says more.")
    assert found.kind.tolist().count(NAME) == 4  # Monday, and Varna where it begins a line as well
    assert {RARE, FIGURE} <= set(found.kind.tolist()) <= {COMMON, RARE, NAME, FIGURE}
    assert found.ends == 3  # two full stops and a line
    assert sorted(set(found.line.tolist())) == [0, 2]


def test_a_name_is_known_by_how_it_is_mostly_written() -> None:
    assert NAME not in read_words("the Bridge fell. a bridge, the bridge").kind
    assert NAME in read_words("the Bridge fell. a Bridge, the bridge").kind
