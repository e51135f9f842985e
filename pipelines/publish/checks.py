"""Data checks of pages taken together; `pipelines.pages` has checked each alone. What fails is held back.

Pure: no clock, no storage.

together     not the same text at many addresses of one source: that is a wall, a form or an error page
as a row     of the types of the table
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice

import pyarrow as pa

from pipelines.archive import TABLES, Row
from pipelines.model import Dropped, DropReason
from pipelines.pages import Sighting, held
from pipelines.publish.fresh import Fresh
from pipelines.publish.rows import article_of

# Held back because somebody may mend what went wrong. The other reasons are final: no article, or none of ours.
QUARANTINED = frozenset(
    {
        DropReason.BAD_ENCODING,
        DropReason.BAD_ROW,
        DropReason.ERROR,
        DropReason.GARBLED,
        DropReason.IMPLAUSIBLE_DATE,
        DropReason.NO_TEXT,
        DropReason.SAME_TEXT,
        DropReason.TIMEOUT,
        DropReason.TOO_SHORT,
    }
)
# A canonical form, a print form and a few sections may show one text; eight addresses of one source do not.
SAME_TEXT_ADDRESSES = 8


def check_together(sightings: Sequence[Sighting]) -> dict[int, Dropped]:
    """Of pages that are published together those to be held back, by their place in the sequence."""
    addresses: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in sightings:
        addresses[one.page.source.id, one.page.text].add(one.canonical_url)
    found: dict[int, Dropped] = {}
    for at, one in enumerate(sightings):
        count = len(addresses[one.page.source.id, one.page.text])
        if count >= SAME_TEXT_ADDRESSES:
            found[at] = held(one.page, DropReason.SAME_TEXT, f"at {count} addresses")
    rest = [at for at in range(len(sightings)) if at not in found]
    if _misfit([sightings[at] for at in rest]) is not None:
        for at in rest:
            if (why := _misfit([sightings[at]])) is not None:
                found[at] = held(sightings[at].page, DropReason.BAD_ROW, why)
    return found


def _misfit(sightings: Iterable[Sighting]) -> str | None:
    """What is wrong with the pages as rows of `articles`; None if nothing is."""
    rows: list[Row] = [
        article_of(Fresh(sighting=one, known=None, revision=1, first_seen_at=one.page.fetched_at)) for one in sightings
    ]
    try:
        pa.Table.from_pylist(rows, schema=TABLES["articles"].schema)
    except (ValueError, TypeError, OverflowError) as error:  # Arrow's own errors are kinds of the first two
        return " ".join(islice(str(error).split(), 30))
    return None
