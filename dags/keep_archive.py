"""Once a day: put small files together, try all sources, and go red if one of them needs a person."""

import logging
from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, Variable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.wiring import TAGS, archive_settings, catalogue_file, late_after, task_defaults

logger = logging.getLogger("worldwire.keep")  # Airflow makes up the name of the module a DAG file becomes

TRIALS_AT_ONCE = 4
RETENTION = "worldwire_captures_older_than_days"

DOC = """
Looks after the archive, once a day.

* `compact` puts the small files that many publishes leave into few large ones, and removes what no reader can still
  be reading. It changes no row. With the parameter `captures_older_than_days`, or for good by the Airflow variable
  `worldwire_captures_older_than_days`, it also removes published captures that are older; their rows stay.
* `check_health` judges every source by its own history. It goes **red** only for what a person must do, and says in
  one sentence each what it is and what to try. A source that is merely quiet is mended by waiting, and stays green.
* `check_sources` fetches a few pages of every source and throws them away. It goes **red** for addresses in the
  catalogue that give nothing although the site answers: a feed that was moved, beside others that still work.

They are independent of each other and safe to run at any time.
"""


@dag(
    description="Compact the tables; alarm on sources that need a person",
    schedule=CronTriggerTimetable("50 4 * * *", timezone="UTC", run_immediately=timedelta(0)),  # never at once
    catchup=False,
    max_active_runs=1,
    tags=[*TAGS, "upkeep"],
    doc_md=DOC,
    deadline=late_after(
        timedelta(hours=8), "it is not done eight hours after it was due. Look which of its tasks waits or runs."
    ),
    default_args=task_defaults(retries=2, first_delay=timedelta(minutes=10), limit=timedelta(hours=4)),
    params={
        "captures_older_than_days": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Remove captures older than",
            description=f"Days; empty: what the variable {RETENTION} says, and without it captures stay.",
        )
    },
)
def keep_archive() -> None:
    @task(do_xcom_push=False)
    def compact() -> None:
        from pipelines.upkeep import compact as compact_tables

        logger.info("compacted: %s", compact_tables(archive_settings(), captures_older_than=kept_captures()))

    @task(do_xcom_push=False)
    def check_health() -> None:
        alarms = sick_sources()
        if alarms:
            raise AirflowFailException(f"{len(alarms)} sources need a person. " + " ".join(alarms))

    @task(retries=1, retry_delay=timedelta(minutes=30), do_xcom_push=False)
    def check_sources() -> None:
        dead = dead_addresses()
        if dead:
            raise AirflowException("The catalogue names addresses that give nothing. " + " ".join(dead))

    compact()
    check_health()
    check_sources()


def kept_captures() -> timedelta | None:
    """For how long captures are kept: the run's parameter, else the variable; None: for ever."""
    days = get_current_context()["params"].get("captures_older_than_days") or Variable.get(RETENTION, default=None)
    try:
        return None if days is None else timedelta(days=int(days))
    except (ValueError, OverflowError) as cause:
        raise AirflowFailException(f"The variable {RETENTION} is {days!r}; give a number of days.") from cause


def sick_sources() -> list[str]:
    """One sentence for each source that a person must look at; all others are only logged."""
    from datetime import UTC, datetime

    from pipelines.health import source_health
    from pipelines.store import open_store

    found = source_health(open_store(archive_settings().uri), now=datetime.now(UTC))
    for source in found:
        logger.info("%s is %s: %s", source.source_id, source.state, source.reason)
    return [f"{source.source_id}: {source.reason}. {source.advice}" for source in found if source.state == "ill"]


def dead_addresses() -> list[str]:
    """One sentence for each source of the catalogue that answers, but not at all addresses named for it."""
    from datetime import UTC, datetime

    from crawlers.catalogue import load_catalogue
    from crawlers.cli.trial import try_sources

    sources = load_catalogue(catalogue_file())
    with try_sources(
        sources,
        workers=TRIALS_AT_ONCE,
        now=datetime.now(UTC),
        on_line=lambda source_id, line: logger.debug("%s: %s", source_id, line),
    ) as trials:
        for trial in trials:
            logger.info("%s: %s, %d articles", trial.source.id, trial.report.outcome, len(trial.articles))
        found = [(trial.source.id, trial.dead_addresses()) for trial in trials if trial.answers]
    return [f"{source_id}: {', '.join(addresses)}." for source_id, addresses in found if addresses]


keep_archive()
