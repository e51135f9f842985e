"""A story: its article and where else it ran, in the order of publication."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.archive import Archive
from pipelines.capture import read_page
from pipelines.errors import InputError
from pipelines.model import CaptureRef, Dropped
from pipelines.store import Store

_MAX_ALIASES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryAppearance:
    """One publication of the story; `row` is its row of `appearances`."""

    appearance_id: str
    source_id: str
    url: str
    title: str | None
    moment: datetime
    kind: str
    similarity: float | None
    credited_agency: str | None
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story under the id that is in effect; `article` is its row of `articles`, None if it was taken down."""

    story_id: str
    also_known_as: tuple[str, ...]
    article: Mapping[str, Any] | None
    appearances: tuple[StoryAppearance, ...]


def find_story(store: Store, any_id: str) -> Story:
    """The story of that id, or of the article or appearance of that id. Raises InputError if there is none.

    A story that was found to be the same as another one is given under the id of that one.
    """
    archive = Archive(store)
    story_id, known_as = _in_effect(archive, _story_id(archive, any_id))
    ids = {story_id, *known_as}
    rows = archive.rows_by("appearances", "story_id", ids)
    articles = archive.rows_by("articles", "story_id", ids)
    if not rows and not articles:
        raise InputError(f"The archive {store.uri} has no story, article or appearance {any_id!r}.")
    appearances = sorted((_appearance(row) for row in rows), key=lambda one: (one.moment, one.appearance_id))
    return Story(
        story_id=story_id,
        also_known_as=tuple(sorted(known_as)),
        article=articles[0] if articles else None,
        appearances=tuple(appearances),
    )


def appearance_text(store: Store, appearance: StoryAppearance) -> str | None:
    """The appearance's own clean text, made anew from its capture; None if the capture gives none any longer.

    Raises ObjectNotFoundError where the capture's retention has ended.
    """
    # Extraction takes a second to import, which no other reader has to wait for.
    from pipelines.extract import draft_page, finish_page
    from pipelines.template import load_template

    row = appearance.row
    ref = CaptureRef(key=row["capture_key"], offset=row["capture_offset"], payload_sha256=row["payload_sha256"])
    draft = draft_page(read_page(store, ref))
    if isinstance(draft, Dropped):
        return None
    page = finish_page(draft, load_template(store, appearance.source_id))
    return None if isinstance(page, Dropped) else page.text


def _story_id(archive: Archive, any_id: str) -> str:
    for table, column in (("articles", "article_id"), ("appearances", "appearance_id")):
        for row in archive.rows_by(table, column, {any_id}, [column, "story_id"]):
            return str(row["story_id"])
    return any_id


def _in_effect(archive: Archive, story_id: str) -> tuple[str, set[str]]:
    """The id that aliases lead to, and all ids that lead there."""
    seen = {story_id}
    while rows := archive.rows_by("story_aliases", "story_id", {story_id}):
        following = str(rows[0]["same_as_story_id"])
        if following in seen:
            break
        seen.add(following)
        story_id = following
    known, fresh = {story_id}, {story_id}
    while fresh and len(known) < _MAX_ALIASES:
        rows = archive.rows_by("story_aliases", "same_as_story_id", fresh)
        fresh = {str(row["story_id"]) for row in rows} - known
        known |= fresh
    return story_id, known - {story_id}


def _appearance(row: Mapping[str, Any]) -> StoryAppearance:
    return StoryAppearance(
        appearance_id=row["appearance_id"],
        source_id=row["source_id"],
        url=row["url"],
        title=row["title"],
        moment=row["published_at"] or row["first_seen_at"],
        kind=row["kind"],
        similarity=row["similarity"],
        credited_agency=row["credited_agency"],
        row=row,
    )
