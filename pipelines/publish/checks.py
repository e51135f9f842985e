"""Data checks: what an extracted page must be before it becomes rows. One that is not is held back with its reason.

    alone        a text; in a language, not in the wrong encoding; no publication time a year ahead
    together     not the same text at many addresses of one source: that is a wall, a form or an error page
    as a row     of the types of the table

Pure: no clock, no storage. A publication time that is merely wrong (a clock, a placeholder) is no reason to hold an
article back: `see` makes it unknown.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import islice

import pyarrow as pa

from pipelines.archive import TABLES, Row
from pipelines.model import Dropped, DropReason, ExtractedPage
from pipelines.publish.rows import article_of
from pipelines.publish.sightings import Fresh, Sighting

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
_YEAR_AHEAD = timedelta(days=366)
_SAMPLE_CHARS = 2_000
_FEWEST_LETTERS = 1 / 3
_MOST_BROKEN = 0.02
_LETTERS = re.compile(r"[^\W\d_]+")
_UNREADABLE = re.compile(r"[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# UTF-8 read as Latin-1 or Windows-1252: the first byte of a pair and one that follows it.
_MISREAD = re.compile(r"[Â-ô][\x80-\xbfŒœŠšŸŽžƒˆ˜–-—‘-‚“-„†‡•…‰‹›€™]")


def check_page(page: ExtractedPage) -> Dropped | None:
    """Why the page is to be held back, judged alone; its publication time as the page said it."""
    text = page.text
    if not text.strip():
        return held(page, DropReason.NO_TEXT, "only white space")
    published_at = page.facts.published_at
    if published_at is not None and published_at > page.fetched_at + _YEAR_AHEAD:
        return held(page, DropReason.IMPLAUSIBLE_DATE, f"{published_at.isoformat()} in {page.facts.published_found_in}")
    if (why := _garbled(text[:_SAMPLE_CHARS])) is not None:
        return held(page, DropReason.GARBLED, why)
    return None


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


def held(page: ExtractedPage, reason: DropReason, detail: str) -> Dropped:
    """The page as one that did not pass."""
    return Dropped(
        source_id=page.source.id,
        run_id=page.run_id,
        url=page.url,
        capture=page.capture,
        stage="check",
        reason=reason,
        detail=detail,
    )


def _garbled(sample: str) -> str | None:
    broken = len(_UNREADABLE.findall(sample))
    if broken > _MOST_BROKEN * len(sample):
        return f"{broken} of {len(sample)} characters cannot be read"
    misread = len(_MISREAD.findall(sample))
    if misread > _MOST_BROKEN * len(sample):
        return f"{misread} characters are UTF-8 read as another encoding"
    solid = sum(map(len, sample.split()))
    letters = sum(map(len, _LETTERS.findall(sample)))
    if letters < _FEWEST_LETTERS * solid:
        return f"{letters} letters among {solid} characters"
    return None


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
