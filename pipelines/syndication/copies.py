"""What kind of copy one text is of another, and how alike they are; which appearance is a story's canonical one.

`similarity` is the share of the shorter text's word 5-grams that stand in the other text as well: 1 for a copy, a
shortened copy or an excerpt, near 0 for a text that was put into other words.
"""

from collections.abc import Sequence

from pipelines.model import CopyKind
from pipelines.signatures import Signature, shingle_hashes
from pipelines.syndication.sketch import Sketch

_SAME = 0.95  # a dateline and a credit line change less than this
_IN_OTHER_WORDS = 0.5
_EXCERPT = 0.5
_LEAD = 30  # 5-grams with which a text begins
_SAMPLE_CHARS = 200


def describe_copy(original: str, copy: str) -> tuple[CopyKind, float]:
    """The kind of copy and the similarity, from both texts; case and punctuation make no difference.

    Where one of the texts has no words, nothing can be said: `edited` with similarity 0.
    """
    if copy == original and shingle_hashes(copy[:_SAMPLE_CHARS]):  # as most are: nothing to compare
        return CopyKind.VERBATIM, 1.0
    return _describe(shingle_hashes(original), shingle_hashes(copy))


def describe_sketched_copy(original: bytes, copy: bytes) -> tuple[CopyKind, float]:
    """The same from two sketches, where a text is gone: from runs of content words instead of 5-grams.

    On the labelled set the kind is right in 0.92 of cases (0.96 from the texts), the similarity 0.02 off in the median
    and less than 0.11 in nine of ten.
    """
    one, other = Sketch.unpack(original), Sketch.unpack(copy)
    limit = min(one.limit, other.limit)
    return _describe(one.below(limit).runs(), other.below(limit).runs())


def _describe(original: Sequence[int], copy: Sequence[int]) -> tuple[CopyKind, float]:
    """From the hashes of both texts' 5-grams in the order of the text."""
    there, here = set(original), set(copy)
    if not there or not here:
        return CopyKind.EDITED, 0.0
    shared = len(there & here)
    lead = copy[:_LEAD]
    has_lead = sum(one in there for one in lead) >= len(lead) / 2
    return _kind(shared / len(there), shared / len(here), has_lead), shared / min(len(there), len(here))


def _kind(of_original: float, of_copy: float, has_lead: bool) -> CopyKind:
    """From the shares of the two texts' 5-grams that stand in the other, and whether the copy begins with its own."""
    if max(of_original, of_copy) < _IN_OTHER_WORDS:
        return CopyKind.SPUN
    if of_original < _EXCERPT:
        return CopyKind.EXCERPT
    if of_copy < _SAME or not has_lead:
        return CopyKind.EDITED
    return CopyKind.VERBATIM if of_original >= _SAME else CopyKind.TRIMMED


def pick_canonical(appearances: Sequence[Signature]) -> Signature:
    """The appearance that stands for its story: an agency's if there is one, then the earliest known publication.

    A publication time that is not known counts as the time when the page was first seen; ties go to the smaller id.
    """
    return min(
        appearances,
        key=lambda one: (not one.agency, one.published_at or one.first_seen_at, one.first_seen_at, one.appearance_id),
    )
