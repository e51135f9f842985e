"""Options that several commands share, so that they mean the same everywhere; and what they stand for."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.errors import ConfigurationError
from pipelines.settings import ArchiveSettings

if TYPE_CHECKING:
    from pipelines.store import Store

CRAWL, READ, LOOK, KEEP = "Crawl and publish", "Read the archive", "Look at a page", "Keep the archive"

ArchiveOption = Annotated[
    str | None,
    typer.Option("--archive", "-a", envvar="WORLDWIRE_ARCHIVE", metavar="URI", help="A folder or s3://bucket/prefix."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DAY = "YYYY-MM-DD"
SinceOption = Annotated[str | None, typer.Option("--since", metavar=DAY, help="First day (UTC), included.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar=DAY, help="Last day (UTC), included.")]


def archive_settings(archive: str | None) -> ArchiveSettings:
    """Where the archive is. Raises ConfigurationError if nothing names one."""
    return ArchiveSettings.from_env(archive)


def existing_archive(archive: str | None) -> "Store":
    """The store of an archive that is there. Raises ConfigurationError, StorageUnavailableError."""
    from pipelines.readers import check_archive
    from pipelines.store import open_store

    store = open_store(archive_settings(archive).uri)
    check_archive(store)
    return store


def read_day(text: str | None, option: str) -> date | None:
    """The day an option names. Raises ConfigurationError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(_not_a_week(text))
    except ValueError as cause:
        raise ConfigurationError(f"{option} is {text!r}; give a day as 2026-11-20.") from cause


def read_moment(text: str | None, option: str) -> datetime | None:
    """The moment an option names; without a zone in UTC. Raises ConfigurationError."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(_not_a_week(text))
    except ValueError as cause:
        raise ConfigurationError(f"{option} is {text!r}; give a time as 2026-11-20T18:00Z.") from cause
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _not_a_week(text: str) -> str:
    if "W" in text:
        raise ValueError("Python takes a week for its Monday")
    return text


def check_address(url: str | None, option: str) -> None:
    """Raises ConfigurationError if the option names something that is no web address."""
    from pipelines.urls import canonical_url

    if url is not None and canonical_url(url) is None:
        raise ConfigurationError(f"{option} is {url!r}; give an address as https://news.example/a.")


def utc_now() -> datetime:
    """The moment the command runs."""
    return datetime.now(UTC)
