"""Words as numbers: the same whatever was read before, and wherever it is read."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import words
from pipelines.words import COMMON, FIGURE, NAME, RARE, Words, read_words, word_hashes
from tests.pipelines.made_up_news import article

# Letters, marks, figures, ends and spaces of many scripts, alone and as parts of others.
ODD = "aAbBZé\u0301\u0e01\u0e31\u0915\u093f海湾新ア\u0627\u064bŉİßǰ\u00b4½²①3५ \n\t\u00a0\u3000.!?…。؟।,:;-_'’”»)]\"😀"
TEXTS = ["\n".join(article(number)) for number in range(12)]


def same(one: Words, other: Words) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Words.__slots__)


def test_a_vocabulary_that_forgets_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [read_words([text]) for text in TEXTS]
    monkeypatch.setattr(words, "_MOST_FORMS", 50)
    assert all(same(read_words([text]), known) for text, known in zip(TEXTS, before, strict=True))
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
    found = read_words(["On Monday 3,200 tonnes of wheat reached Varna.\nVarna waits, and Varna says more."])
    assert found.kind.tolist().count(NAME) == 4  # Monday, and Varna where it begins a line as well
    assert {RARE, FIGURE} <= set(found.kind.tolist()) <= {COMMON, RARE, NAME, FIGURE}
    assert found.lines.tolist() == [4]  # two full stops, a line, and what none of them ends
    assert sorted(set(found.line.tolist())) == [0, 2]


def test_a_name_is_known_by_how_it_is_mostly_written() -> None:
    assert NAME not in read_words(["the Bridge fell. a bridge, the bridge"]).kind
    assert NAME in read_words(["the Bridge fell. a Bridge, the bridge"]).kind


@given(st.lists(st.text(st.sampled_from(ODD), max_size=60), min_size=4, max_size=9))
def test_texts_read_together_have_the_words_that_each_has_alone(texts: list[str]) -> None:
    together, alone = read_words(texts), [read_words([text]) for text in texts]
    for name in ("counts", "lines", "hash", "kind", "rank"):
        assert np.array_equal(getattr(together, name), np.concatenate([getattr(one, name) for one in alone]))
    stems = [one.stems[one.stem] for one in alone]
    assert np.array_equal(together.stems[together.stem], np.concatenate(stems))


def test_half_a_character_is_no_word() -> None:
    texts = ["the \ud83d bridge of Varna"] * 5
    assert read_words(texts).counts.tolist() == [4] * 5
    assert read_words(texts[:1]).counts.tolist() == [4]


def test_no_texts_have_no_words() -> None:
    assert len(read_words([]).hash) == 0
