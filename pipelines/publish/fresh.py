"""Which of the pages seen say anything new.

What is known already and has the same bytes, or the same title and text, changes nothing; other text is a new revision.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.archive import Row
from pipelines.model import ExtractedPage
from pipelines.pages import Sighting
from pipelines.urls import canonical_url


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
