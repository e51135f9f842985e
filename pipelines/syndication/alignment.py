"""The words and sentences of many pairs of texts, laid beside each other at once.

Each column holds something of all pairs one after the other: a word, a sentence, two equal words (a match), or a cell,
which is a sentence of the one text and a sentence of the other with a word in common.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.signatures import STEM_BITS
from pipelines.syndication.sketch import WEIGHT, Numbers, Sketch, Weights
from pipelines.words import differ

COUNTERPART = 0.3  # cosine from which two sentences are counterparts; translated and back they keep about 0.5
_NONE = -1

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Texts:
    """One side of all pairs. Sentences are numbered through; `first`: the number of each text's first one."""

    pair: Numbers  # of each word
    place: Numbers  # the word as a number: its pair's and its stem
    order: Numbers  # the words by `place`
    repeats: Numbers
    kind: npt.NDArray[np.uint8]
    sentence: Numbers  # of each word
    first: Numbers
    lengths: Numbers  # sentences of each text
    pair_of_sentence: Numbers

    @classmethod
    def of(cls, texts: Sequence[Sketch]) -> "Texts":
        """The texts of one side, none of them empty."""
        sizes = np.array([len(text.stems) for text in texts])
        lengths = np.array([text.sentence_count for text in texts])
        numbers = np.arange(len(texts))
        pair, first = np.repeat(numbers, sizes), np.cumsum(lengths) - lengths
        return cls(
            pair=pair,
            place=pair << STEM_BITS | np.concatenate([text.stems for text in texts]),
            order=np.concatenate([text.order for text in texts]) + np.repeat(np.cumsum(sizes) - sizes, sizes),
            repeats=np.concatenate([text.repeats for text in texts]),
            kind=np.concatenate([text.kinds for text in texts]),
            sentence=np.concatenate([text.sentences for text in texts]) + first[pair],
            first=first,
            lengths=lengths,
            pair_of_sentence=np.repeat(numbers, lengths),
        )

    def by_pair(self, of_sentences: Weights) -> Weights:
        """The sums of what is given by sentence."""
        return sums(self.pair_of_sentence, of_sentences, len(self.first))


@dataclass(frozen=True, slots=True)
class Matches:
    """All pairs of equal words, by the place of the one, and the weight of every word of each side."""

    of_one: Numbers
    of_other: Numbers
    weight_one: Weights
    weight_other: Weights


def match_words(one: Texts, other: Texts) -> Matches:
    """A word weighs less that stands in either of the two texts more than once."""
    places, others = one.place[one.order], other.place[other.order]
    begins = others.searchsorted(places, "left")
    found, first = np.empty_like(begins), np.empty_like(begins)
    found[one.order] = others.searchsorted(places, "right") - begins
    first[one.order] = begins
    of_one, offsets = spread(found)
    of_other = other.order[first[of_one] + offsets]
    found_other = np.bincount(of_other, minlength=len(other.place))
    return Matches(
        of_one=of_one,
        of_other=of_other,
        weight_one=WEIGHT[one.kind] / np.sqrt(np.maximum(one.repeats, found)),
        weight_other=WEIGHT[other.kind] / np.sqrt(np.maximum(other.repeats, found_other)),
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts, by sentence: its weight, and the weight found in its best match if that is a counterpart.

    `best`: the cell of the best match, the first of equal ones.
    """

    weight: Weights
    best: Numbers
    has_counterpart: Flags
    found: Weights


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which sentences belong together: `mutual` are the cells of two that are each other's best match.

    Cells stand by the sentence of the one text. `pair_of_one`, `pair_of_other`: of each sentence its place in `mutual`,
    or -1.
    """

    sentence_one: Numbers  # of each cell
    sentence_other: Numbers
    shared: Weights  # of each cell the weight of the words in common
    one: Side
    other: Side
    mutual: Numbers
    pair_of_one: Numbers
    pair_of_other: Numbers


def align(one: Texts, other: Texts, matches: Matches) -> Alignment:
    """Lays every sentence beside that of the other text that it shares most with."""
    weight_one = sums(one.sentence, matches.weight_one)
    weight_other = sums(other.sentence, matches.weight_other)
    both = np.minimum(matches.weight_one[matches.of_one], matches.weight_other[matches.of_other])
    # Cells lie as in a table for each pair: row after row, as wide as the other text is long.
    widths = other.lengths[one.pair_of_sentence]
    ends = np.cumsum(widths)
    shift = ends - widths - other.first[one.pair_of_sentence]
    table = sums(shift[one.sentence[matches.of_one]] + other.sentence[matches.of_other], both, int(ends[-1]))
    cells = np.flatnonzero(table)
    shared = table[cells]
    rows = np.repeat(np.arange(len(ends)), np.diff(np.searchsorted(cells, ends), prepend=0))
    columns = cells - shift[rows]
    cosine = shared / np.sqrt(weight_one[rows] * weight_other[columns])
    first = _side(rows, cosine, shared, weight_one, np.arange(len(cells)))
    by_column = np.argsort(columns, kind="stable")
    second = _side(columns, cosine, shared, weight_other, by_column)
    best = first.best[first.has_counterpart]
    mutual = best[second.best[columns[best]] == best]
    pair_of_one, pair_of_other = np.full(len(weight_one), _NONE), np.full(len(weight_other), _NONE)
    pair_of_one[rows[mutual]] = pair_of_other[columns[mutual]] = np.arange(len(mutual))
    return Alignment(rows, columns, shared, first, second, mutual, pair_of_one, pair_of_other)


def _side(sentences: Numbers, cosine: Weights, shared: Weights, weight: Weights, order: Numbers) -> Side:
    """`sentences`: of each cell; `order`: the cells by sentence."""
    best = np.full(len(weight), _NONE)
    has_counterpart = np.zeros(len(weight), dtype=np.bool_)
    found = np.zeros(len(weight))
    if len(order):
        ordered = sentences[order]
        is_new = differ(ordered)
        highest = np.maximum.reduceat(cosine[order], np.flatnonzero(is_new))
        tops = order[cosine[order] == highest[np.cumsum(is_new) - 1]]
        tops = tops[differ(sentences[tops])]
        at = sentences[tops]
        best[at] = tops
        has_counterpart[at] = cosine[tops] > COUNTERPART
        found[at] = np.minimum(shared[tops], weight[at]) * has_counterpart[at]
    return Side(weight, best, has_counterpart, found)


def spread(counts: Numbers) -> tuple[Numbers, Numbers]:
    """So many of each: the place in `counts` that each is of, and its number among those."""
    places = np.repeat(np.arange(len(counts)), counts)
    return places, np.arange(len(places)) - (np.cumsum(counts) - counts)[places]


def sums(places: npt.NDArray[np.signedinteger], weights: Weights, size: int = 0) -> Weights:
    """The sum of the weights at each place; there are at least `size` places."""
    return np.bincount(places, weights, size).astype(np.float64, copy=False)
