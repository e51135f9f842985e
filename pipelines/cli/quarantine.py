"""`worldwire quarantine`: pages that were held back, to look at and to publish after a fix."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import terminal
from pipelines.cli.entry import Commands, stopping_says
from pipelines.cli.options import ArchiveOption, JsonOption, archive_settings, existing_archive
from pipelines.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from pipelines.publish import HeldPage

_TEXT_LINES = 12

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    help="Pages that were held back when they were published: list, show, replay.",
    epilog="Example: worldwire quarantine replay -a ./data --source a-paper",
)

SourceOption = Annotated[str | None, typer.Option("--source", metavar="ID", help="Only pages of this source.")]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="NAME", help="Only pages held for this reason, as in `list`.")
]


def _known_reason(reason: str | None) -> str | None:
    """The reason as it stands in the table. Raises ConfigurationError if there is no such reason."""
    from pipelines.model import DropReason

    known = [one.value for one in DropReason]
    if reason is None or reason in known:
        return reason
    raise ConfigurationError(f"No page is held for {reason!r}{did_you_mean(reason, known) or '.'}")


@app.command("list", epilog="Example: worldwire quarantine list -a ./data --source a-paper --reason text_too_short")
def list_pages(
    archive: ArchiveOption = None,
    source: SourceOption = None,
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many pages, the newest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the pages that are held back, the newest first, each with its reason."""
    from pipelines.health import reason_in_words
    from pipelines.publish import list_held
    from pipelines.readers import check_source

    store = existing_archive(archive)
    check_source(store, source)
    rows = list_held(store, source_id=source, reason=_known_reason(reason))
    shown = rows[::-1][:limit]
    if as_json:
        terminal.show_json(shown)
        return
    if shown:
        lines = [
            (
                row["page_id"],
                row["source_id"],
                row["capture_date"],
                row["reason"],
                ": ".join(filter(None, [reason_in_words(str(row["reason"])), str(row["detail"])])),
                row["url"],
            )
            for row in shown
        ]
        terminal.show_table(("page", "source", "captured", "reason", "in words", "url"), lines)
    more = f", the newest {len(shown)} shown" if len(shown) < len(rows) else ""
    terminal.say(f"{len(rows)} pages are held back{more}")


@app.command(epilog="Example: worldwire quarantine show -a ./data 3f1c…")
def show(
    page: Annotated[str, typer.Argument(metavar="PAGE", help="As in `quarantine list`.")],
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a page is held back, and what today's extractor makes of it; nothing is changed or fetched."""
    from pipelines.publish import show_held

    found = show_held(existing_archive(archive), page)
    today = _today(found)
    if as_json:
        terminal.show_json(dict(found.row) | {"today": today})
        return
    for name in ("page_id", "source_id", "url", "stage", "reason", "detail", "capture_key", "capture_offset"):
        terminal.say(f"{name:16}{found.row[name]}")
    terminal.say("")
    if "text" not in today:
        terminal.say(": ".join(filter(None, ["Today", today["reason"], today["detail"]])))
        return
    terminal.say(f"Today it is an article; `worldwire quarantine replay {page}` publishes it.")
    terminal.say(f"title           {today['title'] or ''}")
    terminal.say(f"published       {today['published_at'] or ''}")
    lines = str(today["text"]).split("\n")
    for line in lines[:_TEXT_LINES]:
        terminal.say(line)
    if len(lines) > _TEXT_LINES:
        terminal.say(f"… and {len(lines) - _TEXT_LINES} more paragraphs")


def _today(found: "HeldPage") -> dict[str, Any]:
    from pipelines.model import Dropped

    if found.now is None:
        return {"reason": "its capture is gone or broken", "detail": ""}
    if isinstance(found.now, Dropped):
        return {"reason": found.now.reason.value, "detail": found.now.detail}
    facts = found.now.page.facts
    return {"title": facts.title, "published_at": facts.published_at, "text": found.now.page.text}


@app.command(epilog="Example: worldwire quarantine replay -a ./data --source a-paper")
def replay(
    pages: Annotated[list[str] | None, typer.Argument(metavar="[PAGE]...", help="Only these; all without.")] = None,
    archive: ArchiveOption = None,
    source: SourceOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
) -> None:
    """Extract the held pages anew from their captures, and publish those that pass now, each once.

    What does not pass stays, with today's reason. Safe to stop and to repeat.
    """
    from pipelines.health import counts_in_words
    from pipelines.publish import replay as replay_pages
    from pipelines.readers import check_source

    check_source(existing_archive(archive), source)
    with stopping_says("Stopped. What was published stays; run it again for the rest."):
        summary = replay_pages(
            archive_settings(archive), source_id=source, reason=_known_reason(reason), page_ids=pages or ()
        )
    if as_json:
        terminal.show_json(terminal.as_values(summary))
        return
    held = sum(summary.held.values())
    why = f" ({counts_in_words(summary.held)})" if held else ""
    gone = f"; {summary.missing} captures are gone" if summary.missing else ""
    gone += f"; {summary.taken_down} were taken down" if summary.taken_down else ""
    terminal.say(
        f"{summary.published} of {summary.examined} held pages published: {summary.new_appearances} new,"
        f" {summary.revised} revised; {held} stay{why}{gone}"
    )
