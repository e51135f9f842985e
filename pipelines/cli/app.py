"""The commands that need no crawler, as one application or beside others."""

import typer

from pipelines.cli import keep, page, publish, quarantine, read, story
from pipelines.cli.entry import new_app
from pipelines.cli.options import CRAWL, KEEP, LOOK, READ
from pipelines.cli.start import add_start


def add_commands(app: typer.Typer) -> None:
    """Registers the commands of this package, in the order of the help page."""
    app.command(rich_help_panel=CRAWL, epilog="Example: worldwire publish -a s3://news/archive")(publish.publish)
    app.command(
        rich_help_panel=READ,
        epilog="Example: worldwire export -a s3://news/archive --since 2026-11-20 --format parquet -o week.parquet",
    )(read.export)
    app.command(rich_help_panel=READ, epilog="Example: worldwire status -a ./data --json")(read.status)
    app.command(rich_help_panel=READ, epilog="Example: worldwire story -a ./data ID")(story.story)
    app.command(rich_help_panel=READ, epilog="Example: worldwire trace -a ./data ID --json")(story.trace)
    app.command(
        rich_help_panel=LOOK,
        epilog="Example: worldwire extract page.html --url https://news.example/a --explain --html blocks.html",
    )(page.extract)
    app.command(rich_help_panel=LOOK, epilog="Example: worldwire clean scraped.txt > clean.txt")(page.clean)
    app.add_typer(quarantine.app, name="quarantine", rich_help_panel=KEEP)
    app.command(
        rich_help_panel=KEEP,
        epilog="Example: worldwire reextract -a ./data --since 2026-11-01 --until 2026-11-30 --write",
    )(keep.reextract)
    app.command(
        rich_help_panel=KEEP,
        epilog='Example: worldwire takedown -a ./data --url https://news.example/a --reason "court order 12/26"',
    )(keep.takedown)
    app.command(rich_help_panel=KEEP, epilog="Example: worldwire compact -a s3://news/archive")(keep.compact)


def make_app() -> typer.Typer:
    """The command line of this package alone."""
    app = new_app("Read and keep an archive of world news.")
    add_start(app)
    add_commands(app)
    return app
