"""Which page of which source a captured page is.

An appearance is (source, canonical URL). The canonical URL is the one that the page gives itself, if that lies on its
site and can be an article's; so a page and its AMP or print form are one.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pipelines.ids import appearance_id_of
from pipelines.model import ExtractedPage, PageFacts
from pipelines.signatures import Signature, Unsigned, sign_all
from pipelines.urls import canonical_url, site_of

# Clocks and time zones of servers are wrong by up to a day; epoch zero and its like are nobody's publication.
_AHEAD = timedelta(hours=26)
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_ARTICLE_SEGMENT = re.compile(r"\d|-|_|\.|.{25}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An extracted page and the appearance that it is. `is_own_address`: it was fetched at its canonical URL.

    `signature`: that of its text, as if it had not been seen before; None if it was not made yet.
    """

    page: ExtractedPage
    canonical_url: str
    appearance_id: str
    is_own_address: bool
    content_sha256: str
    word_count: int
    signature: Signature | None = None


def see(page: ExtractedPage) -> Sighting:
    """Recognises the page; its publication time becomes unknown if it cannot be right."""
    own = canonical_url(page.url) or page.url
    chosen = _believed_canonical(page.facts.canonical_url, own) or own
    return Sighting(
        page=replace(page, facts=_plausible(page)),
        canonical_url=chosen,
        appearance_id=appearance_id_of(page.source.id, chosen),
        is_own_address=chosen == own,
        content_sha256=page.content_sha256,
        word_count=len(page.text.split()),
    )


def unsigned(seen: Sighting) -> Unsigned:
    """The page as what is signed of it."""
    page = seen.page
    return Unsigned(
        appearance_id=seen.appearance_id,
        source_id=page.source.id,
        agency=page.source.agency,
        published_at=page.facts.published_at,
        first_seen_at=page.fetched_at,
        language=page.facts.language,
        text=page.text,
    )


def sign_sighting(seen: Sighting) -> Signature:
    """The signature of the page's text."""
    return sign_all([unsigned(seen)])[0]


def _believed_canonical(given: str | None, own: str) -> str | None:
    """The address that a page gives itself, unless it leaves the site or is a section's, as on badly made sites."""
    found = canonical_url(given, own) if given else None
    if found is None or site_of(found) != site_of(own):
        return None
    parts = urlsplit(found)
    last = parts.path.rstrip("/").rpartition("/")[2]
    return found if found == own or parts.query or _ARTICLE_SEGMENT.search(last) else None


def _plausible(page: ExtractedPage) -> PageFacts:
    published_at = page.facts.published_at
    if published_at is None:
        return page.facts
    if published_at > page.fetched_at + _AHEAD:
        refused = "later than the fetch"
    elif published_at < _EARLIEST:
        refused = "before 1971"
    else:
        return page.facts
    found_in = f"refused, {refused}: {published_at.isoformat()} in {page.facts.published_found_in}"
    return replace(page.facts, published_at=None, published_precision=None, published_found_in=found_in)
