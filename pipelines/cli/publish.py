"""`worldwire publish`: captures to articles."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import terminal
from pipelines.cli.entry import stopping_says
from pipelines.cli.options import DAY, ArchiveOption, JsonOption, archive_settings, existing_archive, read_day

if TYPE_CHECKING:
    from pipelines.publish import PublishProgress, PublishSummary
    from pipelines.settings import ArchiveSettings


def publish(
    archive: ArchiveOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, max=256, help="Processes that extract; one a core.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar=DAY, help="Look at captures from this day on, not just the last days."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make articles of all captures that are not published yet: extract, clean, join copies into stories, write tables.

    Without --since it looks back two days before the last publish. Safe to stop and to start again, also twice at
    once: what is published stays, nothing is published twice.
    """
    from pipelines.health import counts_in_words

    day = read_day(since, "--since")
    existing_archive(archive)
    with stopping_says("Stopped. What was published stays; run it again for the rest."):
        summary = publish_with_progress(archive_settings(archive), workers=workers, since=day)
    if as_json:
        terminal.show_json(terminal.as_values(summary))
        return
    rows = [
        (
            source_id,
            counts.pages,
            counts.extracted,
            counts.new_articles,
            counts.new_appearances,
            counts.revised,
            counts_in_words(counts.dropped),
        )
        for source_id, counts in sorted(summary.sources.items())
    ]
    columns = ("source", "#pages", "#articles on them", "#new stories", "#new pages", "#revised", "no article")
    if rows:
        terminal.show_table(columns, rows)
    show_published(summary)


def publish_with_progress(
    settings: "ArchiveSettings", *, workers: int | None = None, since: date | None = None
) -> "PublishSummary":
    """Publishes what is there, with a bar that counts captures."""
    from pipelines.publish import publish_new_captures

    with terminal.progress("publishing") as bar:

        def on_progress(now: "PublishProgress") -> None:
            # A capture counts half when its pages are extracted: that is the dear part.
            done = now.captures_extracted + now.captures_published
            bar.update(
                done, 2 * now.captures, f"steps; {now.pages_extracted} pages read, {now.pages_published} published"
            )

        return publish_new_captures(settings, workers=workers, since=since, on_progress=on_progress)


def show_published(summary: "PublishSummary") -> None:
    """One line on what publishing did."""
    from pipelines.health import counts_in_words

    dropped = sum(summary.dropped.values())
    why = f"; {dropped} pages gave no article ({counts_in_words(summary.dropped)})" if dropped else ""
    terminal.say(
        f"{summary.new_articles} new stories and {summary.new_appearances} new pages of {summary.pages} captured,"
        f" {summary.revised} revised{why}; {summary.seconds:.0f} s"
    )
