"""Two sketches -> what the two texts have in common, sentence by sentence.

Every sentence is laid beside the sentence of the other text that it shares most with (cosine of their content words,
weighted by how telling a word is). All else is read off that alignment: how much of each text has a counterpart,
whether the order and the lead were kept, whether figures and names in counterparts agree. Nothing here knows of
stories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.signatures import SENTENCE_END, STEM_BITS
from pipelines.words import FIGURE, NAME, RARE

_WEIGHT = np.array([0.4, 1.0, 1.0, 1.0])  # of a common word, a rare one, a name, a figure
_COUNTERPART = 0.3  # cosine from which two sentences are counterparts; translated and back they keep about 0.5
_TOO_LITTLE = 0.3  # two texts that share less than this of their words are not laid beside each other
_ROUNDING = 1e-9
_FEWEST_STEMS = 3
_RUN_WORDS = 4
_LEAST_SHARED = 4.0
_BENEFIT_OF_DOUBT = 2  # one figure missed out of one proves little
_COHERENT_BY_DEFAULT = 0.3
_FEWEST_SENTENCES_TO_JUDGE = 8

Numbers = npt.NDArray[np.int64]
Stems = npt.NDArray[np.uint16]
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sketch:
    """An unpacked sketch: content words with their class and the number of their sentence, in text order."""

    limit: int
    stems: Stems
    kinds: npt.NDArray[np.uint8]
    sentences: npt.NDArray[np.int32]

    @classmethod
    def unpack(cls, packed: bytes) -> "Sketch":
        values = np.frombuffer(packed, dtype="<u2")
        words = values[1:]
        ends = words == SENTENCE_END
        numbers = np.cumsum(ends, dtype=np.int32)[~ends]
        words = words[~ends]
        limit = int(values[0]) if len(values) else 0
        return cls(limit, words & ((1 << STEM_BITS) - 1), (words >> STEM_BITS).astype(np.uint8), numbers)

    def below(self, limit: int) -> "Sketch":
        """The same text as if it had been sketched with a lower hash limit; sentences are numbered anew."""
        if limit >= self.limit:
            return self
        kept = self.stems < limit
        numbers = self.sentences[kept]
        starts = np.diff(numbers, prepend=-1) > 0
        return Sketch(limit, self.stems[kept], self.kinds[kept], np.cumsum(starts, dtype=np.int32) - 1)

    def runs(self) -> list[int]:
        """A number for each four content words that follow one another, in order: about as long as a word 5-gram."""
        count = max(0, len(self.stems) - _RUN_WORDS + 1)
        packed = np.zeros(count, dtype=np.int64)
        for at in range(_RUN_WORDS):
            packed = (packed << STEM_BITS) + self.stems[at : at + count]
        return packed.tolist()

    @cached_property
    def order(self) -> Numbers:
        """The places of the words, by word; a text is laid beside several others, and this is asked each time."""
        return np.argsort(self.stems, kind="stable")

    @cached_property
    def ordered(self) -> Stems:
        """The words, by word."""
        return self.stems[self.order]

    @cached_property
    def repeats(self) -> Numbers:
        """How often each word stands in the text."""
        return _count(self.ordered, self.stems)

    @cached_property
    def weights(self) -> Weights:
        """The weight of each word, less for one that stands in the text more than once."""
        return _WEIGHT[self.kinds] / np.sqrt(self.repeats)

    @cached_property
    def coherence(self) -> float:
        """Share of telling words that come back a quarter of the text or more away.

        Texts about one thing come back to it; in a round-up of many stories nearly nothing does. Short texts count as
        coherent.
        """
        telling = self.kinds >= RARE
        count = int(self.sentences[-1]) + 1 if len(self.sentences) else 0
        if count < _FEWEST_SENTENCES_TO_JUDGE or not telling.any():
            return _COHERENT_BY_DEFAULT
        order = self.order
        starts = np.flatnonzero(np.diff(self.ordered, prepend=-1))
        sizes = np.diff(starts, append=len(order))
        numbers = self.sentences[order]
        first = np.repeat(numbers[starts], sizes)
        last = np.repeat(numbers[starts + sizes - 1], sizes)
        far = np.maximum(last - numbers, numbers - first) >= max(2.0, count / 4)
        return float(far[telling[order]].mean())


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
    limit = min(one.limit, other.limit)
    whole_one, whole_other = one, other
    one, other = one.below(limit), other.below(limit)
    if min(len(one.stems), len(other.stems)) < _FEWEST_STEMS:
        return None
    matches = _match(one, other)
    shared_one = _weight_at(matches.of_one, matches.weight_one)
    shared_other = _weight_at(matches.of_other, matches.weight_other)
    shares = (shared_one / matches.weight_one.sum(), shared_other / matches.weight_other.sum())
    if max(shares) < _TOO_LITTLE or shared_one < _LEAST_SHARED:
        return None
    return _lay_beside(one, other, matches, (whole_one.coherence, whole_other.coherence))


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
        total = np.maximum(_sums(pairs, weights, len(texts)), _ROUNDING)
        return cls(pairs, pairs << STEM_BITS | stems, weights, total)

    def weight_in(self, other: "_Words") -> Weights:
        """By pair, the weight of the words that stand in the other text too."""
        is_there = np.zeros(len(self.total) << STEM_BITS, dtype=np.bool_)
        is_there[other.places] = True
        return _sums(self.pairs, self.weights * is_there[self.places], len(self.total))


@dataclass(frozen=True, slots=True)
class _Matches:
    """Positions of equal words in the two texts, and the weight of every word of each."""

    of_one: Numbers
    of_other: Numbers
    weight_one: Weights
    weight_other: Weights


def _match(one: Sketch, other: Sketch) -> _Matches:
    first = other.ordered.searchsorted(one.stems, "left")
    found = other.ordered.searchsorted(one.stems, "right") - first
    weight_one = _WEIGHT[one.kinds] / np.sqrt(np.maximum(one.repeats, found))
    weight_other = _WEIGHT[other.kinds] / np.sqrt(np.maximum(_count(one.ordered, other.stems), other.repeats))
    of_one = np.repeat(np.arange(len(one.stems)), found)
    offsets = np.arange(len(of_one)) - np.repeat(np.cumsum(found) - found, found)
    return _Matches(of_one, other.order[np.repeat(first, found) + offsets], weight_one, weight_other)


def _count(ordered: Stems, stems: Stems) -> Numbers:
    return ordered.searchsorted(stems, "right") - ordered.searchsorted(stems, "left")


def _weight_at(places: Numbers, weight: Weights) -> float:
    """The weight of the words at these places, each counted once."""
    is_there = np.zeros(len(weight), dtype=np.bool_)
    is_there[places] = True
    return float(weight[is_there].sum())


def _lay_beside(one: Sketch, other: Sketch, matches: _Matches, coherence: tuple[float, float]) -> Comparison:
    at_one, at_other = one.sentences[matches.of_one], other.sentences[matches.of_other]
    weight_one = _sums(one.sentences, matches.weight_one)
    weight_other = _sums(other.sentences, matches.weight_other)
    both = np.minimum(matches.weight_one[matches.of_one], matches.weight_other[matches.of_other])
    width = len(weight_other)
    shared = _sums(at_one * width + at_other, both, len(weight_one) * width).reshape(-1, width)
    cosine = shared / np.sqrt(weight_one[:, None] * weight_other[None, :])
    first, second = _side(cosine, shared, weight_one), _side(cosine.T, shared.T, weight_other)
    inner, outer = (first, second) if first.covered >= second.covered else (second, first)
    inner_coherence, outer_coherence = coherence if inner is first else coherence[::-1]
    exactness = inner.exactness
    leads = [min(1.0, side.lead / max(exactness, _COUNTERPART)) for side in (inner, outer)]
    mutual = np.flatnonzero(first.has_counterpart & (second.best[first.best] == np.arange(len(first.best))))
    pair_of_one = np.full(len(weight_one), -1)
    pair_of_other = np.full(width, -1)
    pair_of_one[mutual] = pair_of_other[first.best[mutual]] = np.arange(len(mutual))
    in_pair = (pair_of_one[at_one] >= 0) & (pair_of_one[at_one] == pair_of_other[at_other])
    of_one, of_other = matches.of_one[in_pair], matches.of_other[in_pair]
    paired = [float(weight_one[mutual].sum() / weight_one.sum())]
    paired += [float(weight_other[first.best[mutual]].sum() / weight_other.sum())]

    def missed(kind: int) -> tuple[int, int]:
        """How many words of a kind stand in the pairs' poorer side, and how many of them have no match."""
        there_one, there_other = one.kinds == kind, other.kinds == kind
        there = min(
            there_one[pair_of_one[one.sentences] >= 0].sum(), there_other[pair_of_other[other.sentences] >= 0].sum()
        )
        return int(there), max(0, int(there - (there_one[of_one] | there_other[of_other]).sum()))

    figures, figures_missed = missed(FIGURE)
    names, names_missed = missed(NAME)
    return Comparison(
        inner_covered=inner.covered,
        outer_covered=outer.covered,
        exactness=exactness,
        inner_lead=leads[0],
        outer_lead=leads[1],
        inner_paired=paired[0] if inner is first else paired[1],
        outer_paired=paired[1] if inner is first else paired[0],
        disorder=_disorder(first.best[mutual], shared[mutual, first.best[mutual]]),
        words_turned=_turned(pair_of_one[one.sentences[of_one]], of_other),
        figures_differ=figures_missed / (figures + _BENEFIT_OF_DOUBT),
        figures_missed=figures_missed,
        names_differ=names_missed / (names + _BENEFIT_OF_DOUBT),
        names_missed=names_missed,
        inner_coherence=inner_coherence,
        outer_coherence=outer_coherence,
        shared=float(shared[mutual, first.best[mutual]].sum()),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two texts, by sentence: its weight, its best match in the other, the weight found there if that is
    a counterpart.
    """

    weight: Weights
    best: Numbers
    has_counterpart: npt.NDArray[np.bool_]
    found: Weights

    @property
    def covered(self) -> float:
        return float((self.weight * self.has_counterpart).sum() / self.weight.sum())

    @property
    def exactness(self) -> float:
        total = float((self.weight * self.has_counterpart).sum())
        return float(self.found.sum()) / total if total else 0.0

    @property
    def lead(self) -> float:
        """Share of the first sentences' words (two to four, by the length of the text) found in counterparts."""
        count = max(2, min(4, int(len(self.weight) * 0.15)))
        return float(self.found[:count].sum() / self.weight[:count].sum())


def _side(cosine: Weights, shared: Weights, weight: Weights) -> _Side:
    rows = np.arange(len(weight))
    best = cosine.argmax(axis=1)
    has_counterpart = cosine[rows, best] > _COUNTERPART
    return _Side(weight, best, has_counterpart, np.minimum(shared[rows, best], weight) * has_counterpart)


def _sums(places: npt.NDArray[np.signedinteger], weights: Weights, size: int = 0) -> Weights:
    return np.bincount(places, weights, size).astype(np.float64, copy=False)


def _disorder(places: Numbers, weights: Weights) -> float:
    """Weighted share of pairs of counterparts that stand the other way round; `places` are in the order of the one."""
    if len(places) < 2:
        return 0.0
    roots = np.sqrt(weights)
    is_turned = np.triu(places[:, None] > places)
    pairs = (roots.sum() ** 2 - weights.sum()) / 2
    turned = float(roots @ is_turned @ roots / pairs)
    return turned * min(1.0, len(places) / 4)


def _turned(pairs: Numbers, places: Numbers) -> float:
    """Share of steps from one common word of a pair of sentences to the next that lead backwards in the other text."""
    is_step = np.diff(pairs) == 0
    return float((is_step & (np.diff(places) < 0)).sum() / (is_step.sum() + _BENEFIT_OF_DOUBT))
