"""One DAG a cadence; in it one mapped task a source. A crawl that succeeds tells of new captures.

The catalogue is read by a task, not when this file is parsed: a source that is added is crawled at the next round.
"""

import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException
from structlog.contextvars import bound_contextvars

from dags.wiring import (
    TAGS,
    archive_settings,
    captures,
    catalogue_file,
    crawl_pool,
    ended_by_sigterm,
    late_after,
    task_defaults,
)

logger = logging.getLogger("worldwire.crawl")  # Airflow makes up the name of the module a DAG file becomes

_LOG_LINE = re.compile(r"\S+ \S+ (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) (?P<text>.*)")

_URL = re.compile(r"https?://\S+")

DOC = """
Crawls every source of the catalogue whose cadence is **{cadence}**: one mapped task a source, labelled by its id.

* **green**: the source answered; what was new is captured, and `publish_articles` is woken.
* **red**: nothing could be fetched; the last line of the log says why. Other sources are not affected, and the next
  round tries again. Anything captured before a crawl broke off is published all the same.
* Only one round runs at a time, and a crawl ends within {minutes} minutes: what is left comes with the next round.
* A round asks a source what its own history says is due, often nothing; *Trigger* asks all.
* *Trigger* with the parameter `source` crawls that one source now, whatever its cadence.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When a round starts (cron, UTC), how long a crawl may take, how a failed one is tried again, when it is late.

    All tries of a source end before the next round is due: one round runs at a time, and a source that is down must not
    keep the others waiting.
    """

    cadence: str
    schedule: str
    limit: timedelta
    retries: int
    first_delay: timedelta
    late_after: timedelta


RHYTHMS = (
    Rhythm(
        cadence="15min",
        schedule="*/15 * * * *",
        limit=timedelta(minutes=12),
        retries=1,
        first_delay=timedelta(minutes=1),
        late_after=timedelta(minutes=45),
    ),
    Rhythm(
        cadence="hourly",
        schedule="5 * * * *",
        limit=timedelta(minutes=45),
        retries=2,
        first_delay=timedelta(minutes=2),
        late_after=timedelta(hours=2),
    ),
    Rhythm(
        cadence="daily",
        schedule="20 3 * * *",
        limit=timedelta(hours=3),
        retries=3,
        first_delay=timedelta(minutes=10),
        late_after=timedelta(hours=8),
    ),
)


def define_crawl(rhythm: Rhythm) -> DAG:
    """The DAG of one cadence."""

    @dag(
        dag_id=f"crawl_{rhythm.cadence}",
        description=f"Crawl the sources whose cadence is {rhythm.cadence}, each in a task of its own",
        schedule=CronTriggerTimetable(rhythm.schedule, timezone="UTC", run_immediately=True),  # once switched on
        catchup=False,
        max_active_runs=1,
        max_active_tasks=512,  # the pool decides
        tags=[*TAGS, "crawl"],
        doc_md=DOC.format(cadence=rhythm.cadence, minutes=int(rhythm.limit.total_seconds() // 60)),
        default_args=task_defaults(retries=rhythm.retries, first_delay=rhythm.first_delay, limit=rhythm.limit),
        deadline=late_after(
            rhythm.late_after,
            f"its round is not done {int(rhythm.late_after.total_seconds() // 60)} minutes after it was due."
            " Look whether the workers are alive and the pool has free slots.",
        ),
        params={
            "source": Param(
                None,
                type=["null", "string"],
                title="Source",
                description="Id of one source to crawl now; empty: all sources of this cadence.",
            )
        },
    )
    def crawl() -> None:
        @task(execution_timeout=timedelta(minutes=2), show_return_value_in_logs=False)
        def list_sources() -> list[dict[str, Any]]:
            return due_sources(rhythm.cadence, get_current_context()["params"].get("source"))

        @task(
            outlets=[captures],
            pool=crawl_pool(),
            map_index_template="{{ task.op_kwargs['source']['id'] }}",
            do_xcom_push=False,
            on_failure_callback=[],  # one source that is down is no news; check_health tells of those that stay so
        )
        def crawl_source(source: dict[str, Any]) -> None:
            crawl_one(source)

        crawl_source.expand(source=list_sources())

    return crawl()


def due_sources(cadence: str, only: str | None) -> list[dict[str, Any]]:
    """The catalogue's sources of a cadence, or the one that is named. Raises ConfigurationError."""
    from crawlers.catalogue import load_catalogue, select_sources

    path = catalogue_file()
    sources = load_catalogue(path)
    due = select_sources(sources, [only]) if only else [source for source in sources if source.cadence == cadence]
    logger.info("%d of %d sources in %s", len(due), len(sources), path)
    return [source.model_dump(mode="json") for source in due]


def crawl_one(fields: dict[str, Any]) -> None:
    """Crawl one source in a child process whose log is ours. Raises AirflowException if nothing could be fetched."""
    from crawlers.catalogue import Source
    from crawlers.launch import crawl

    context = get_current_context()
    # Airflow writes what is bound here as fields of every line.
    with bound_contextvars(source=fields["id"], run=context["run_id"]), ended_by_sigterm():
        report = crawl(
            Source.model_validate(fields),
            archive_settings(),
            dag_run_id=context["run_id"],
            scheduled=context["dag_run"].run_type == "scheduled",  # one by hand asks all
            on_line=relay,
        )
    logger.info(
        "%s: %s; %d links found, %d asked, %d captured, %d unchanged",
        report.source_id,
        f"{report.outcome}, {report.reason}" if report.reason else report.outcome,
        report.discovered,
        report.asked,
        report.captured,
        report.unchanged,
    )
    if report.outcome in ("failed", "killed"):
        raise AirflowException(f"{report.source_id} was not crawled: {report.reason or report.outcome}")
    context["outlet_events"][captures].extra = {"source": report.source_id, "captured": report.captured}


def relay(line: str) -> None:
    """A line of the crawl's log in ours, at its own level; the time is ours, the first URL in it a field."""
    found = _LOG_LINE.fullmatch(line)
    level = logging.getLevelNamesMapping()[found["level"]] if found else logging.INFO
    text = found["text"] if found else line
    url = _URL.search(text)
    with bound_contextvars(**({"url": url[0].rstrip(".,:;)")} if url else {})):
        logger.log(level, "%s", text)


for one in RHYTHMS:
    define_crawl(one)
