"""The language of a text by its content; what the page claims decides only between close relatives and short texts."""

import re
from functools import cache
from itertools import islice

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_SAMPLE_CHARS = 1_200
# Reading costs by the character, and in most texts so much of each end of the sample says the same, and surely.
_END_CHARS = 200
_SURE = 0.9
_OTHER_SCRIPTS = re.compile("[^\x00-\u024f\u1e00-\u1eff\u2000-\u206f]+")  # than Latin
_FEW_OF_OTHERS = 1 / 3
_SHORT_CHARS = 120
_FEW_LETTERS = 20
_FAMILIES = (
    frozenset(("no", "nb", "nn", "da", "sv")),
    frozenset(("hr", "bs", "sr", "sl", "mk", "bg")),
    frozenset(("id", "ms", "jv")),
    frozenset(("pt", "gl", "es", "ca", "an", "oc")),
    frozenset(("ru", "uk", "be", "bg", "kk", "ky")),
    frozenset(("cs", "sk")),
    frozenset(("hi", "mr", "ne")),
    frozenset(("fa", "ar", "ur", "ps", "ug", "ku")),
    frozenset(("de", "lb", "nl", "af")),
    frozenset(("tr", "az")),
    frozenset(("zh", "ja")),
)


def detect_language(text: str, claimed: str | None = None) -> str | None:
    """ISO 639-1 code; None for a text with too few letters of a page that claims nothing."""
    hint = (claimed or "").strip().replace("_", "-").split("-")[0].lower()
    hint = hint if 2 <= len(hint) <= 3 and hint.isalpha() else ""
    sample = text[:_SAMPLE_CHARS]
    if sum(1 for _ in islice(filter(str.isalpha, sample), _FEW_LETTERS)) < _FEW_LETTERS:
        return hint or None
    code = _classified(_in_one_script(sample))
    if not hint or hint == code:
        return code
    if any(hint in family and code in family for family in _FAMILIES) or len(sample) < _SHORT_CHARS:
        return hint
    return code


def _in_one_script(sample: str) -> str:
    """Without what is quoted in other scripts in a Latin text: the model reads bytes, and theirs are more a letter."""
    if sample.isascii():
        return sample
    others = sum(map(len, _OTHER_SCRIPTS.findall(sample)))
    return _OTHER_SCRIPTS.sub(" ", sample) if 0 < others < _FEW_OF_OTHERS * len(sample) else sample


def _classified(sample: str) -> str:
    """The ends are asked apart: of two languages in one piece the model is sure of either."""
    if len(sample) > 2 * _END_CHARS:
        first, last = (_identifier().classify(end) for end in (sample[:_END_CHARS], sample[-_END_CHARS:]))
        if first[0] == last[0] and min(first[1], last[1]) >= _SURE:
            return str(first[0])
    return str(_identifier().classify(sample)[0])


@cache
def _identifier() -> LanguageIdentifier:
    """The model; it takes a third of a second to load, which processes forked after that do not spend again."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
