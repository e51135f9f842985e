"""Extract pages of some days anew from their captures: first the report, then, if that is asked, the rows."""

import logging
from datetime import date, timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags.wiring import TAGS, archive_settings, articles, task_defaults

logger = logging.getLogger("worldwire.reextract")  # Airflow makes up the name of the module a DAG file becomes

DOC = """
Makes the rows of some days anew from their captures with today's extractor; no site is asked for anything. *Trigger*
it with the days (UTC, both included) and, if you like, one source.

* `report` says how many articles would change, by how much, and shows samples. It changes nothing: read its log first.
* `write` does it if the parameter `write` is on, and is **pink** (skipped) otherwise. Changed rows get a new revision;
  the earlier ones stay readable by time travel. Pages whose capture is gone are counted and keep their rows.

Both may be killed and run again; what was written is not written twice.
"""


@dag(
    dag_id="reextract_articles",
    description="Extract pages of some days anew from their captures",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=[*TAGS, "upkeep"],
    doc_md=DOC,
    default_args=task_defaults(retries=2, first_delay=timedelta(minutes=5), limit=timedelta(hours=12)),
    params={
        "since": Param("2026-01-01", type="string", format="date", title="First day"),
        "until": Param("2026-01-01", type="string", format="date", title="Last day, included"),
        "source": Param(None, type=["null", "string"], title="Source", description="Id of one source; empty: all."),
        "write": Param(False, type="boolean", title="Change the rows", description="Off: you are only shown."),
    },
)
def reextract_articles() -> None:
    @task(do_xcom_push=False)
    def report() -> None:
        extract_days(get_current_context()["params"], write=False)

    @task(outlets=[articles], do_xcom_push=False)
    def write() -> None:
        params = get_current_context()["params"]
        if not params["write"]:
            raise AirflowSkipException("The parameter `write` is off: nothing was changed.")
        extract_days(params, write=True)

    report() >> write()


def extract_days(params: Any, *, write: bool) -> None:
    """Extracts anew, and logs what changed or would change."""
    from pipelines.upkeep import reextract

    since, until = date.fromisoformat(params["since"]), date.fromisoformat(params["until"])
    if since > until:
        raise AirflowFailException(f"since, {since}, is after until, {until}.")
    found = reextract(archive_settings(), since=since, until=until, source_id=params["source"] or None, write=write)
    for change in found.samples:
        logger.info("%s  %s\n%s", change.article_id, change.url, "\n".join(change.lines))
    logger.info(
        "%d pages examined, %d with another title or text, %d articles %s; columns %s; words %d before, %d after",
        found.examined,
        found.texts,
        found.articles,
        "changed" if write else "would change",
        dict(found.columns),
        found.words_before,
        found.words_after,
    )
    if found.missing or found.lost:
        logger.warning(
            "%d pages cannot be read, %d of them since their captures' retention has ended; %d give no article now",
            found.missing,
            found.removed,
            found.lost,
        )


reextract_articles()
