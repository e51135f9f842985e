"""Articles -> stories: new appearances join the story of the texts they are copies of.

Whether two texts are copies is decided from their two signatures alone; a story is what such pairs connect. So the
partition depends neither on the order nor on the batches in which articles come, and only ever grows together: a story
that turns out to be another one gets an alias, its id stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from pipelines.signatures import Signature, Unsigned, sign_all
from pipelines.syndication.candidates import FEWEST_SHARED, KNOWN_SCHEMA
from pipelines.syndication.comparison import are_worth_comparing, compare_all
from pipelines.syndication.decision import Evidence, are_other_notes, is_copy
from pipelines.syndication.sketch import Sketch

_CROWD = 30  # holders of one key from which each is compared with its neighbours only
_NEIGHBOURS = 3
_LOOKED_AT_TOGETHER = 64
_SIGNED_TOGETHER = 32
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryJoin:
    """`stories`: appearance_id -> story_id of the new ones; `aliases`: story_id -> the story it turned out to be."""

    stories: Mapping[str, str]
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Text:
    """What a decision needs of a text, new or known."""

    appearance_id: str
    story_id: str | None
    word_count: int
    keys: Sequence[int]
    sketch: Sketch


def cluster(articles: Sequence[Mapping[str, object]]) -> list[str]:
    """A label for each article (keys id, url, source, published, title, text): equal labels are one story."""
    signatures = sign_articles(articles)
    stories = join_stories(signatures, KNOWN_SCHEMA.empty_table()).stories
    return [stories[signature.appearance_id] for signature in signatures]


def sign_articles(articles: Sequence[Mapping[str, object]]) -> list[Signature]:
    """Signatures of articles outside an archive, with their number as id."""
    texts = [
        Unsigned(
            appearance_id=f"{number:09d}",
            source_id=str(article.get("source") or urlsplit(str(article.get("url") or "")).netloc),
            agency=False,
            published_at=None,
            first_seen_at=_NEVER,
            language=None,
            text=str(article.get("text") or ""),
        )
        for number, article in enumerate(articles)
    ]
    portions = [texts[at : at + _SIGNED_TOGETHER] for at in range(0, len(texts), _SIGNED_TOGETHER)]
    return [signature for portion in portions for signature in sign_all(portion)]


def join_stories(new: Sequence[Signature], known: pa.Table) -> StoryJoin:
    """Puts each new appearance into a story; `known` are the rows that `find_candidates` gave for them.

    A story that only new appearances make up is named after the one that was seen first; a known one keeps its id.
    Where a new text connects several known stories, these are one: the smallest id stays, the others become aliases.
    """
    texts = {text.appearance_id: text for text in (*_known_texts(known), *_new_texts(new))}
    founders = {signature.appearance_id: (signature.first_seen_at, signature.appearance_id) for signature in new}
    groups = _Groups(texts)
    for told_by in _by_story(texts.values()):
        groups.join(told_by)
    is_known = {text.appearance_id for text in texts.values() if text.story_id is not None}
    pairs = candidate_pairs({text.appearance_id: text.keys for text in texts.values()}, is_known)
    for at in range(0, len(pairs), _LOOKED_AT_TOGETHER):
        portion = [pair for pair in pairs[at : at + _LOOKED_AT_TOGETHER] if not groups.are_joined(*pair)]
        for pair in compress(portion, _are_copies([(texts[one], texts[other]) for one, other in portion])):
            groups.join(pair)
    stories: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for members in groups.all():
        names = sorted({text.story_id for member in members if (text := texts[member]).story_id is not None})
        story = names[0] if names else story_id_of(min(members, key=founders.__getitem__))
        aliases |= dict.fromkeys(names[1:], story)
        stories |= {member: story for member in members if member in founders}
    return StoryJoin(stories=stories, aliases=aliases)


def story_id_of(founder_id: str) -> str:
    """The id of the story that an appearance founds."""
    return f"s-{founder_id}"


def resolve_story(story_id: str, aliases: Mapping[str, str]) -> str:
    """The story that a story turned out to be, through any number of aliases; an alias is always a smaller id."""
    while story_id in aliases:
        story_id = aliases[story_id]
    return story_id


def _are_copies(pairs: Sequence[tuple[_Text, _Text]]) -> list[bool]:
    """Which of the pairs are copies of one another; what rules most of them out comes first."""
    evidence = [Evidence.of((one.word_count, other.word_count), (one.keys, other.keys)) for one, other in pairs]
    worth = are_worth_comparing([(one.sketch, other.sketch) for one, other in pairs])
    asked = [at for at, is_worth in enumerate(worth.tolist()) if is_worth and not are_other_notes(evidence[at])]
    verdicts = [False] * len(pairs)
    compared = compare_all([(pairs[at][0].sketch, pairs[at][1].sketch) for at in asked])
    for at, found in zip(asked, compared, strict=True):
        verdicts[at] = found is not None and is_copy(found, evidence[at])
    return verdicts


def _new_texts(new: Sequence[Signature]) -> Iterator[_Text]:
    for row in new:
        yield _Text(row.appearance_id, None, row.word_count, row.keys, Sketch.unpack(row.sketch))


def _known_texts(known: pa.Table) -> Iterator[_Text]:
    for row in known.to_pylist():
        sketch = Sketch.unpack(row["sketch"])
        yield _Text(row["appearance_id"], row["story_id"], row["word_count"], row["keys"], sketch)


def _by_story(texts: Iterable[_Text]) -> Iterable[list[str]]:
    members: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        if text.story_id is not None:
            members[text.story_id].append(text.appearance_id)
    return members.values()


def candidate_pairs(keys: Mapping[str, Sequence[int]], known: Collection[str] = ()) -> list[tuple[str, str]]:
    """Pairs of ids that share at least two keys and are not both known; those that share most come first.

    Of a crowd that holds one key (a much copied story, a form letter) each is paired with the next few only, in the
    order of their ids: copies are still connected, through one another, and the work stays linear.
    """
    ids = sorted(keys)
    held = np.concatenate([np.empty(0, dtype=np.int64), *(np.asarray(keys[one], dtype=np.int64) for one in ids)])
    holders = np.repeat(np.arange(len(ids)), [len(keys[one]) for one in ids])
    order = np.lexsort((holders, held))
    held, holders = held[order], holders[order]
    ends = np.searchsorted(held, held, "right")
    is_crowd = ends - np.searchsorted(held, held, "left") > _CROWD
    met = [np.empty(0, dtype=np.int64)]
    for step in range(1, _CROWD):
        first = np.flatnonzero((np.arange(len(held)) + step < ends) & ~(is_crowd & (step > _NEIGHBOURS)))
        met.append(holders[first] * len(ids) + holders[first + step])
    pairs, shared = np.unique(np.concatenate(met), return_counts=True)
    one, other = np.divmod(pairs, max(1, len(ids)))
    is_known = np.array([name in known for name in ids], dtype=np.bool_)
    found = np.flatnonzero((shared >= FEWEST_SHARED) & ~(is_known[one] & is_known[other]))
    found = found[np.argsort(-shared[found], kind="stable")]
    return [(ids[first], ids[second]) for first, second in zip(one[found].tolist(), other[found].tolist(), strict=True)]


class _Groups:
    """Disjoint sets of ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._leader = {one: one for one in ids}

    def are_joined(self, one: str, other: str) -> bool:
        return self._find(one) == self._find(other)

    def join(self, ids: Sequence[str]) -> None:
        for one in ids:
            self._leader[self._find(one)] = self._find(ids[0])

    def all(self) -> Iterable[list[str]]:
        members: dict[str, list[str]] = defaultdict(list)
        for one in self._leader:
            members[self._find(one)].append(one)
        return members.values()

    def _find(self, one: str) -> str:
        while self._leader[one] != one:
            self._leader[one] = self._leader[self._leader[one]]
            one = self._leader[one]
        return one
