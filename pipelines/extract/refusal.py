"""Pages that are no article: section pages, bare players and walls.

What a page says of itself counts first: one that declares an article is refused only for what it says in its headline.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.extract.reading import Reading
from pipelines.extract.walls import wall
from pipelines.extract.weights import is_prose, text_length
from pipelines.metadata import types_of
from pipelines.model import DropReason, PageFacts

_VIDEO_CHARS = 500
_LONG_PROSE_CHARS = 1_500
_SECTION_LINKS = 8
_SECTION_LINK_CHARS = 25


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page gives no article, in a word for counting and a few for reading."""

    reason: DropReason
    detail: str


def refusal(reading: Reading, facts: PageFacts, url: str) -> Refusal | None:
    """None for a page that seems to be an article."""
    kept = [block for block in reading.layout.blocks if reading.reason(block) is None]
    prose = [block for block in kept if is_prose(block)]
    length = sum(text_length(block.text) for block in prose)
    parts = urlsplit(url)
    if parts.path in ("", "/") and not parts.query:
        return Refusal(DropReason.NOT_ARTICLE, "homepage")
    shown = [block.text for block in reading.layout.blocks if block.tag == "h1"]
    is_declared = _declares_article(reading)
    titles = [facts.title or "", *reading.titles, *shown[:1]]
    kind = wall(titles, " ".join(block.text for block in kept), length, is_declared=is_declared)
    if kind is not None:
        return Refusal(DropReason.NOT_ARTICLE, kind)
    if not kept and not reading.told:
        return Refusal(DropReason.NO_TEXT, "no block of text")
    if is_declared:
        return None
    if _declares_video(reading) and length < _VIDEO_CHARS:
        return Refusal(DropReason.NOT_ARTICLE, "video")
    if length < _LONG_PROSE_CHARS and _is_section(reading, len(prose)):
        return Refusal(DropReason.NOT_ARTICLE, "section page")
    return None


def _declares_article(reading: Reading) -> bool:
    matter = reading.matter
    return bool(matter.article) or matter.og_type == "article" or bool(matter.head.first("article:published_time"))


def _declares_video(reading: Reading) -> bool:
    return reading.matter.og_type.startswith("video") or any(
        "videoobject" in types_of(item) for item in reading.matter.objects
    )


def _is_section(reading: Reading, paragraphs: int) -> bool:
    """A page of headlines: more linked ones than paragraphs, most of them near what was taken for the article."""
    types = {name for item in reading.matter.objects for name in types_of(item)}
    linked = sum(
        block.link_share > 0.8 and len(block.text) >= _SECTION_LINK_CHARS and not block.links_away
        for block in reading.layout.blocks
        if reading.reason(block) not in ("navigation", "hidden")
    )
    needed = _SECTION_LINKS if types & {"collectionpage", "itemlist", "searchresultspage"} else 2 * _SECTION_LINKS
    return linked >= needed and linked > 3 * paragraphs
