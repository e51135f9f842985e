"""Fresh appearances + what the tables hold -> the rows that change: articles, appearances, signatures, aliases.

A story has one article: the text of its canonical appearance, chosen among those whose text is at hand (fresh ones and
the article as it stands). So a late original takes the article over under the same article_id and story_id. Where
stories turn out to be one, the article of the one that stays holds the better canonical, the other's row goes and its
id is kept in `story_aliases`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import Archive, Row, TableRows, appearance_id_of, article_id_of
from pipelines.model import CopyKind
from pipelines.pages import sign_sighting
from pipelines.publish.fresh import Fresh
from pipelines.publish.rows import appearance_row, article_row, revision_row, signature_of_row, signature_row
from pipelines.signatures import SKETCH_VERSION, Signature, sketch_text
from pipelines.syndication import (
    KNOWN_SCHEMA,
    describe_copy,
    describe_sketched_copy,
    find_candidates,
    join_stories,
    pick_canonical,
)

WINDOW = timedelta(days=30)
# How far from a member the others of its story are looked for; an article beyond it is still found, at a price.
_STORY_SPAN = timedelta(days=60)


@dataclass(slots=True)
class StoryChanges:
    """Rows by table and key; `new_stories`: story_id -> the fresh appearance that its article is taken from."""

    added: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    changed: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    deleted: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    new_stories: dict[str, Fresh] = field(default_factory=dict)

    def table_rows(self) -> dict[str, TableRows]:
        names = {*self.added, *self.changed, *self.deleted}
        return {
            name: TableRows(
                added=list(self.added[name].values()),
                changed=list(self.changed[name].values()),
                deleted=list(self.deleted[name].values()),
            )
            for name in names
        }


def change_stories(archive: Archive, fresh: Sequence[Fresh], *, now: datetime) -> StoryChanges:
    """The rows that the fresh appearances (in the order of first sight) change."""
    changes = StoryChanges()
    if not fresh:
        return changes
    signatures = {one.appearance_id: sign_fresh(one) for one in fresh}
    joined = _join(archive, fresh, signatures)
    stories = _load_stories(archive, fresh, joined)
    for story_id in sorted(stories):
        _change_story(archive, stories[story_id], signatures, changes)
    for one in fresh:
        row = signature_row(one, signatures[one.appearance_id], joined.story_of[one.appearance_id])
        target = changes.added if one.known is None else changes.changed
        target["signatures"][one.appearance_id] = row
    _alias(archive, joined, changes, now)
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    """`story_of`: fresh appearance -> story; `aliases`: story -> the one it turned out to be; `days`: of members."""

    story_of: Mapping[str, str]
    aliases: Mapping[str, str]
    days: tuple[date, date]

    def final(self, story_id: str) -> str:
        while story_id in self.aliases:
            story_id = self.aliases[story_id]
        return story_id


@dataclass(slots=True, kw_only=True)
class _Story:
    """`articles` and `members` are rows of all stories that have become this one."""

    story_id: str
    fresh: list[Fresh] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    articles: list[Row] = field(default_factory=list)


def sign_fresh(one: Fresh) -> Signature:
    """The signature of a fresh appearance; most were made where the page was finished."""
    return replace(one.sighting.signature or sign_sighting(one.sighting), first_seen_at=one.first_seen_at)


def _join(archive: Archive, fresh: Sequence[Fresh], signatures: Mapping[str, Signature]) -> _Joined:
    """A revised appearance keeps its story, which may yet turn out to be another one if nobody else is in it."""
    older = _old_stories(archive, fresh)
    alone = _alone(archive, older)
    joining = [signatures[one.appearance_id] for one in fresh if one.known is None or one.appearance_id in alone]
    seen = [one.first_seen_at.date() for one in fresh]
    window = archive.dataset("signatures", (min(seen) - WINDOW, max(seen) + WINDOW))
    known = KNOWN_SCHEMA.empty_table() if window is None or not joining else find_candidates(joining, window)
    names = dict(_alias_rows(archive))
    known = _with_revised(known, signatures, {one: older[one] for one in alone}, names)
    join = join_stories(joining, known)
    joined = _Joined(story_of={}, aliases=join.aliases, days=(min(seen), max(seen)))
    story_of = {one: joined.final(story) for one, story in {**older, **join.stories}.items()}
    days = [*seen, *(moment.date() for moment in known["first_seen_at"].to_pylist())]
    days += [one.known["first_seen_date"] for one in fresh if one.known]
    return _Joined(story_of=story_of, aliases=join.aliases, days=(min(days), max(days)))


def _old_stories(archive: Archive, fresh: Iterable[Fresh]) -> dict[str, str]:
    """The stories that revised appearances are in."""
    names = dict(_alias_rows(archive))
    found = {one.appearance_id: str(one.known["story_id"]) for one in fresh if one.known is not None}
    return {one: names.get(story, story) for one, story in found.items()}


def _alone(archive: Archive, older: Mapping[str, str]) -> set[str]:
    rows = archive.rows_by("appearances", "story_id", set(older.values()), ["story_id", "appearance_id"])
    members: dict[str, int] = defaultdict(int)
    for row in rows:
        members[str(row["story_id"])] += 1
    return {one for one, story in older.items() if members[story] <= 1}


def _with_revised(
    known: pa.Table, signatures: Mapping[str, Signature], alone: Mapping[str, str], names: Mapping[str, str]
) -> pa.Table:
    """Candidates under the stories' present names, and the revised appearances with the new text under their story."""
    stories = [names.get(story, story) for story in known["story_id"].to_pylist()]
    known = known.set_column(known.schema.get_field_index("story_id"), "story_id", pa.array(stories, pa.string()))
    known = known.filter(pc.invert(pc.is_in(known["appearance_id"], pa.array(list(signatures), pa.string()))))
    revised = [{**signatures[one].row(), "story_id": story} for one, story in alone.items()]
    return pa.concat_tables([known, pa.Table.from_pylist(revised, schema=KNOWN_SCHEMA)])


