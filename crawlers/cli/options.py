"""Options that the commands of the crawl share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:  # pydantic's models take half a second that `--help` need not wait for
    from crawlers.catalogue import Source

SourcesOption = Annotated[
    str | None,
    typer.Option(
        "--sources",
        "-s",
        envvar="WORLDWIRE_SOURCES",
        metavar="FILE",
        help="The catalogue: a TOML file, a folder of them, or world for the one that comes with worldwire.",
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="ID", help="Only this source of the catalogue; may be given several times."),
]


def chosen_sources(sources: str | None, ids: Sequence[str] | None) -> "tuple[Source, ...]":
    """The sources to work on. Raises ConfigurationError if the catalogue is missing or wrong, or an id unknown."""
    from crawlers.catalogue import catalogue_path, load_catalogue, select_sources

    if not sources:
        raise ConfigurationError("No catalogue is named: give --sources FILE (or world), or set WORLDWIRE_SOURCES.")
    return select_sources(load_catalogue(catalogue_path(sources)), ids or ())
