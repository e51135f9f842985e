"""Two sketches -> what the two texts have in common, sentence by sentence.

Every sentence is laid beside the sentence of the other text that it shares most with (cosine of their content words,
weighted by how telling a word is). All else is read off that alignment: how much of each text has a counterpart,
whether the order and the lead were kept, whether figures and names in counterparts agree. Nothing here knows of
stories.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.signatures import STEM_BITS
from pipelines.syndication.alignment import (
    COUNTERPART,
    Alignment,
    Matches,
    Side,
    Texts,
    align,
    match_words,
    spread,
    sums,
)
from pipelines.syndication.sketch import Numbers, Sketch, Weights
from pipelines.words import FIGURE, NAME

_TOO_LITTLE = 0.3  # two texts that share less than this of their words are not laid beside each other
_ROUNDING = 1e-9
_FEWEST_STEMS = 3
_LEAST_SHARED = 4.0
_BENEFIT_OF_DOUBT = 2  # one figure missed out of one proves little
_LEAD_SHARE, _SHORTEST_LEAD, _LONGEST_LEAD = 0.15, 2, 4  # of a text's sentences
_CELLS_AT_ONCE = 1 << 18  # 8 bytes each

Pair = tuple[Sketch, Sketch]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two texts have in common. Shares are of the weight of words and lie in [0, 1].

    The *inner* text is the one with the greater share of sentences that have a counterpart in the other, the *outer*.
    """

    inner_covered: float
    outer_covered: float
    exactness: float  # share of the words of sentences with counterparts that stand in the counterparts too
    inner_lead: float  # share of the first sentences' words found in counterparts, relative to exactness
    outer_lead: float
    inner_paired: float  # share of sentences that have one for their own: each is the other's best match
    outer_paired: float
    disorder: float  # share of pairs of counterparts that stand the other way round; near 0 where there are few
    words_turned: float  # share of words of paired sentences that stand before the word they followed
    figures_differ: float  # share of figures in counterparts that the counterpart does not have
    figures_missed: int
    names_differ: float
    names_missed: int
    inner_coherence: float
    outer_coherence: float
    shared: float  # total weight of the words in common


def compare(one: Sketch, other: Sketch) -> Comparison | None:
    """None where the two have too little in common to be worth a closer look."""
    return compare_all([(one, other)])[0]


def compare_all(pairs: Sequence[Pair]) -> list[Comparison | None]:
    """What `compare` gives of each pair, in half the time where there are many."""
    found: list[Comparison | None] = [None] * len(pairs)
    for numbers, below in _portions(pairs):
        one, other = (Texts.of([pair[side] for pair in below]) for side in (0, 1))
        matches = match_words(one, other)
        coherence = [(pairs[number][0].coherence, pairs[number][1].coherence) for number in numbers]
        compared = _read_off(one, other, matches, align(one, other, matches), coherence)
        for number, has_enough, comparison in zip(numbers, _have_enough(one, other, matches), compared, strict=True):
            if has_enough:
                found[number] = comparison
    return found


def _portions(pairs: Sequence[Pair]) -> Iterator[tuple[list[int], list[Pair]]]:
    """Numbers of pairs to be laid beside each other together, and the pairs below one limit.

    Those of which a text says nearly nothing are left out.
    """
    numbers: list[int] = []
    below: list[Pair] = []
    cells = 0
    for number, (one, other) in enumerate(pairs):
        limit = min(one.limit, other.limit)
        pair = one.below(limit), other.below(limit)
        if min(len(pair[0].stems), len(pair[1].stems)) < _FEWEST_STEMS:
            continue
        more = pair[0].sentence_count * pair[1].sentence_count
        if numbers and cells + more > _CELLS_AT_ONCE:
            yield numbers, below
            numbers, below, cells = [], [], 0
        numbers.append(number)
        below.append(pair)
        cells += more
    if numbers:
        yield numbers, below