def _alias_rows(archive: Archive) -> list[tuple[str, str]]:
    rows = archive.dataset("story_aliases")
    if rows is None:
        return []
    table = rows.to_table(columns=["story_id", "same_as_story_id"])
    return list(zip(table["story_id"].to_pylist(), table["same_as_story_id"].to_pylist(), strict=True))


def _load_stories(archive: Archive, fresh: Iterable[Fresh], joined: _Joined) -> dict[str, _Story]:
    stories: dict[str, _Story] = {}
    for one in fresh:
        story_id = joined.story_of[one.appearance_id]
        stories.setdefault(story_id, _Story(story_id=story_id)).fresh.append(one)
    for story_id in joined.aliases:
        final = joined.final(story_id)
        stories.setdefault(final, _Story(story_id=final))
    wanted = {*stories, *joined.aliases}
    first, last = joined.days
    column = pc.field("first_seen_date")
    near = (column >= first - _STORY_SPAN) & (column <= last + _STORY_SPAN)
    members = archive.rows_by("appearances", "story_id", wanted, within=near)
    articles = archive.rows_by("articles", "story_id", wanted, within=near)
    far = {str(row["story_id"]) for row in members} - {str(row["story_id"]) for row in articles}
    articles += archive.rows_by("articles", "story_id", far)
    for row in members:
        stories[joined.final(str(row["story_id"]))].members.append(row)
    for row in articles:
        stories[joined.final(str(row["story_id"]))].articles.append(row)
    return stories


def _change_story(archive: Archive, story: _Story, signatures: Mapping[str, Signature], changes: StoryChanges) -> None:
    fresh = {one.appearance_id: one for one in story.fresh}
    standing = {_canonical_id(row): row for row in story.articles}
    members = {str(row["appearance_id"]): row for row in story.members}
    choices = [signatures[one] for one in fresh]
    choices += [
        signature_of_row(members.get(one) or row | {"appearance_id": one, "agency": False})
        for one, row in standing.items()
        if one not in fresh
    ]
    canonical_id = pick_canonical(choices).appearance_id
    before = next((row for row in story.articles if row["story_id"] == story.story_id), None)
    chosen = fresh.get(canonical_id)
    article = article_row(story.story_id, before, chosen or standing[canonical_id])
    _put_article(story, before, article, changes)
    if before is None and not story.articles and chosen is not None:
        changes.new_stories[story.story_id] = chosen
    text = str(article["text"])
    for one in story.fresh:
        copy = (CopyKind.ORIGINAL, 1.0) if one.appearance_id == canonical_id else describe_copy(text, one.page.text)
        row = appearance_row(one, story.story_id, copy)
        (changes.added if one.known is None else changes.changed)["appearances"][one.appearance_id] = row
    others = [row for appearance_id, row in members.items() if appearance_id not in fresh]
    for row in _others_now(archive, story, others, canonical_id, text, standing):
        changes.changed["appearances"][str(row["appearance_id"])] = row


