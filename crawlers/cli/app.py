"""The commands of `worldwire`: crawling and the catalogue here, the archive's commands from `pipelines.cli`."""

import typer

from crawlers.cli import backfill, crawl, sources
from pipelines.cli.app import add_commands
from pipelines.cli.entry import new_app
from pipelines.cli.options import CRAWL
from pipelines.cli.start import add_start, show_help_alone

SUMMARY = """Crawl world news into an open archive: from feeds to clean, deduplicated articles.

A first look: worldwire run --sources world --archive ./data, then worldwire export -a ./data -o articles.jsonl"""


def make_app() -> typer.Typer:
    """The whole command line."""
    app = new_app(SUMMARY)
    add_start(app)
    app.command(
        rich_help_panel=CRAWL, epilog="Example: worldwire run --sources world --archive ./data --source sky-news"
    )(crawl.run)
    app.command(rich_help_panel=CRAWL, epilog="Example: worldwire crawl -s sources.toml -a s3://news/archive")(
        crawl.crawl
    )
    add_commands(app)
    app.command(
        rich_help_panel=CRAWL, epilog="Example: worldwire backfill CC-NEWS-20261120.warc.gz -a ./data -s world"
    )(backfill.backfill)
    app.add_typer(_sources_app(), name="sources", rich_help_panel=CRAWL)
    return app


def _sources_app() -> typer.Typer:
    app = new_app("Look at the catalogue, check that its sources answer, add a source.")
    show_help_alone(app)
    app.command("list", epilog="Example: worldwire sources list --sources sources.toml")(sources.list_sources)
    app.command(epilog="Example: worldwire sources check --sources sources.toml --source sky-news")(sources.check)
    app.command(epilog="Example: worldwire sources add https://news.example/ --write sources.toml")(sources.add)
    return app