def _have_enough(one: Texts, other: Texts, matches: Matches) -> list[bool]:
    """Which pairs are worth more than a look."""
    size = len(one.first)
    of_one, of_other = (np.zeros(len(side.pair), dtype=np.bool_) for side in (one, other))
    of_one[matches.of_one] = of_other[matches.of_other] = True
    shared_one = sums(one.pair, matches.weight_one * of_one, size)
    shared_other = sums(other.pair, matches.weight_other * of_other, size)
    share = np.maximum(
        shared_one / sums(one.pair, matches.weight_one, size),
        shared_other / sums(other.pair, matches.weight_other, size),
    )
    enough: list[bool] = ((share >= _TOO_LITTLE) & (shared_one >= _LEAST_SHARED)).tolist()
    return enough


def are_worth_comparing(pairs: Sequence[tuple[Sketch, Sketch]]) -> npt.NDArray[np.bool_]:
    """Which of the pairs `compare` may find to have enough in common; most pairs end here, before the dear part.

    A word that stands in both is taken to weigh as much as in its own text, and it cannot weigh more. Takes 16 kB a
    pair.
    """
    if not pairs:
        return np.zeros(0, dtype=np.bool_)
    limits = np.array([min(one.limit, other.limit) for one, other in pairs], dtype=np.int64)
    ones, others = (_Words.of([pair[side] for pair in pairs], limits) for side in (0, 1))
    shared_one, shared_other = ones.weight_in(others), others.weight_in(ones)
    share = np.maximum(shared_one / ones.total, shared_other / others.total)
    return (share > _TOO_LITTLE - _ROUNDING) & (shared_one > _LEAST_SHARED - _ROUNDING)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words below each pair's limit of one of its texts: the pair's number, stem and number as one, weight."""

    pairs: Numbers
    places: Numbers
    weights: Weights
    total: Weights

    @classmethod
    def of(cls, texts: Sequence[Sketch], limits: Numbers) -> "_Words":
        pairs = np.repeat(np.arange(len(texts)), [len(text.stems) for text in texts])
        stems = np.concatenate([text.stems for text in texts])
        weights = np.concatenate([text.weights for text in texts]) * (stems < limits[pairs])
        total = np.maximum(sums(pairs, weights, len(texts)), _ROUNDING)
        return cls(pairs, pairs << STEM_BITS | stems, weights, total)

    def weight_in(self, other: "_Words") -> Weights:
        """By pair, the weight of the words that stand in the other text too."""
        is_there = np.zeros(len(self.total) << STEM_BITS, dtype=np.bool_)
        is_there[other.places] = True
        return sums(self.pairs, self.weights * is_there[self.places], len(self.total))


@dataclass(frozen=True, slots=True)
class _Measures:
    """What an alignment says of one side, by pair."""

    covered: Weights
    exactness: Weights
    lead: Weights
    paired: Weights

    @classmethod
    def of(cls, texts: Texts, side: Side, is_paired: npt.NDArray[np.bool_]) -> "_Measures":
        total, covered = texts.by_pair(side.weight), texts.by_pair(side.weight * side.has_counterpart)
        counts = np.clip((texts.lengths * _LEAD_SHARE).astype(np.int64), _SHORTEST_LEAD, _LONGEST_LEAD)
        is_lead = np.arange(len(side.weight)) < (texts.first + counts)[texts.pair_of_sentence]
        exactness = texts.by_pair(side.found) / np.maximum(covered, _ROUNDING)
        lead = texts.by_pair(side.found * is_lead) / texts.by_pair(side.weight * is_lead)
        return cls(covered / total, exactness, lead, texts.by_pair(side.weight * is_paired) / total)


def _read_off(
    one: Texts, other: Texts, matches: Matches, aligned: Alignment, coherence: Sequence[tuple[float, float]]
) -> Iterator[Comparison]:
    size = len(one.first)
    pair_of_one, pair_of_other = aligned.pair_of_one, aligned.pair_of_other
    sides = (
        _Measures.of(one, aligned.one, pair_of_one >= 0),
        _Measures.of(other, aligned.other, pair_of_other >= 0),
    )
    mutual = pair_of_one[one.sentence[matches.of_one]]
    in_pair = (mutual >= 0) & (mutual == pair_of_other[other.sentence[matches.of_other]])
    of_one, of_other, mutual = matches.of_one[in_pair], matches.of_other[in_pair], mutual[in_pair]

    def missed(kind: int) -> tuple[Numbers, Numbers]:
        """How many words of a kind stand in the pairs' poorer side, and how many of them have no match."""
        there_one, there_other = one.kind == kind, other.kind == kind
        there = np.minimum(
            np.bincount(one.pair[there_one & (pair_of_one[one.sentence] >= 0)], minlength=size),
            np.bincount(other.pair[there_other & (pair_of_other[other.sentence] >= 0)], minlength=size),
        )
        is_met = there_one[of_one] | there_other[of_other]
        return there, np.maximum(0, there - np.bincount(one.pair[of_one[is_met]], minlength=size))

    figures, figures_missed = missed(FIGURE)
    names, names_missed = missed(NAME)
    turned = _turned(one.pair[of_one], mutual, of_other, size)
    shared = aligned.shared[aligned.mutual]
    pairs = one.pair_of_sentence[aligned.sentence_one[aligned.mutual]]
    disorder = _disorder(pairs, aligned.sentence_other[aligned.mutual], shared, size)
    together = sums(pairs, shared, size)
    for pair in range(size):
        inner, outer = (0, 1) if sides[0].covered[pair] >= sides[1].covered[pair] else (1, 0)
        exactness = float(sides[inner].exactness[pair])
        leads = [min(1.0, float(sides[side].lead[pair]) / max(exactness, COUNTERPART)) for side in (inner, outer)]
        yield Comparison(
            inner_covered=float(sides[inner].covered[pair]),
            outer_covered=float(sides[outer].covered[pair]),
            exactness=exactness,
            inner_lead=leads[0],
            outer_lead=leads[1],
            inner_paired=float(sides[inner].paired[pair]),
            outer_paired=float(sides[outer].paired[pair]),
            disorder=float(disorder[pair]),
            words_turned=float(turned[pair]),
            figures_differ=float(figures_missed[pair] / (figures[pair] + _BENEFIT_OF_DOUBT)),
            figures_missed=int(figures_missed[pair]),
            names_differ=float(names_missed[pair] / (names[pair] + _BENEFIT_OF_DOUBT)),
            names_missed=int(names_missed[pair]),
            inner_coherence=coherence[pair][inner],
            outer_coherence=coherence[pair][outer],
            shared=float(together[pair]),
        )


