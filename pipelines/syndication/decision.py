"""Are two texts copies of one another? A logistic model on what `comparison` found, and four rules without a weight.

The weights stand in `weights.toml`, one a line; `benchmarks/train_stories.py` makes them. The rules: texts of one form
(a quake report, an obituary) with other figures or names in it are never copies; an item of a round-up is no copy of
the round-up; short texts have to agree nearly word for word, and two notes have to share keys as well: what two
newsrooms report of one event in a hundred words is half names and figures, and those are the same in both.
"""

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pipelines.syndication.comparison import Comparison

_FORM_FIGURES_DIFFER = 0.35
_FORM_NAMES_DIFFER = 0.6  # translators and capitals are good for 0.5
_FORM_MISSED = 3
_TURNED_FORM_FIGURES_DIFFER = 0.2  # of a form whose parts stand in another order as well
_TURNED_FORM_DISORDER = 0.25
_ROUND_UP_COHERENCE = 0.03
_ROUND_UP_COPIED = 0.85  # share of a round-up that a copy of the whole has at least
_ROUND_UP_QUOTED = 0.5  # share of a round-up that one of its items has at most
_ROUND_UP_WHOLE = 0.97  # share of the shorter of two round-ups that the longer has, from its beginning, if it was cut
_LOOSE_COHERENCE = 0.1  # of 100 long articles 99 are more coherent
_LONG_WORDS = 400
SHORT_WORDS = 60
_SHORT_EXACTNESS = 0.9
_NOTE_WORDS = 80  # of the longer of two texts, up to which they have to share this of their keys
_NOTE_KEYS = 0.5
_NO_NOTE_WORDS = 200  # from here on keys are only for finding candidates


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the signatures of two texts tell besides their sketches."""

    fewest_words: int
    most_words: int
    shared_keys: float  # share of the keys of the text with fewer keys that the other has

    @classmethod
    def of(cls, words: tuple[int, int], keys: tuple[Collection[int], Collection[int]]) -> "Evidence":
        shared = len(set(keys[0]).intersection(keys[1])) / max(1, min(map(len, keys)))
        return cls(min(words), max(words), shared)


def features(found: Comparison) -> dict[str, float]:
    """What the model weighs, by the names in `weights.toml`."""
    inner_own, outer_own = 1 - found.inner_covered, 1 - found.outer_covered
    return {
        # Of paired sentences, not of all with a counterpart: in reports of one event many are alike to the same few.
        "outer_paired": found.outer_paired,
        # Sentences of its own in both texts: an excerpt or an addition has them on one side only.
        "both_have_own": (1 - found.inner_paired) * (1 - found.outer_paired),
        "both_leads": min(found.inner_lead, found.outer_lead),
        # Counterparts that tell of other figures: some differ in any translation, many only in another story.
        "some_figures_differ": min(found.figures_differ, 0.3),
        "many_figures_differ": _clip((found.figures_differ - 0.2) / 0.2),
        # Editors cut and add, they do not shuffle. Of sentences in other words the wrong ones are paired now and then.
        "disorder": min(found.disorder, 0.2) * _clip((found.exactness - 0.4) / 0.4),
        # The inner text without its first sentences, in a text with much else: background taken over by another story.
        # One missing sentence tells it where the rest was taken over word for word; in other words it takes more. A
        # copy under another beginning has little else.
        "headless_part": _clip((0.4 + 0.5 * _clip((found.exactness - 0.6) / 0.3) - found.inner_lead) / 0.2)
        * _clip((outer_own - 0.1) / 0.3),
        # Much else in a text that is a round-up: the two share an item of it, not the story.
        "item_of_round_up": max(
            _incoherence(found.inner_coherence) * inner_own, _incoherence(found.outer_coherence) * outer_own
        ),
        # Two reports of one event share names and terms: a few words alike in other words around them prove nothing.
        "some_names_differ": min(found.names_differ, 0.3),
        "little_in_other_words": _clip((0.85 - found.exactness) / 0.3) * _clip(1 - found.shared / 25),
        # Synonyms and translators keep the order within a sentence, who tells it anew does not.
        "words_turned": min(found.words_turned, 0.3),
    }


def log_odds(found: Comparison) -> float:
    """Above 0: copies. The scale is the logistic model's, so 3 is about twenty to one."""
    weights = model_weights()
    return weights["intercept"] + sum(weights[name] * value for name, value in features(found).items())


def _incoherence(coherence: float) -> float:
    return _clip(1 - coherence / (2 * _ROUND_UP_COHERENCE))


def is_copy(found: Comparison, evidence: Evidence) -> bool:
    """Whether the two compared texts are copies."""
    return not is_ruled_out(found, evidence) and log_odds(found) > 0


def is_ruled_out(found: Comparison, evidence: Evidence) -> bool:
    """Whether one of the rules says that the two are no copies, whatever the weights say."""
    if is_form(found) or is_item_of_round_up(found) or are_other_notes(evidence):
        return True
    if evidence.fewest_words < SHORT_WORDS:
        return not _nearly_verbatim(found)
    return evidence.fewest_words >= _LONG_WORDS and are_other_round_ups(found)


def are_other_notes(evidence: Evidence) -> bool:
    """Whether both texts are short and share too few keys; the shorter they are, the more keys it takes."""
    needed = _NOTE_KEYS * _clip((_NO_NOTE_WORDS - evidence.most_words) / (_NO_NOTE_WORDS - _NOTE_WORDS))
    return evidence.shared_keys < needed


def is_form(found: Comparison) -> bool:
    """Whether sentences agree but tell of other figures and names: one form, filled in twice."""
    if found.figures_missed + found.names_missed < _FORM_MISSED:
        return False
    is_turned = found.disorder >= _TURNED_FORM_DISORDER
    figures_differ = found.figures_differ / (_TURNED_FORM_FIGURES_DIFFER if is_turned else _FORM_FIGURES_DIFFER)
    return figures_differ + found.names_differ / _FORM_NAMES_DIFFER >= 1


def is_item_of_round_up(found: Comparison) -> bool:
    """Whether one text is a round-up of many stories, and what the two share only a part of it."""
    of_inner = found.inner_coherence < _ROUND_UP_COHERENCE and found.inner_covered < _ROUND_UP_COPIED
    of_outer = found.outer_coherence < _ROUND_UP_COHERENCE and found.outer_covered < _ROUND_UP_QUOTED
    return of_inner or of_outer


def are_other_round_ups(found: Comparison) -> bool:
    """Whether both are round-ups and not all of their items are the same; of short texts the coherence tells little."""
    if found.inner_covered >= _ROUND_UP_WHOLE and min(found.inner_lead, found.outer_lead) >= _ROUND_UP_WHOLE:
        return False
    looser, other = sorted((found.inner_coherence, found.outer_coherence))
    return looser < _ROUND_UP_COHERENCE and other < _LOOSE_COHERENCE and found.outer_covered < _ROUND_UP_COPIED


def _nearly_verbatim(found: Comparison) -> bool:
    said_again = min(found.exactness * found.inner_covered, found.outer_covered) >= _SHORT_EXACTNESS
    return said_again and found.figures_missed == 0 and found.names_differ == 0


@cache
def model_weights() -> dict[str, float]:
    table = tomllib.loads(files("pipelines.syndication").joinpath("weights.toml").read_text("utf-8"))
    return {name: float(value) for name, value in table["weights"].items()}


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
