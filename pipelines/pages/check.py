"""What one extracted page must be before it can become a row: one that is not is held back with its reason.

A text; in a language, not in the wrong encoding; no publication time a year ahead. A publication time that is merely
wrong (a clock, a placeholder) is no reason to hold an article back: `see` makes it unknown.
"""

import re
from datetime import timedelta

from pipelines.model import Dropped, DropReason, ExtractedPage

_YEAR_AHEAD = timedelta(days=366)
_SAMPLE_CHARS = 2_000
_FEWEST_LETTERS = 1 / 3
_MOST_BROKEN = 0.02
_LETTERS = re.compile(r"[^\W\d_]+")
_UNREADABLE = re.compile(r"[\ufffd\x80-\x9f]")
# UTF-8 read as Latin-1 or Windows-1252: the first byte of a pair and one that follows it.
_MISREAD = re.compile(r"[Â-ô][\x80-\xbfŒœŠšŸŽžƒˆ˜–-—‘-‚“-„†‡•…‰‹›€™]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# Of ASCII, which most of most texts is: bytes are counted by table, in a third of the time that patterns take.
_ASCII = [chr(code) for code in range(128)]
_ASCII_SPACES = "".join(filter(str.isspace, _ASCII)).encode()
_ASCII_LETTERS = "".join(filter(str.isalpha, _ASCII)).encode()
_ASCII_UNREADABLE = bytes({*range(32), 127} - set(b"\t\n\r"))


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
    plain, rest = sample.encode("ascii", "ignore"), " ".join(_NOT_ASCII.findall(sample))
    broken = _count(plain, _ASCII_UNREADABLE) + len(_UNREADABLE.findall(rest))
    if broken > _MOST_BROKEN * len(sample):
        return f"{broken} of {len(sample)} characters cannot be read"
    misread = len(_MISREAD.findall(rest))
    if misread > _MOST_BROKEN * len(sample):
        return f"{misread} characters are UTF-8 read as another encoding"
    solid = len(plain) - _count(plain, _ASCII_SPACES) + sum(map(len, rest.split()))
    letters = _count(plain, _ASCII_LETTERS) + sum(map(len, _LETTERS.findall(rest)))
    if letters < _FEWEST_LETTERS * solid:
        return f"{letters} letters among {solid} characters"
    return None


def _count(text: bytes, characters: bytes) -> int:
    return len(text) - len(text.translate(None, characters))
