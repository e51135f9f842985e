"""What kind of copy one text is of another, and how alike the two are; which appearance is a story's canonical one."""

from collections.abc import Sequence

from pipelines.model import CopyKind
from pipelines.signatures import Signature


def describe_copy(original: str, copy: str) -> tuple[CopyKind, float]:
    """The kind of copy, and the share of the shorter text's word 5-grams that stand in the other text as well."""
    one, other = _shingles(original), _shingles(copy)
    if not one or not other:
        same = original.split() == copy.split()
        return (CopyKind.VERBATIM, 1.0) if same else (CopyKind.EDITED, 0.0)
    shared = len(one & other)
    similarity = shared / min(len(one), len(other))
    return _kind(shared / len(one), shared / len(other)), similarity


def _kind(of_original: float, of_copy: float) -> CopyKind:
    if of_original > 0.9 and of_copy > 0.9:
        return CopyKind.VERBATIM
    if of_copy > 0.9:
        return CopyKind.TRIMMED if of_original > 0.5 else CopyKind.EXCERPT
    return CopyKind.EDITED if max(of_copy, of_original) > 0.5 else CopyKind.SPUN


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = text.casefold().split()
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def pick_canonical(appearances: Sequence[Signature]) -> Signature:
    """The appearance that stands for its story: an agency's if there is one, then the earliest known publication.

    A publication time that is not known counts as the time when the page was first seen; ties go to the smaller id.
    """
    return min(
        appearances,
        key=lambda one: (not one.agency, one.published_at or one.first_seen_at, one.first_seen_at, one.appearance_id),
    )
