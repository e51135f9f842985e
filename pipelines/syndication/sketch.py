"""The sketch of a text, unpacked: what two texts are compared by."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.signatures import SENTENCE_END, STEM_BITS
from pipelines.words import RARE

WEIGHT = np.array([0.4, 1.0, 1.0, 1.0])  # of a common word, a rare one, a name, a figure
_RUN_WORDS = 4
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

    @property
    def sentence_count(self) -> int:
        return int(self.sentences[-1]) + 1 if len(self.sentences) else 0

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
        return self.ordered.searchsorted(self.stems, "right") - self.ordered.searchsorted(self.stems, "left")

    @cached_property
    def weights(self) -> Weights:
        """The weight of each word, less for one that stands in the text more than once."""
        return WEIGHT[self.kinds] / np.sqrt(self.repeats)

    @cached_property
    def coherence(self) -> float:
        """Share of telling words that come back a quarter of the text or more away.

        Texts about one thing come back to it; in a round-up of many stories nearly nothing does. Short texts count as
        coherent.
        """
        telling = self.kinds >= RARE
        count = self.sentence_count
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
