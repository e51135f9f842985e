"""Fresh appearances, and pages that are held back -> rows of the tables."""

from datetime import datetime

from pipelines.archive import SCHEMA_VERSION, Row, article_id_of, page_id_of
from pipelines.capture import day_of_key
from pipelines.extract import EXTRACTOR
from pipelines.model import CopyKind, Dropped
from pipelines.publish.fresh import Fresh
from pipelines.signatures import SIGNATURE_SCHEMA, Signature


def article_row(story_id: str, before: Row | None, canonical: Fresh | Row) -> Row:
    """The story's article as its canonical appearance has it, fresh or taken from the row of a story now joined.

    What the row was `before` keeps its first sight; another title or text is its next revision.
    """
    row = article_of(canonical) if isinstance(canonical, Fresh) else dict(canonical)
    row |= {"article_id": article_id_of(story_id), "story_id": story_id}
    if before is not None:
        is_changed = row["content_sha256"] != before["content_sha256"]
        revision = before["revision"]
        assert isinstance(revision, int)
        row |= {
            "revision": revision + is_changed,
            "first_seen_at": before["first_seen_at"],
            "first_seen_date": before["first_seen_date"],
        }
    return row


def revision_row(before: Row, after: Row) -> Row:
    """The row of `revisions` for the text that `after` takes the place of."""
    page_id = page_id_of(str(before["capture_key"]), int(str(before["capture_offset"])))
    return dict(before) | {"page_id": page_id, "superseded_at": after["fetched_at"]}


def article_of(fresh: Fresh) -> Row:
    """The page's own columns of an article, without its ids."""
    page, facts = fresh.page, fresh.page.facts
    return {
        "url": page.url,
        "canonical_url": fresh.sighting.canonical_url,
        "source_id": page.source.id,
        "title": facts.title,
        "authors": list(facts.authors),
        "published_at": facts.published_at,
        "published_precision": None if facts.published_precision is None else facts.published_precision.value,
        "published_found_in": facts.published_found_in,
        "modified_at": _modified_at(fresh),
        "first_seen_at": fresh.first_seen_at,
        "fetched_at": page.fetched_at,
        "language": facts.language,
        "section": facts.section,
        "tags": list(facts.tags),
        "lead_image_url": facts.lead_image_url,
        "text": page.text,
        "word_count": fresh.sighting.word_count,
        "paywalled": facts.paywalled,
        "credited_agency": facts.credited_agency,
        "revision": fresh.revision,
        "content_sha256": fresh.sighting.content_sha256,
        "opt_out": list(facts.opt_out),
        "removed": dict(page.removed),
        "capture_key": page.capture.key,
        "capture_offset": page.capture.offset,
        "payload_sha256": page.capture.payload_sha256,
        "extractor": page.extractor,
        "run_id": page.run_id,
        "schema_version": SCHEMA_VERSION,
        "first_seen_date": fresh.first_seen_at.date(),
    }


def _modified_at(fresh: Fresh) -> datetime | None:
    """What the page says, else when its other text was first seen."""
    said = fresh.page.facts.modified_at
    return said if said is not None or fresh.revision == 1 else fresh.page.fetched_at


def appearance_row(fresh: Fresh, story_id: str, copy: tuple[CopyKind, float]) -> Row:
    """The page's row; `copy`: what it is of its story's article, and how similar."""
    page, facts = fresh.page, fresh.page.facts
    return {
        "appearance_id": fresh.appearance_id,
        "story_id": story_id,
        "article_id": article_id_of(story_id),
        "url": page.url,
        "canonical_url": fresh.sighting.canonical_url,
        "source_id": page.source.id,
        "agency": page.source.agency,
        "title": facts.title,
        "published_at": facts.published_at,
        "first_seen_at": fresh.first_seen_at,
        "fetched_at": page.fetched_at,
        "kind": copy[0].value,
        "similarity": copy[1],
        "credited_agency": facts.credited_agency,
        "revision": fresh.revision,
        "content_sha256": fresh.sighting.content_sha256,
        "capture_key": page.capture.key,
        "capture_offset": page.capture.offset,
        "payload_sha256": page.capture.payload_sha256,
        "run_id": page.run_id,
        "schema_version": SCHEMA_VERSION,
        "first_seen_date": fresh.first_seen_at.date(),
    }


def signature_row(fresh: Fresh, signature: Signature, story_id: str) -> Row:
    """The sketch's row, in the partition of its appearance."""
    return signature.row() | {"story_id": story_id, "first_seen_date": fresh.first_seen_at.date()}


def signature_of_row(appearance: Row) -> Signature:
    """As much of a known appearance's signature as the choice of a canonical one needs: no sketch."""
    facts = {name: appearance.get(name) for name in SIGNATURE_SCHEMA.names}
    facts |= {"sketch_version": 0, "word_count": 0, "keys": (), "sketch": b""}
    return Signature(**facts)  # type: ignore[arg-type]


def held_row(page: Dropped, now: datetime) -> Row:
    """The page's row of `quarantine`."""
    return {
        "page_id": page_id_of(page.capture.key, page.capture.offset),
        "source_id": page.source_id,
        "run_id": page.run_id,
        "url": page.url,
        "stage": page.stage,
        "reason": page.reason.value,
        "detail": page.detail,
        "quarantined_at": now,
        "capture_key": page.capture.key,
        "capture_offset": page.capture.offset,
        "payload_sha256": page.capture.payload_sha256,
        "extractor": EXTRACTOR,
        "schema_version": SCHEMA_VERSION,
        "capture_date": day_of_key(page.capture.key),
    }
