"""The child's side of a launch: a job as JSON becomes a spider's run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from crawlers.catalogue import Source
from crawlers.launch.nursery import Run
from crawlers.settings import CrawlRun
from pipelines.settings import ArchiveSettings

# Named in settings, Scrapy's or ours: imported here once for all children.
_LOADED_BY_NAME = (
    "crawlers.address_guard.resolver",
    "crawlers.item_pipelines",
    "crawlers.middlewares.browser",
    "crawlers.middlewares.download",
    "crawlers.middlewares.opt_out",
    "crawlers.middlewares.patience",
    "crawlers.middlewares.retry",
    "crawlers.middlewares.robots",
    "crawlers.middlewares.takedowns",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.scheduler",
    "scrapy.downloadermiddlewares.defaultheaders",
    "scrapy.downloadermiddlewares.useragent",
    "scrapy.dupefilters",
    "scrapy.logformatter",
    "scrapy.pqueues",
    "scrapy.squeues",
    "scrapy.statscollectors",
)


def as_job(source: Source, run: CrawlRun) -> dict[str, Any]:
    """What a child must know, as JSON can hold it."""
    return {
        "source": source.model_dump(mode="json"),
        "archive": run.archive.uri,
        "spool": str(run.archive.spool),
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "user_agent": run.user_agent,
        "allow_private": run.allow_private,
        "dag_run_id": run.dag_run_id,
        "scheduled": run.scheduled,
        "days": run.days and [day.isoformat() for day in run.days],
    }


def from_job(job: Mapping[str, Any]) -> tuple[Source, CrawlRun]:
    """The source and the run that `as_job` wrote down."""
    source = Source.model_validate(job["source"])
    run = CrawlRun(
        source=source.facts(),
        archive=ArchiveSettings(uri=job["archive"], spool=Path(job["spool"])),
        run_id=job["run_id"],
        started_at=datetime.fromisoformat(job["started_at"]),
        user_agent=job["user_agent"],
        allow_private=job["allow_private"],
        dag_run_id=job["dag_run_id"],
        scheduled=job["scheduled"],
        days=_days(job["days"]),
    )
    return source, run


def _days(given: Sequence[str] | None) -> tuple[date, date] | None:
    return None if given is None else (date.fromisoformat(given[0]), date.fromisoformat(given[1]))


def prepare() -> Run:
    """Imports what every crawl needs, and gives what runs one."""
    for name in _LOADED_BY_NAME:
        import_module(name)
    from crawlers.spiders.run import run_spider

    def run(job: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> int:
        return run_spider(*from_job(job), tell)

    return run
