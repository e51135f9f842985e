"""What the DAGs share: the two assets, how tasks are retried, and where archive and catalogue are.

The environment of the worker names the archive and the catalogue (WORLDWIRE_ARCHIVE, WORLDWIRE_SOURCES) and, if
wanted, a pool for crawls (WORLDWIRE_CRAWL_POOL; the pool must exist, or no crawl ever starts). An Airflow connection
`worldwire` of type `aws` is optional too: its login, password, `region_name`, `session_token` and `endpoint_url` become
the standard AWS variables of the task and of what it starts. Nothing heavy is imported here: every DAG imports this.
"""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.configuration import conf
from airflow.sdk import (
    Asset,
    Connection,
    ExceptionRetryPolicy,
    RetryAction,
    RetryRule,
)
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowTaskTerminated

from dags.notifications import Alert, connection_ids

if TYPE_CHECKING:
    from pipelines.settings import ArchiveSettings

logger = logging.getLogger(__name__)

CONNECTION = "worldwire"
OWNER = "worldwire"
_TELLING_EXECUTORS = ("LocalExecutor", "CeleryExecutor")
TAGS = ["worldwire"]

captures = Asset(
    "worldwire-captures",
    "x-worldwire://archive/captures",
    group="worldwire",
    extra={"what": "fetched pages as WARC files, not yet published"},
)
articles = Asset(
    "worldwire-articles",
    "x-worldwire://archive/tables/articles",
    group="worldwire",
    extra={"what": "the Delta tables articles and appearances; an event means that rows were added or revised"},
)

# What a second try cannot mend: a person must change settings or catalogue, or the crawl used up its time and goes on
# at the next round where it stopped.
give_up_at_once = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=["pipelines.errors.ConfigurationError", "pipelines.errors.InputError"],
            action=RetryAction.FAIL,
            reason="Settings or catalogue must be changed first.",
        ),
        RetryRule(
            exception="airflow.sdk.exceptions.AirflowTaskTimeout",
            action=RetryAction.FAIL,
            reason="The time is used up; the next run goes on from here.",
        ),
    ]
)


def task_defaults(*, retries: int, first_delay: timedelta, limit: timedelta) -> dict[str, Any]:
    """Default arguments: tries again after `first_delay`, then twice as long each time, an hour at most."""
    return {
        "owner": OWNER,
        "retries": retries,
        "retry_delay": first_delay,
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(hours=1),
        "retry_policy": give_up_at_once,
        "execution_timeout": limit,
        "on_failure_callback": [Alert()],
    }


def late_after(interval: timedelta, sentence: str) -> list[DeadlineAlert]:
    """Tells people when a run is not done so long after it was queued, which is when it is due or woken.

    Not by its logical date: a DAG that is switched on at noon begins with the round of this morning, which is not late.
    Empty where nobody is to be told, since `dag.test()` of Airflow 3.3 fails at the end of a run that has a deadline,
    and under an executor that cannot tell: the scheduler of Airflow 3.3 ends itself when a deadline is missed there.
    """
    executor = conf.get("core", "executor").split(",")[0]  # the first one runs what has no executor of its own
    if not connection_ids() or not executor.endswith(_TELLING_EXECUTORS):
        return []
    alert = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=SyncCallback(Alert, kwargs={"sentence": sentence}),
        name="late",
    )
    return [alert]


def crawl_pool() -> str:
    """The pool whose slots bound how many crawls run at once."""
    return os.environ.get("WORLDWIRE_CRAWL_POOL") or "default_pool"


def catalogue_file() -> Path:
    """The catalogue that WORLDWIRE_SOURCES names, or the starter catalogue."""
    from crawlers.catalogue import WORLD, catalogue_path

    return catalogue_path(os.environ.get("WORLDWIRE_SOURCES") or WORLD)


def archive_settings() -> "ArchiveSettings":
    """Where the archive is. Puts the connection's credentials, if there is one, into this task's environment."""
    from pipelines.settings import ArchiveSettings

    os.environ.update(connection_environment())
    return ArchiveSettings.from_env()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Within, SIGTERM (a task marked failed or cleared in the UI) raises, so that children are ended first.

    Airflow's own handler goes on with the task until it is killed five seconds later.
    """

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise AirflowTaskTerminated("Airflow has asked this task to end.")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def connection_environment() -> dict[str, str]:
    """The standard AWS variables that the optional connection stands for."""
    try:
        connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return {}
    extra = connection.extra_dejson
    values = {
        "AWS_ACCESS_KEY_ID": connection.login,
        "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_SESSION_TOKEN": extra.get("aws_session_token") or extra.get("session_token"),
        "AWS_REGION": extra.get("region_name"),
        "AWS_DEFAULT_REGION": extra.get("region_name"),
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
    }
    logger.info("the connection %r gives %s", CONNECTION, ", ".join(sorted(key for key in values if values[key])))
    return {key: str(value) for key, value in values.items() if value}