def _disorder(pairs: Numbers, places: Numbers, weights: Weights, size: int) -> Weights:
    """By pair, the weighted share of pairs of counterparts that stand the other way round.

    `pairs`, `places`, `weights` are of counterparts in the order of the one text: their pair of texts, in order, where
    they stand in the other text, and how much they share.
    """
    roots, counts = np.sqrt(weights), np.bincount(pairs, minlength=size)
    after = (np.cumsum(counts)[pairs] if len(pairs) else pairs) - np.arange(len(pairs)) - 1
    first, offset = spread(after)
    second = first + offset + 1
    is_turned = places[first] > places[second]
    turned = sums(pairs[first], roots[first] * roots[second] * is_turned, size)
    possible = (sums(pairs, roots, size) ** 2 - sums(pairs, weights, size)) / 2
    share: Weights = turned / np.maximum(possible, _ROUNDING) * np.minimum(1.0, counts / 4)
    return share


def _turned(pairs: Numbers, mutual: Numbers, places: Numbers, size: int) -> Weights:
    """By pair, the share of steps between common words of two sentences that lead backwards in the other text."""
    is_step = np.diff(mutual) == 0
    is_back = is_step & (np.diff(places) < 0)
    steps = np.bincount(pairs[1:][is_step], minlength=size)
    return np.bincount(pairs[1:][is_back], minlength=size) / (steps + _BENEFIT_OF_DOUBT)
