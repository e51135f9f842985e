"""The story of stories.toml, and the pieces of a page that all themes share."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import Any

_LINKED = re.compile(r"\{(.*?)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One language's version: what belongs to the article, then what stands around it."""

    language: str
    site: str
    title: str
    standfirst: str
    subheading: str
    paragraphs: Sequence[str]
    items: Sequence[str]
    quote: str
    caption: str
    credit: str
    byline: str
    author: str
    date: str
    updated: str
    biography: str
    related: str
    others: Sequence[str]
    read_also: str
    comments: str
    comment_note: str
    comment_form: Sequence[str]
    comment_login: str
    comment: str
    newsletter: str
    newsletter_text: str
    share: Sequence[str]
    topics: str
    topic_names: Sequence[str]
    copyright: str
    cookies: str
    advert: str
    minutes: str
    subscriber: str
    most_read: str
    listen: str
    correction: str
    follow: str
    google_news: str
    facts: str
    fact_lines: Sequence[str]
    player: str
    trending: str

    @property
    def plain_paragraphs(self) -> list[str]:
        return [_LINKED.sub(r"\1", text) for text in self.paragraphs]

    def lines(self, *, items: bool) -> list[str]:
        """What an extractor should give, in order."""
        told = self.plain_paragraphs
        return [*told[:3], self.subheading, *told[3:5], *(self.items if items else ()), *told[5:]]


def stories() -> list[Story]:
    """All languages."""
    text = (Path(__file__).parent / "stories.toml").read_text(encoding="utf-8")
    names = {field.name for field in fields(Story)}
    told: list[Mapping[str, Any]] = tomllib.loads(text)["story"]
    return [Story(**{name: value for name, value in story.items() if name in names}) for story in told]


def blocks(story: Story, tag: str = "p", *, names: str = "", heading: str = "h2", items: bool = True) -> list[str]:
    """The article's elements, one a block."""
    start = f'<{tag} class="{names}">' if names else f"<{tag}>"
    told = [
        f"{start}{_LINKED.sub(_link, escape(text, quote=False))}</{tag}>".replace("\n", " ")
        for text in story.paragraphs
    ]
    listed = [f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in story.items)}</ul>"] if items else []
    return [*told[:3], f"<{heading}>{story.subheading}</{heading}>", *told[3:5], *listed, *told[5:]]


def _link(match: re.Match[str]) -> str:
    return f'<a href="/doc/report">{match[1]}</a>'


def between(parts: Sequence[str], *insets: tuple[int, str]) -> str:
    """The blocks with others among them, each before the block of its number."""
    found = list(parts)
    for at, inset in sorted(insets, reverse=True):
        found.insert(at, inset)
    return "\n".join(found)


def page(story: Story, body: str, head: str = "") -> str:
    """A whole page."""
    return (
        f'<!doctype html><html lang="{story.language}"><head><meta charset="utf-8">'
        f"<title>{escape(story.title)} - {escape(story.site)}</title>"
        f'<meta property="og:title" content="{escape(story.title)}">{head}</head><body>{body}</body></html>'
    )


def others(story: Story, tag: str = "li") -> str:
    """Links to other stories."""
    links = (f'<a href="/n/{number}">{escape(title)}</a>' for number, title in enumerate(story.others))
    return "".join(f"<{tag}>{link}</{tag}>" for link in links)


def topics(story: Story) -> str:
    """Links to the story's topics."""
    return ", ".join(f'<a href="/t/{number}">{name}</a>' for number, name in enumerate(story.topic_names))


def form(story: Story, tag: str = "p") -> str:
    """A form for comments."""
    labels = "".join(f"<{tag}><label>{label}</label></{tag}>" for label in story.comment_form)
    return f"<form action='/c'><{tag}>{story.comment_note}</{tag}>{labels}</form>"


NAVIGATION = '<nav class="main-nav"><ul><li><a href="/">Home</a></li><li><a href="/world">World</a></li></ul></nav>'
