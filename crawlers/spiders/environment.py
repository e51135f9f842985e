"""What Scrapy's own command line leaves to the environment: the source's block and where the run goes."""

import os
from datetime import UTC, datetime

from crawlers.catalogue import Source, catalogue_path, load_catalogue, select_sources
from crawlers.settings import CrawlRun, new_run_id, user_agent
from pipelines.errors import ConfigurationError
from pipelines.settings import ArchiveSettings


def source_from_environment(source_id: str | None) -> Source:
    """The source of WORLDWIRE_SOURCES with that id. Raises ConfigurationError."""
    path = os.environ.get("WORLDWIRE_SOURCES", "")
    if not path or not source_id:
        raise ConfigurationError("Name the source (-a source=ID) and its catalogue (WORLDWIRE_SOURCES).")
    return select_sources(load_catalogue(catalogue_path(path)), [source_id])[0]


def run_from_environment(source: Source, *, allow_private: str) -> CrawlRun:
    """A run that starts now and goes to WORLDWIRE_ARCHIVE. Raises ConfigurationError."""
    now = datetime.now(UTC)
    return CrawlRun(
        source=source.facts(),
        archive=ArchiveSettings.from_env(),
        run_id=new_run_id(now),
        started_at=now,
        user_agent=user_agent(),
        allow_private=allow_private,
    )
