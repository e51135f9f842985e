"""The texts of the world: one TOML file in `texts/` for each site that writes its own."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

SUBHEAD = "## "


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a newsroom wrote. A paragraph that starts with `SUBHEAD` is a heading between paragraphs.

    `other_title` and `other_lead` are what another newsroom would put in place of title and first paragraph. Of a story
    that is `subscribers_only` its site shows the beginning.
    """

    id: str
    section: str
    place: str
    author: str
    title: str
    tags: tuple[str, ...]
    caption: str
    paragraphs: tuple[str, ...]
    other_title: str | None = None
    other_lead: str | None = None
    subscribers_only: bool = False


@cache
def load_stories(name: str) -> tuple[Story, ...]:
    """The stories of `texts/<name>.toml`, in the order of the file."""
    text = (resources.files("crawlers.demo") / "texts" / f"{name}.toml").read_text(encoding="utf-8")
    return tuple(
        Story(
            id=entry["id"],
            section=entry["section"],
            place=entry.get("place", ""),
            author=entry["author"],
            title=entry["title"],
            tags=tuple(entry["tags"]),
            caption=entry["caption"],
            paragraphs=tuple(" ".join(block.split()) for block in entry["text"].strip().split("\n\n")),
            other_title=entry.get("other_title"),
            other_lead=entry.get("other_lead"),
            subscribers_only=entry.get("subscribers_only", False),
        )
        for entry in tomllib.loads(text)["story"]
    )
