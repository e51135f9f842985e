"""Pages with known fields: stories written by us in eight languages, each in the markup of eight kinds of news system.

`gold_pages()` gives 72 pages; what they should yield stands in stories.toml, the markup in themes.py.
"""

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.fields_gold.themes import THEMES, Story


@dataclass(frozen=True, slots=True)
class GoldPage:
    """A page and what is to be read from it."""

    name: str
    html: bytes
    url: str
    title: str
    authors: tuple[str, ...]
    published_at: datetime
    canonical_url: str | None
    language: str


def gold_pages() -> list[GoldPage]:
    """Every story in every theme."""
    text = (Path(__file__).parent / "stories.toml").read_text(encoding="utf-8")
    stories = [
        Story(**{**story, "authors": tuple(story["authors"]), "text": tuple(story["text"])})
        for story in tomllib.loads(text)["story"]
    ]
    return [_page(story, theme) for story in stories for theme in THEMES]


def _page(story: Story, theme: str) -> GoldPage:
    rendered = THEMES[theme](story)
    return GoldPage(
        name=f"{story.language}-{theme}",
        html=rendered.html.encode(),
        url=rendered.url,
        title=story.title,
        authors=story.authors,
        published_at=rendered.published_at.astimezone(UTC),
        canonical_url=rendered.canonical_url,
        language=story.language,
    )
