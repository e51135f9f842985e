"""Are two texts copies of one another? A logistic model on what `comparison` found, and two rules without a weight.

The weights stand in `weights.toml`, one a line; `benchmarks/train_stories.py` makes them. The rules: texts of one form
(a quake report, a match report) with other figures in it are never copies, and short texts have to agree nearly word
for word.
"""

import tomllib
from functools import cache
from importlib.resources import files

from pipelines.syndication.comparison import Comparison

_FORM_FIGURES_DIFFER = 0.35
_FORM_FIGURES_MISSED = 3
SHORT_WORDS = 60
_SHORT_EXACTNESS = 0.9


def features(found: Comparison) -> dict[str, float]:
    """What the model weighs, by the names in `weights.toml`."""
    own = 1 - found.inner_covered
    return {
        "inner_covered": found.inner_covered,
        "outer_covered": found.outer_covered,
        "best_lead": found.best_lead,
        # Counterparts that tell of other figures or names; some differ in any translation, many only in another story.
        "some_figures_differ": min(found.figures_differ, 0.3),
        "many_figures_differ": _clip((found.figures_differ - 0.2) / 0.2),
        "names_differ": _clip(found.names_differ / 0.4),
        "disorder": found.disorder,
        # The inner text without its first sentences, in a text with much else: background taken over by another story.
        "headless_part": (1 - found.inner_lead) * (1 - found.outer_covered),
        # Words of its own in both, where what is shared is word for word: no paraphrase can explain them.
        "own_beside_exact": _clip((found.exactness - 0.8) / 0.2) * own,
        # Words of its own in both, and one of them a round-up: they share an item, not the story.
        "own_beside_round_up": _clip(1 - found.coherence / 0.12) * own,
    }


def log_odds(found: Comparison) -> float:
    """Above 0: copies. The scale is the logistic model's, so 3 is about twenty to one."""
    weights = model_weights()
    return weights["intercept"] + sum(weights[name] * value for name, value in features(found).items())


def is_copy(found: Comparison, fewest_words: int) -> bool:
    """Whether the two compared texts, of which the shorter has `fewest_words`, are copies."""
    if found.figures_differ >= _FORM_FIGURES_DIFFER and found.figures_missed >= _FORM_FIGURES_MISSED:
        return False
    if fewest_words < SHORT_WORDS and not _nearly_verbatim(found):
        return False
    return log_odds(found) > 0


def _nearly_verbatim(found: Comparison) -> bool:
    said_again = min(found.exactness * found.inner_covered, found.outer_covered) >= _SHORT_EXACTNESS
    return said_again and found.figures_missed == 0 and found.names_differ == 0


@cache
def model_weights() -> dict[str, float]:
    table = tomllib.loads(files("pipelines.syndication").joinpath("weights.toml").read_text("utf-8"))
    return {name: float(value) for name, value in table["weights"].items()}


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
