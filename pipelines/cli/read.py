"""Commands that read the archive: export, status, story, trace."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import typer

from pipelines.cli import terminal
from pipelines.cli.options import (
    ArchiveOption,
    JsonOption,
    SinceOption,
    UntilOption,
    existing_archive,
    read_day,
    read_moment,
    utc_now,
)
from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from pipelines.health import SourceHealth, State


class _Table(StrEnum):
    ARTICLES = "articles"
    APPEARANCES = "appearances"
    RUNS = "runs"
    STORY_ALIASES = "story_aliases"


class _Format(StrEnum):
    JSONL = "jsonl"
    PARQUET = "parquet"
    CSV = "csv"


class _Output(TypedDict):
    format: Literal["jsonl", "parquet", "csv"]
    on_rows: Callable[[int], None]


def export(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; - is standard output.", allow_dash=True)
    ],
    archive: ArchiveOption = None,
    table: Annotated[_Table, typer.Option(help="Which table.")] = _Table.ARTICLES,
    format: Annotated[
        _Format | None, typer.Option(help="In which format; if not given, by FILE's ending, else jsonl.")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    source: Annotated[str | None, typer.Option(metavar="ID", help="Only rows of this source.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Articles as they were at 2026-11-20T18:00Z, say; a day is its start."),
    ] = None,
    since_version: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, help="What is new, changed or removed since; prints the version to give next time."
        ),
    ] = None,
) -> None:
    """Write rows of a table to a file: JSON lines, Parquet, or CSV that is safe to open in a spreadsheet.

    Days are those on which the archive first saw a row. The file appears when it is whole.
    """
    from pipelines.readers import RowRange, check_source, export_changes, export_rows

    if since_version is not None and (since or until or source or as_of):
        raise ConfigurationError("--since-version takes the whole table: no --since, --until, --source or --as-of.")
    moment = read_moment(as_of, "--as-of")
    rows = RowRange(since=read_day(since, "--since"), until=read_day(until, "--until"), source_id=source)
    if rows.since and rows.until and rows.since > rows.until:
        raise ConfigurationError(f"--since {since} is after --until {until}.")
    store = existing_archive(archive)
    check_source(store, source)
    with terminal.progress("exporting") as bar:
        where: _Output = {
            "format": (format or _format_of(output)).value,
            "on_rows": lambda done: bar.update(done, None, "rows"),
        }
        if since_version is None:
            version = None
            count = export_rows(store, table.value, output, rows=rows, as_of=moment, **where)
        else:
            count, version = export_changes(store, table.value, output, since_version=since_version, **where)
    terminal.note(f"{count} rows of {table.value} in {output if str(output) != '-' else 'standard output'}")
    if version is not None:
        _tell_version(version, output)


def _format_of(output: Path) -> _Format:
    ending = output.suffix.lower().removeprefix(".")
    return _Format(ending) if ending in list(_Format) else _Format.JSONL


def _tell_version(version: int, output: Path) -> None:
    if str(output) == "-":
        terminal.note(f"next time: --since-version {version}")
    else:
        terminal.say(str(version))


def status(archive: ArchiveOption = None, as_json: JsonOption = False) -> None:
    """Show how every source is: well, quiet, ill or off, since when and why.

    Each is measured against its own history by hour and weekday. Ends with exit code 1 if a source is ill.
    """
    from pipelines.health import source_health

    healths = source_health(existing_archive(archive), now=utc_now())
    if as_json:
        terminal.show_json([terminal.as_values(health) | {"advice": health.advice} for health in healths])
    else:
        _show_health(healths)
    if any(health.state == "ill" for health in healths):
        raise typer.Exit(1)


def _show_health(healths: list["SourceHealth"]) -> None:
    order: dict[State, int] = {"ill": 0, "quiet": 1, "off": 2, "well": 3}
    rows = [
        (
            health.source_id,
            terminal.styled(health.state),
            terminal.moment_in_words(health.since),
            health.reason,
            terminal.moment_in_words(health.last_run_at),
            health.new_today,
            "–" if health.usual_today is None else f"{health.usual_today:.0f}",
            health.failed_today,
        )
        for health in sorted(healths, key=lambda health: (order[health.state], health.source_id))
    ]
    if not rows:
        terminal.say("Nothing was published yet; worldwire publish does it.")
        return
    columns = ("source", "state", "since (UTC)", "why", "last run", "#new today", "#usual", "#failed")
    terminal.show_table(columns, rows)
    states = Counter(health.state for health in healths)
    terminal.say(", ".join(f"{states[state]} {state}" for state in order if states[state]))
    for health in healths:
        if health.state == "ill":
            terminal.say(f"{health.source_id}: {health.advice}")
