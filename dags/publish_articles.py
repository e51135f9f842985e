"""Turn captures that are not published yet into articles; woken by new captures, hourly in case an event was lost."""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.wiring import TAGS, archive_settings, articles, captures, late_after, task_defaults

logger = logging.getLogger("worldwire.publish")  # Airflow makes up the name of the module a DAG file becomes

DOC = """
Publishes **every** capture that the archive has no receipt for: extracts and cleans its pages, joins copies into
stories and writes the tables. The event of a crawl only wakes it up; a lost event is made up by the hourly run, a
repeated one changes nothing. Safe to kill and to run again.

* **green**: articles were added or revised; downstream DAGs scheduled on the asset `worldwire-articles` start.
* **pink** (skipped): there was nothing new; nobody downstream is woken.
* **red**: the archive could not be read or written; the log's last line says why.
"""


@dag(
    description="Captures to articles: extract, clean, join stories, write the archive",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("35 * * * *", timezone="UTC"), assets=captures),
    catchup=False,
    max_active_runs=1,
    tags=[*TAGS, "publish"],
    doc_md=DOC,
    deadline=late_after(
        timedelta(hours=2),
        "it is not done two hours after it was woken: articles come late. Look at its log and at the workers.",
    ),
    default_args=task_defaults(retries=3, first_delay=timedelta(minutes=1), limit=timedelta(hours=3)),
)
def publish_articles() -> None:
    @task(outlets=[articles], do_xcom_push=False)
    def publish() -> None:
        from pipelines.publish import publish_new_captures

        context = get_current_context()
        summary = publish_new_captures(archive_settings(), dag_run_id=context["run_id"])
        counts: dict[str, Any] = {
            "captures": summary.captures,
            "pages": summary.pages,
            "new_articles": summary.new_articles,
            "new_appearances": summary.new_appearances,
            "revised": summary.revised,
        }
        logger.info("published %s; dropped %s", counts, dict(summary.dropped))
        if not (summary.new_articles or summary.new_appearances or summary.revised):
            raise AirflowSkipException("No article is new or revised.")
        context["outlet_events"][articles].extra = counts

    publish()


publish_articles()
