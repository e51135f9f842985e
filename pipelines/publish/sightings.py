"""Which page of which source a captured page is, and whether it says anything new.

An appearance is (source, canonical URL). The canonical URL is the one that the page gives itself, if that lies on its
site and can be an article's; so a page and its AMP or print form are one. What is known already and has the same bytes,
or the same title and text, changes nothing; other text is a new revision.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from pipelines.archive import Row, appearance_id_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """An appearance that is new (`known` is None) or has a new text; `revision` counts its texts from 1."""

    sighting: Sighting
    known: Row | None
    revision: int
    first_seen_at: datetime

    @property
    def appearance_id(self) -> str:
        return self.sighting.appearance_id

    @property
    def page(self) -> ExtractedPage:
        return self.sighting.page


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


def find_fresh(sightings: Iterable[Sighting], known: Mapping[str, Row]) -> list[Fresh]:
    """The appearances that are new or revised, by first sight; `known` are rows of `appearances` by their id."""
    groups: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        groups[sighting.appearance_id].append(sighting)
    found = [_newest(group, known.get(appearance_id)) for appearance_id, group in groups.items()]
    fresh = [one for one in found if one is not None]
    return sorted(fresh, key=lambda one: (one.first_seen_at, one.appearance_id))


def _newest(group: Sequence[Sighting], known: Row | None) -> Fresh | None:
    """What the sightings of one appearance come to; None if they say nothing new."""
    state = None if known is None else _State.of_row(known)
    current: Sighting | None = None
    for sighting in sorted(group, key=_order):
        if state is None or state.gives_way_to(sighting):
            state = _State.of_sighting(sighting, 1 if state is None else state.revision + 1)
            current = sighting
    if current is None or state is None:
        return None
    first = min(sighting.page.fetched_at for sighting in group)
    seen = first if known is None else known["first_seen_at"]
    assert isinstance(seen, datetime)
    return Fresh(sighting=current, known=known, revision=state.revision, first_seen_at=seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What of an appearance decides whether a sighting is a revision."""

    content_sha256: object
    payload_sha256: object
    fetched_at: datetime
    is_own_address: bool
    revision: int

    @classmethod
    def of_row(cls, row: Row) -> "_State":
        fetched_at, revision = row["fetched_at"], row["revision"]
        assert isinstance(fetched_at, datetime)
        assert isinstance(revision, int)
        return cls(
            content_sha256=row["content_sha256"],
            payload_sha256=row["payload_sha256"],
            fetched_at=fetched_at,
            is_own_address=canonical_url(str(row["url"])) == row["canonical_url"],
            revision=revision,
        )

    @classmethod
    def of_sighting(cls, sighting: Sighting, revision: int) -> "_State":
        return cls(
            content_sha256=sighting.content_sha256,
            payload_sha256=sighting.page.capture.payload_sha256,
            fetched_at=sighting.page.fetched_at,
            is_own_address=sighting.is_own_address,
            revision=revision,
        )

    def gives_way_to(self, sighting: Sighting) -> bool:
        page = sighting.page
        if sighting.content_sha256 == self.content_sha256 or page.capture.payload_sha256 == self.payload_sha256:
            return False
        if sighting.is_own_address != self.is_own_address:
            return sighting.is_own_address  # the second page of a long article, say, does not replace the first
        return page.fetched_at > self.fetched_at


def _order(sighting: Sighting) -> tuple[bool, datetime, str, int]:
    capture = sighting.page.capture
    return (not sighting.is_own_address, sighting.page.fetched_at, capture.key, capture.offset)


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
