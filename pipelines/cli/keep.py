"""Commands that rewrite what is in the archive: reextract, takedown, compact."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import terminal
from pipelines.cli.entry import stopping_says
from pipelines.cli.options import (
    DAY,
    ArchiveOption,
    JsonOption,
    archive_settings,
    check_address,
    existing_archive,
    read_day,
)
from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.upkeep import ReextractReport


def reextract(
    since: Annotated[str, typer.Option("--since", metavar=DAY, help="First day of captures (UTC), included.")],
    until: Annotated[str, typer.Option("--until", metavar=DAY, help="Last day, included.")],
    archive: ArchiveOption = None,
    source: Annotated[str | None, typer.Option(metavar="ID", help="Only pages of this source.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Change the rows; without it you are only shown.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Extract pages of some days anew from their captures, with today's extractor; no site is asked for anything.

    Shows how many articles would change, by how much, and samples. With --write the rows get a new revision; the old
    ones stay readable by time travel.
    """
    from pipelines.readers import check_source
    from pipelines.upkeep import reextract as extract_days

    first, last = read_day(since, "--since"), read_day(until, "--until")
    assert first is not None
    assert last is not None
    if first > last:
        raise ConfigurationError(f"--since {since} is after --until {until}.")
    check_source(existing_archive(archive), source)
    with (
        stopping_says("Stopped. What was written so far stays; run it again for the rest."),
        terminal.progress("extracting anew") as bar,
    ):
        report = extract_days(
            archive_settings(archive),
            since=first,
            until=last,
            source_id=source,
            write=write,
            on_progress=lambda done: bar.update(done, None, "pages"),
        )
    if as_json:
        terminal.show_json(terminal.as_values(report))
    else:
        _show_report(report)


def _show_report(report: "ReextractReport") -> None:
    for change in report.samples:
        terminal.say(f"{change.article_id}  {change.url}")
        for line in change.lines:
            terminal.say(f"  {line}")
    columns = ", ".join(f"{name} {count}" for name, count in report.columns.most_common())
    terminal.say(
        f"{report.examined} pages examined: {report.texts} with another title or text, {report.articles} articles"
        f" {'changed' if report.written else 'would change'}{f' ({columns})' if columns else ''};"
        f" {report.words_before} words before, {report.words_after} after"
    )
    if report.missing or report.lost:
        removed = f" ({report.removed} of them by retention)" if report.removed else ""
        terminal.say(
            f"{report.missing} pages cannot be read, their captures are gone{removed}; {report.lost} give no article"
            " now: their rows stay"
        )
    if not report.written and report.articles:
        terminal.say("Nothing was written. Give --write to change the rows.")


def takedown(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the list of takedowns.")],
    archive: ArchiveOption = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="The page at this address.")] = None,
    article: Annotated[
        str | None, typer.Option("--article", metavar="ID", help="An article with all its appearances.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", metavar="ID", help="Everything of a source.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take something out of the archive for good: all tables, their old versions, the captured pages.

    It is not fetched again. This cannot be undone. If it was stopped, run it again: it goes on.
    """
    from pipelines.upkeep import takedown as take_down

    named = [value for value in (url, article, source) if value is not None]
    if len(named) != 1:
        raise ConfigurationError("Name exactly one of --url, --article and --source.")
    check_address(url, "--url")
    existing_archive(archive)
    if not yes and not typer.confirm(f"Take {named[0]} out of {archive_settings(archive).uri} for good?", err=True):
        raise typer.Exit(1)
    with stopping_says("Stopped in the middle. Run it again with the same arguments: it goes on."):
        summary = take_down(archive_settings(archive), url=url, article_id=article, source_id=source, reason=reason)
    if as_json:
        terminal.show_json(terminal.as_values(summary))
        return
    terminal.say(
        f"taken down: {summary.appearances} pages, {summary.articles} articles, {summary.records} captured records;"
        f" {summary.replaced_articles} articles now have the text of another appearance"
    )


def compact(
    archive: ArchiveOption = None,
    captures_older_than: Annotated[
        int | None,
        typer.Option("--captures-older-than", metavar="DAYS", min=1, help="Also remove published captures that old."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Join the small files that many publishes leave, and remove what no reader needs. It changes no row.

    Once a day is right; it may run beside publishers and readers. Without its capture a row can no longer be traced to
    the page, nor extracted anew.
    """
    from pipelines.upkeep import compact as compact_tables

    existing_archive(archive)
    with stopping_says("Stopped. Nothing is lost; run it again."):
        older_than = None if captures_older_than is None else timedelta(days=captures_older_than)
        summary = compact_tables(archive_settings(archive), captures_older_than=older_than)
    if as_json:
        terminal.show_json(terminal.as_values(summary))
        return
    terminal.say(
        f"{summary.joined_files} files joined into larger ones, {summary.removed_files} old ones removed,"
        f" {summary.removed_leftovers + summary.removed_staged} leftovers removed,"
        f" {summary.published_captures} late captures published"
    )
    if captures_older_than is not None:
        terminal.say(f"{summary.removed_captures} captures removed, {summary.removed_capture_bytes / 1e6:.1f} MB")