def _put_article(story: _Story, before: Row | None, article: Row, changes: StoryChanges) -> None:
    for row in story.articles:
        if row is not before:
            changes.deleted["articles"][str(row["article_id"])] = row
    if before is None:
        changes.added["articles"][str(article["article_id"])] = article
    elif article != before:
        changes.changed["articles"][str(article["article_id"])] = article
        changes.changed["revisions"][str(article["article_id"])] = revision_row(before, article)


def _others_now(
    archive: Archive,
    story: _Story,
    others: Sequence[Row],
    canonical_id: str,
    text: str,
    standing: Mapping[str, Row],
) -> list[Row]:
    """Rows of known members that change, since their story or its canonical appearance has."""
    old = {str(row["story_id"]): (row_id, row) for row_id, row in standing.items() if row_id != canonical_id}
    copies = _describe_anew(archive, [row for row in others if str(row["story_id"]) in old], text, old)
    changed = []
    for row in others:
        now = dict(row) | {"story_id": story.story_id, "article_id": article_id_of(story.story_id)}
        if str(row["appearance_id"]) in copies:
            kind, similarity = copies[str(row["appearance_id"])]
            now |= {"kind": kind.value, "similarity": similarity}
        if now != row:
            changed.append(now)
    return changed


def _describe_anew(
    archive: Archive, copies: Sequence[Row], text: str, old: Mapping[str, tuple[str, Row]]
) -> dict[str, tuple[CopyKind, float]]:
    """What copies of the `old` articles (id of the appearance, row; by story) are of the new canonical text.

    The text of a copy is not kept. What was word for word the old article is now what that is; what any other copy is
    can be told from its sketch, and stays as it was found to be where that is of another version.
    """
    of_old = {story_id: describe_copy(text, str(row["text"])) for story_id, (_, row) in old.items()}
    found: dict[str, tuple[CopyKind, float]] = {}
    reworded: list[Row] = []
    for row in copies:
        story_id, appearance_id = str(row["story_id"]), str(row["appearance_id"])
        if appearance_id == old[story_id][0] or row["kind"] == CopyKind.VERBATIM:
            found[appearance_id] = of_old[story_id]
        else:
            reworded.append(row)
    if reworded:
        original = sketch_text(text)
        sketches = _sketches(archive, reworded)
        found |= {one: describe_sketched_copy(original, sketch) for one, sketch in sketches.items()}
    return found


def _sketches(archive: Archive, appearances: Sequence[Row]) -> dict[str, bytes]:
    """Sketches, by appearance, that can be compared with new ones."""
    days = pa.array([row["first_seen_date"] for row in appearances], pa.date32())
    ids = {str(row["appearance_id"]) for row in appearances}
    found: dict[str, bytes] = {}
    for row in archive.rows_by("signatures", "appearance_id", ids, within=pc.field("first_seen_date").isin(days)):
        sketch = row["sketch"]
        if row["sketch_version"] == SKETCH_VERSION and isinstance(sketch, bytes):
            found[str(row["appearance_id"])] = sketch
    return found


def _canonical_id(article: Row) -> str:
    return appearance_id_of(str(article["source_id"]), str(article["canonical_url"]))


def _alias(archive: Archive, joined: _Joined, changes: StoryChanges, now: datetime) -> None:
    """Gives the members of stories that turned out to be others their new story, and keeps the old names."""
    if not joined.aliases:
        return
    for row in archive.rows_by("signatures", "story_id", set(joined.aliases)):
        appearance_id = str(row["appearance_id"])
        if appearance_id not in joined.story_of:
            moved = row | {"story_id": joined.final(str(row["story_id"]))}
            changes.changed["signatures"][appearance_id] = moved
    for story_id in joined.aliases:
        final = joined.final(story_id)
        changes.added["story_aliases"][story_id] = {
            "story_id": story_id,
            "same_as_story_id": final,
            "found_at": now,
        }
    for row in archive.rows_by("story_aliases", "same_as_story_id", set(joined.aliases)):
        final = joined.final(str(row["same_as_story_id"]))
        changes.changed["story_aliases"][str(row["story_id"])] = row | {"same_as_story_id": final}
