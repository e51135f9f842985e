"""Which page is out when: the whole life of the world, fixed by its seed and the moment it started.

The first pages are spread over the two days before the start; then every site has one more in each round of
`ROUND` until its texts are used up. A copy never appears before what it was copied from.
"""

import random
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crawlers.demo.copies import copied
from crawlers.demo.sites import Site
from crawlers.demo.stories import Story, load_stories

ROUND = timedelta(minutes=4)
_FREE_PARAGRAPHS = 3
_BEFORE = timedelta(hours=46)
_FIRST_SITE = timedelta(seconds=60)
_OTHER_SITES = timedelta(seconds=120)  # and a little apart; whole minutes later than the agency they copy from
_BETWEEN_SITES = timedelta(seconds=15)
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "'": None, "’": None})
# What counts as the same kind for a reader of the truth: a dropped dateline changes no word of the text.
_SAME_KIND = {"credited": "verbatim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One article page of one site: `kind` says how it relates to the story's original, `credit` who is named."""

    site: Site
    story: Story
    kind: str
    title: str
    paragraphs: tuple[str, ...]
    published_at: datetime
    path: str
    number: int
    credit: str | None = None

    @property
    def text(self) -> str:
        """What a reader reads, paragraphs parted by one newline, headings between them without their mark."""
        return "\n".join(paragraph.removeprefix("## ") for paragraph in self.paragraphs)

    @property
    def summary(self) -> str:
        """The beginning, as feeds and front pages show it."""
        words = self.paragraphs[0].split()
        return " ".join(words[:26]) + (" …" if len(words) > 26 else "")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A story that a site publishes, and when."""

    story: Story
    by: Site
    at: datetime


def plan_pages(sites: Sequence[Site], *, started_at: datetime, seed: int) -> tuple[Page, ...]:
    """Every page of the world, earliest first."""
    pages: list[Page] = []
    originals: dict[str, list[_Slot]] = {}
    for place, site in enumerate(sites):
        dice = random.Random(f"{seed}/{site.id}")
        at_start, later = _own_stories(site, dice)
        moments = _before(started_at, len(at_start), dice)
        own = [_Slot(story, site, moment) for story, moment in zip(at_start, moments, strict=True)]
        rounds = _rounds(started_at, place)
        taken_later = _taken_later(site, originals, started_at)
        own += [_Slot(story, site, next(rounds)) for story in later]
        originals[site.id] = own
        pages += [_page(site, slot, slot.at, "original", dice) for slot in own]
        kinds = _in_turn(site.kinds, dice)
        for slot in _taken_at_start(site, originals, started_at, dice):
            lag = timedelta(minutes=dice.randint(12, 300))
            pages.append(_page(site, slot, min(slot.at + lag, started_at - timedelta(minutes=1)), next(kinds), dice))
        for slot in taken_later:
            moment = next(moment for moment in rounds if moment > slot.at)
            pages.append(_page(site, slot, moment, next(kinds), dice))
    return tuple(sorted(pages, key=lambda page: (page.published_at, page.path)))


def first_after(started_at: datetime, moment: datetime) -> datetime:
    """The end of the round after the one in which `moment` lies."""
    gone = max(timedelta(0), moment - started_at)
    return started_at + ROUND * (gone // ROUND + 1)


def _own_stories(site: Site, dice: random.Random) -> tuple[list[Story], list[Story]]:
    stories = list(load_stories(site.id))
    dice.shuffle(stories)
    cut = len(stories) - site.originals_later
    return stories[:cut], stories[cut:]


def _before(started_at: datetime, count: int, dice: random.Random) -> list[datetime]:
    """`count` moments over the two days before the start, the last at least 15 minutes before it."""
    minutes = int(_BEFORE.total_seconds() // 60)
    return sorted(started_at - timedelta(minutes=dice.randint(15, minutes)) for _ in range(count))


def _rounds(started_at: datetime, place: int) -> Iterator[datetime]:
    """The moments at which the site at this place publishes after the start."""
    moment = started_at + (_OTHER_SITES + _BETWEEN_SITES * place if place else _FIRST_SITE)
    while True:
        yield moment
        moment += ROUND


def _taken_at_start(
    site: Site, originals: Mapping[str, list[_Slot]], started_at: datetime, dice: random.Random
) -> list[_Slot]:
    open_to_all = [
        slot
        for other in site.takes
        for slot in originals.get(other, ())
        if slot.at < started_at - timedelta(minutes=14)
    ]
    return dice.sample(open_to_all, min(site.copies_at_start, len(open_to_all)))


def _taken_later(site: Site, originals: Mapping[str, list[_Slot]], started_at: datetime) -> list[_Slot]:
    """What the first of its sources publishes after the start, one a round."""
    new = [slot for other in site.takes[:1] for slot in originals.get(other, ()) if slot.at > started_at]
    return new[-site.copies_later :] if site.copies_later else []


def _in_turn(kinds: Sequence[str], dice: random.Random) -> Iterator[str]:
    first = dice.randrange(len(kinds)) if kinds else 0
    while True:
        yield kinds[first % len(kinds)]
        first += 1


def _page(site: Site, slot: _Slot, at: datetime, kind: str, dice: random.Random) -> Page:
    story = slot.story
    dateline = slot.by.dateline.format(place=story.place)
    title, paragraphs = copied(story, kind, dateline=dateline, dice=dice)
    if story.subscribers_only:
        paragraphs = paragraphs[:_FREE_PARAGRAPHS]
    published_at = at.replace(second=0, microsecond=0)
    number = 10_000_000 + zlib.crc32(f"{site.id}/{story.id}".encode()) % 89_999_999
    path = site.path_format.format(
        year=f"{published_at:%Y}",
        month=f"{published_at:%m}",
        day=f"{published_at:%d}",
        mon=f"{published_at:%b}".lower(),
        section=slug_of(story.section),
        slug=slug_of(title),
        number=number,
    )
    return Page(
        site=site,
        story=story,
        kind=_SAME_KIND.get(kind, kind),
        title=title,
        paragraphs=paragraphs,
        published_at=published_at,
        path=path,
        number=number,
        credit=None if slot.by is site or kind == "spun" else slot.by.name,
    )


def slug_of(text: str) -> str:
    """The text as the last step of an address, at most 80 characters, cut between words."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode("ascii")
    words = re.findall(r"[a-z0-9]+", plain)
    slug = ""
    for word in words:
        if len(slug) + len(word) >= 80:
            break
        slug = f"{slug}-{word}" if slug else word
    return slug
