"""Articles of days long past, one run a day: made for Airflow's backfill, which gives each run its logical date."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from dags.wiring import (
    TAGS,
    archive_settings,
    captures,
    catalogue_file,
    crawl_pool,
    ended_by_sigterm,
    task_defaults,
)

logger = logging.getLogger("worldwire.backfill")  # Airflow makes up the name of the module a DAG file becomes

DOC = """
Fetches articles of **past days** that the sources' sitemaps name, as politely as any crawl: one run a day, one mapped
task a source. The day is the run's logical date (UTC). Switch the DAG on and start a backfill of it:

    airflow backfill create --dag-id backfill_days --from-date 2026-03-01 --to-date 2026-03-31 --max-active-runs 1

or in the UI: *Trigger*, then *Backfill*. With the parameter `source` (`--dag-run-conf '{"source": "sky-news"}'`) only
that source is asked.

* Runs that come round by the schedule do nothing and are **pink**: the crawl DAGs have today's news.
* A page that is known is not asked for again. What of a day exceeds a source's `max_pages` is fetched by the next run.
* **red**: nothing could be fetched from a source; its log says why, and the next try goes on.
"""


@dag(
    dag_id="backfill_days",
    description="Articles of past days from the sources' sitemaps, for Airflow's backfill",
    schedule=CronTriggerTimetable("0 0 * * *", timezone="UTC", run_immediately=timedelta(0)),  # never at once
    catchup=False,
    max_active_runs=1,
    tags=[*TAGS, "crawl"],
    doc_md=DOC,
    default_args=task_defaults(retries=2, first_delay=timedelta(minutes=10), limit=timedelta(hours=3)),
    params={
        "source": Param(None, type=["null", "string"], title="Source", description="Id of one source; empty: all.")
    },
)
def backfill_days() -> None:
    @task(execution_timeout=timedelta(minutes=2), show_return_value_in_logs=False)
    def list_sources() -> list[dict[str, Any]]:
        context = get_current_context()
        if context["dag_run"].run_type == "scheduled":
            raise AirflowSkipException("Only a backfill or a trigger by hand names a day that is wanted.")
        return wanted_sources(context["params"].get("source"))

    @task(
        outlets=[captures],
        pool=crawl_pool(),
        map_index_template="{{ task.op_kwargs['source']['id'] }}",
        do_xcom_push=False,
    )
    def crawl_day(source: dict[str, Any]) -> None:
        crawl_one_day(source)

    crawl_day.expand(source=list_sources())


def wanted_sources(only: str | None) -> list[dict[str, Any]]:
    """All sources of the catalogue, or the one that is named. Raises ConfigurationError."""
    from crawlers.catalogue import load_catalogue, select_sources

    chosen = select_sources(load_catalogue(catalogue_file()), [only] if only else [])
    return [source.model_dump(mode="json") for source in chosen]


def crawl_one_day(fields: dict[str, Any]) -> None:
    """Crawls one source for the day of the logical date. Raises AirflowException if nothing could be fetched."""
    from crawlers.catalogue import Source
    from crawlers.launch import crawl

    context = get_current_context()
    moment = context["dag_run"].logical_date
    if moment is None:
        raise AirflowFailException("Trigger it with a logical date: the day whose articles are wanted.")
    day = moment.date()
    with ended_by_sigterm():
        report = crawl(Source.model_validate(fields), archive_settings(), dag_run_id=context["run_id"], days=(day, day))
    logger.info("%s, %s: %s; %d captured", report.source_id, day, report.outcome, report.captured)
    if report.outcome in ("failed", "killed"):
        raise AirflowException(f"{report.source_id} was not crawled for {day}: {report.reason or report.outcome}")


backfill_days()
