"""`worldwire sources`: what is in the catalogue, whether it answers, and how a source gets into it."""

from crawlers.cli.options import SourceOption, SourcesOption, chosen_sources
from pipelines.cli import terminal
from pipelines.cli.options import JsonOption


def list_sources(sources: SourcesOption = None, source: SourceOption = None, as_json: JsonOption = False) -> None:
    """Show the sources of a catalogue, and whether the catalogue is free of mistakes."""
    found = chosen_sources(sources, source)
    if as_json:
        terminal.show_json([one.model_dump() for one in found])
        return
    rows = [
        (
            one.id,
            one.name,
            one.country or "",
            " ".join(one.languages),
            one.cadence,
            "found" if one.feeds is None else len(one.feeds),
            "found" if one.sitemaps is None else len(one.sitemaps),
            len(one.sections),
            one.homepage,
        )
        for one in found
    ]
    columns = ("id", "name", "country", "languages", "cadence", "#feeds", "#sitemaps", "#sections", "homepage")
    terminal.show_table(columns, rows)
    terminal.say(f"{len(found)} sources")
