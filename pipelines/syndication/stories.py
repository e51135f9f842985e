"""Articles -> stories: new appearances join the story of the texts they are copies of.

Whether two texts are copies is decided from their two signatures alone; a story is what such pairs connect. So the
partition does not depend on the order or the batches in which articles come.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from urllib.parse import urlsplit

import pyarrow as pa

from pipelines.signatures import Signature, sign
from pipelines.syndication.candidates import FEWEST_SHARED, KNOWN_SCHEMA

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryJoin:
    """`stories`: appearance_id -> story_id of the new ones; `aliases`: story_id -> the story it turned out to be."""

    stories: Mapping[str, str]
    aliases: Mapping[str, str]


def cluster(articles: Sequence[Mapping[str, object]]) -> list[str]:
    """A label for each article (keys id, url, source, published, title, text): equal labels are one story."""
    signatures = [
        sign(
            appearance_id=str(article["id"]),
            url=str(article.get("url") or ""),
            source_id=str(article.get("source") or urlsplit(str(article.get("url") or "")).netloc),
            agency=False,
            published_at=None,
            first_seen_at=_NEVER,
            title=None,
            text=str(article.get("text") or ""),
        )
        for article in articles
    ]
    stories = join_stories(signatures, KNOWN_SCHEMA.empty_table()).stories
    return [stories[signature.appearance_id] for signature in signatures]


def join_stories(new: Sequence[Signature], known: pa.Table) -> StoryJoin:
    """Puts each new appearance into a story; `known` are the rows that `find_candidates` gave for them.

    A new story is named after its first appearance in `new`; a known one keeps its name. Where a new text is a copy of
    texts of several known stories, these are one: the smallest id stays and the others become its aliases.
    """
    story_of: dict[str, str] = dict(zip(known["appearance_id"].to_pylist(), known["story_id"].to_pylist(), strict=True))
    keys: dict[str, set[int]] = {
        one: set(found)
        for one, found in zip(known["appearance_id"].to_pylist(), known["keys"].to_pylist(), strict=True)
    }
    keys |= {signature.appearance_id: set(signature.keys) for signature in new}
    holders: dict[int, list[str]] = defaultdict(list)
    for appearance_id, found in keys.items():
        for key in found:
            holders[key].append(appearance_id)
    leader = {appearance_id: appearance_id for appearance_id in keys}

    def find(one: str) -> str:
        while leader[one] != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    shared: dict[tuple[str, str], int] = defaultdict(int)
    for held_by in holders.values():
        for pair in combinations(held_by, 2):
            shared[pair] += 1
    for (one, other), count in shared.items():
        if count >= FEWEST_SHARED and count >= 0.5 * min(len(keys[one]), len(keys[other])):
            leader[find(one)] = find(other)
    groups: dict[str, list[str]] = defaultdict(list)
    for appearance_id in keys:
        groups[find(appearance_id)].append(appearance_id)
    return _name_stories(list(groups.values()), story_of)


def _name_stories(groups: Sequence[Sequence[str]], story_of: Mapping[str, str]) -> StoryJoin:
    stories: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for members in groups:
        names = sorted({story_of[member] for member in members if member in story_of})
        story = names[0] if names else story_id_of(members[0])
        aliases |= dict.fromkeys(names[1:], story)
        stories |= {member: story for member in members if member not in story_of}
    return StoryJoin(stories=stories, aliases=aliases)


def story_id_of(founder_id: str) -> str:
    """The id of the story that an appearance founds."""
    return f"s-{founder_id}"
