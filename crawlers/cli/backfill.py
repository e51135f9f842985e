"""`worldwire backfill`: articles out of WARC files that others have made, or of days past from sites' own sitemaps."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from crawlers.cli.options import SourceOption, SourcesOption, chosen_sources
from pipelines.cli import terminal
from pipelines.cli.entry import stopping_says
from pipelines.cli.options import DAY, ArchiveOption, JsonOption, archive_settings, read_day
from pipelines.cli.publish import publish_with_progress, show_published
from pipelines.errors import ConfigurationError

_AT_ONCE = 4


def backfill(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="WARC...", help="Files, folders of them, or s3://bucket/prefix.")
    ] = None,
    archive: ArchiveOption = None,
    sources: SourcesOption = None,
    source: SourceOption = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar=DAY, help="No files: crawl sitemaps from this day (UTC) on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar=DAY, help="The last day, included.")] = None,
    publish: Annotated[bool, typer.Option(help="Make articles of the pages at once.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Take pages out of WARC files (as of CC-NEWS) into the archive; no site is asked for anything.

    With a catalogue only pages of its sources are taken, without one every site becomes a source of its own. Without
    files, but with --since and --until, the catalogue's sources are crawled: articles of those days that their sitemaps
    name, as politely as any crawl. Stop it and start it again as you like: it goes on where it stopped.
    """
    if since is not None or until is not None:
        if files:
            raise ConfigurationError("Give either WARC files or --since and --until, not both.")
        _from_sitemaps(archive, sources, source, _days(since, until), publish=publish, as_json=as_json)
        return
    if not files:
        raise ConfigurationError("Name WARC files, or days by --since and --until.")
    from crawlers.settings import user_agent
    from pipelines.backfill import BackfillProgress, backfill_files, find_warc_files
    from pipelines.store import open_store
    from pipelines.urls import publisher_of

    sites = None
    if sources or source:
        chosen = chosen_sources(sources, source)
        sites = {publisher_of(url): one.facts() for one in chosen for url in (*one.sections, one.homepage)}
    settings = archive_settings(archive)
    found = [file for place in files for file in find_warc_files(place)]
    total = sum(file.size_bytes for file in found)
    done: dict[str, int] = {}
    with (
        stopping_says("Stopped. What was taken is kept; the next run goes on from there."),
        terminal.progress("taking pages") as bar,
    ):

        def on_progress(now: BackfillProgress) -> None:
            done[f"{now.file.key}{now.file.path}"] = now.done_bytes
            bar.update(sum(done.values()), total, now.file.name)

        summary = backfill_files(
            open_store(settings.uri), found, sites, user_agent=user_agent(), on_progress=on_progress
        )
    published = None
    if publish:
        with stopping_says("Stopped. The pages are kept; run it again, and articles are made of them."):
            published = publish_with_progress(settings, since=summary.first_day)
    if as_json:
        terminal.show_json(
            {"taken": terminal.as_values(summary), "published": published and terminal.as_values(published)}
        )
        return
    terminal.say(f"{summary.files} files, {summary.pages} pages in {summary.captures} captures")
    for why, count in summary.passed_over.items():
        terminal.say(f"passed over: {count} {why.replace('_', ' ')}")
    if published is not None:
        show_published(published)


def _days(since: str | None, until: str | None) -> tuple[date, date]:
    first, last = read_day(since, "--since"), read_day(until, "--until")
    if first is None or last is None:
        raise ConfigurationError("Give both --since and --until.")
    if first > last:
        raise ConfigurationError(f"--since {since} is after --until {until}.")
    return first, last


def _from_sitemaps(
    archive: str | None,
    sources: str | None,
    ids: Sequence[str] | None,
    days: tuple[date, date],
    *,
    publish: bool,
    as_json: bool,
) -> None:
    from crawlers.cli.crawl import crawl_with_progress, leave, show_reports

    chosen = chosen_sources(sources, ids)
    settings = archive_settings(archive)
    with stopping_says("Stopped. What was fetched is kept; the next run goes on from there."):
        reports = crawl_with_progress(chosen, settings, _AT_ONCE, days=days)
        summary = publish_with_progress(settings) if publish else None
    if as_json:
        terminal.show_json(
            {
                "sources": [terminal.as_values(report) for report in reports],
                "published": summary and terminal.as_values(summary),
            }
        )
    else:
        show_reports(reports, summary)
        if summary is not None:
            show_published(summary)
    leave(reports)
