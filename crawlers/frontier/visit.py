"""What is known of one URL of a source."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a URL is to the crawl; an alias redirects to the address under which the article is kept."""

    ARTICLE = "article"
    ALIAS = "alias"
    FEED = "feed"
    SITEMAP = "sitemap"
    SECTION = "section"
    HOMEPAGE = "homepage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is known of one URL; `visits` counts answers (also 304), `fails` the failures since the last of them.

    `status` is 0 until it was asked. `found_in`, `title` and `published_at` are the link's; of an article they are kept
    until it was fetched.
    """

    url: str
    role: Role = Role.ARTICLE
    first_seen_at: datetime
    fetched_at: datetime
    next_visit_at: datetime
    status: int
    visits: int = 0
    fails: int = 0
    etag: str | None = None
    last_modified: str | None = None
    payload_sha256: str | None = None
    found_in: str | None = None
    title: str | None = None
    published_at: datetime | None = None


def later_visit(ours: Visit, theirs: Visit) -> Visit:
    """Of two records of one URL the later one, with the earlier first sight; the same whichever is named first."""

    def rank(visit: Visit) -> tuple[datetime, int, int, str]:
        return (visit.fetched_at, visit.visits, visit.status, str(visit))

    chosen = max(ours, theirs, key=rank)
    return replace(chosen, first_seen_at=min(ours.first_seen_at, theirs.first_seen_at))


def url_hash(url: str) -> int:
    """Eight bytes that stand for a URL."""
    return int.from_bytes(hashlib.blake2b(url.encode(), digest_size=8).digest(), "big")
