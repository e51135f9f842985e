"""`worldwire backfill`: articles out of WARC files that others have made."""

from typing import Annotated

import typer

from crawlers.cli.options import SourceOption, SourcesOption, chosen_sources
from pipelines.cli import terminal
from pipelines.cli.entry import stopping_says
from pipelines.cli.options import ArchiveOption, JsonOption, archive_settings
from pipelines.cli.publish import publish_with_progress, show_published


def backfill(
    files: Annotated[
        list[str], typer.Argument(metavar="WARC...", help="Files, folders of them, or s3://bucket/prefix.")
    ],
    archive: ArchiveOption = None,
    sources: SourcesOption = None,
    source: SourceOption = None,
    publish: Annotated[bool, typer.Option(help="Make articles of the pages at once.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Take pages out of WARC files (as of CC-NEWS) into the archive; no site is asked for anything.

    With a catalogue only pages of its sources are taken, without one every site becomes a source of its own. Stop it
    and start it again as you like: it goes on where it stopped.
    """
    from crawlers.settings import user_agent
    from pipelines.backfill import BackfillProgress, backfill_files, find_warc_files
    from pipelines.store import open_store
    from pipelines.urls import site_of

    sites = None
    if sources or source:
        chosen = chosen_sources(sources, source)
        sites = {site_of(url): one.facts() for one in chosen for url in (*one.sections, one.homepage)}
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
