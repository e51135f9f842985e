"""`worldwire story` and `worldwire trace`: one story, one row, in full."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import terminal
from pipelines.cli.options import ArchiveOption, JsonOption, existing_archive
from pipelines.errors import StorageError

if TYPE_CHECKING:
    from rich.text import Text

    from pipelines.readers import Piece, Story
    from pipelines.store import Store

_SAME = ("original", "verbatim")


def story(
    story_id: Annotated[str, typer.Argument(metavar="ID", help="Of a story, or of an article or appearance of it.")],
    archive: ArchiveOption = None,
    diff: Annotated[bool, typer.Option(help="Show how each changed copy differs from the original.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Show where a story ran, in the order of publication, and how its copies differ from the original.

    [-words-] stand in the original only, {+words+} in the copy only.
    """
    from pipelines.readers import find_story

    store = existing_archive(archive)
    found = find_story(store, story_id)
    differences = dict(_differences(store, found)) if diff else {}
    if as_json:
        terminal.show_json(_story_values(found, differences))
        return
    title = None if found.article is None else found.article["title"]
    terminal.say(f"{found.story_id}  {title or ''}")
    if found.also_known_as:
        terminal.say(f"also known as {', '.join(found.also_known_as)}")
    rows = [
        (
            terminal.moment_in_words(one.moment),
            one.source_id,
            one.kind,
            "" if one.similarity is None else f"{one.similarity:.2f}",
            one.credited_agency or "",
            f"{one.title or ''} {one.url}",
        )
        for one in found.appearances
    ]
    terminal.show_table(("published (UTC)", "source", "kind", "#similarity", "agency", "where"), rows)
    for one in found.appearances:
        if one.appearance_id in differences:
            terminal.say("")
            terminal.say(f"{one.source_id}, {one.kind}: {one.url}")
            terminal.console().print(_coloured(differences[one.appearance_id]), soft_wrap=False)


def _story_values(found: "Story", differences: Mapping[str, "list[Piece]"]) -> dict[str, Any]:
    appearances = [
        dict(one.row) | {"difference": [{"what": what, "words": words} for what, words in pieces]}
        if (pieces := differences.get(one.appearance_id))
        else dict(one.row)
        for one in found.appearances
    ]
    return {
        "story_id": found.story_id,
        "also_known_as": list(found.also_known_as),
        "article": None if found.article is None else dict(found.article),
        "appearances": appearances,
    }


def _differences(store: "Store", found: "Story") -> Iterator[tuple[str, "list[Piece]"]]:
    """The word difference of each copy that is not word for word the article's text."""
    from pipelines.readers import appearance_text, word_difference

    if found.article is None:
        return
    for one in found.appearances:
        if one.kind in _SAME or one.url == found.article["url"]:
            continue
        try:
            text = appearance_text(store, one)
        except StorageError as error:
            terminal.note(f"{one.url}: {error}")
            continue
        if text is not None:
            yield one.appearance_id, word_difference(str(found.article["text"]), text)


def _coloured(pieces: "Iterable[Piece]") -> "Text":
    from rich.text import Text

    marks = {"same": ("", "", ""), "gone": ("[-", "-]", "red"), "new": ("{+", "+}", "green"), "gap": ("", "", "dim")}
    text = Text()
    for what, words in pieces:
        before, after, style = marks[what]
        text.append(f"{before}{terminal.printable(words)}{after} ", style=style)
    return text


def trace(
    article_id: Annotated[str, typer.Argument(metavar="ID", help="Of an article or appearance.")],
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a row came from: WARC record, request and response, extractor, run; the checksum is verified.

    Exit code 1 if the captured bytes are gone or not those that the row was made from.
    """
    from pipelines.readers import find_origin

    origin = find_origin(existing_archive(archive), article_id)
    if as_json:
        terminal.show_json(terminal.as_values(origin))
    else:
        row = origin.article
        _show_facts("row", {name: row.get(name) for name in _ROW_FACTS if row.get(name) is not None})
        place = {"file": row["capture_key"], "byte": row["capture_offset"], "sha256": row["payload_sha256"]}
        _show_facts("capture", place | {"state": origin.capture})
        _show_facts("request", {origin.request[0]: "", **dict(origin.request[1])})
        _show_facts("response", {origin.response[0]: "", **dict(origin.response[1])})
        _show_facts("run", {name: origin.run[name] for name in _RUN_FACTS} if origin.run else {})
        _show_facts("receipt", dict(origin.receipt or {}))
        _show_facts("journal entry", dict(origin.entry or {}))
    if not origin.is_verified:
        terminal.complain(f"{article_id}: {origin.capture}.")
        raise typer.Exit(1)


_ROW_FACTS = (
    "article_id",
    "appearance_id",
    "story_id",
    "source_id",
    "title",
    "url",
    "published_at",
    "published_found_in",
    "first_seen_at",
    "fetched_at",
    "revision",
    "content_sha256",
    "extractor",
    "run_id",
    "schema_version",
)
_RUN_FACTS = ("run_id", "started_at", "ended_at", "outcome", "asked", "captured", "dag_run_id", "last_published_at")


def _show_facts(title: str, facts: Mapping[str, object]) -> None:
    terminal.say(title)
    for name, value in facts.items():
        if name:
            terminal.say(f"  {name}{': ' if value != '' else ''}{terminal.plain(value) if value is not None else '–'}")
