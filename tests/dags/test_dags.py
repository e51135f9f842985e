"""The DAG files as Airflow reads them: whole, quick, light, and as docs/operator.md says."""

from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import DAGS, InAirflow

READ_DAGS = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG  # its own cost is not ours
bag = DagBag()
def schedule(dag):
    timetable = getattr(dag.timetable, "timetable", dag.timetable)
    return getattr(timetable, "expression", None)
answer = {
    "errors": {str(file): text for file, text in bag.import_errors.items()},
    "seconds": {str(stat.file): stat.duration.total_seconds() for stat in bag.dagbag_stats},
    "modules": sorted(sys.modules),
    "dags": {
        dag.dag_id: {
            "schedule": schedule(dag),
            "asset": getattr(getattr(dag.timetable, "asset_condition", None), "name", None),
            "tags": sorted(dag.tags),
            "doc": dag.doc_md or "",
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "params": sorted(dag.params),
            "late": [(type(one.reference).__name__, one.callback.kwargs["sentence"]) for one in dag.deadline or ()],
            "tasks": {
                task.task_id: {
                    "owner": task.owner,
                    "retries": task.retries,
                    "backoff": task.retry_exponential_backoff,
                    "limit": task.execution_timeout.total_seconds() if task.execution_timeout else None,
                    "pool": task.pool,
                    "outlets": [outlet.name for outlet in task.outlets],
                    "label": getattr(task, "map_index_template", None),
                    "mapped": task.is_mapped,
                    "told": [type(one).__name__ for one in task.on_failure_callback or ()],
                }
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}
"""

SCHEDULES = {
    "crawl_15min": "*/15 * * * *",
    "crawl_hourly": "5 * * * *",
    "crawl_daily": "20 3 * * *",
    "publish_articles": "35 * * * *",
    "keep_archive": "50 4 * * *",
}
# The first has a schedule, since Airflow's backfill needs one, but does nothing by it.
BY_HAND = {"backfill_days": "0 0 * * *", "reextract_articles": None}
CRAWLS = ("crawl_15min", "crawl_hourly", "crawl_daily")


@pytest.fixture(scope="module")
def read(in_airflow: InAirflow) -> Any:
    return in_airflow(READ_DAGS, WORLDWIRE_CRAWL_POOL="some_pool", WORLDWIRE_NOTIFY="hook")


def test_every_file_parses(read: Any) -> None:
    assert read["errors"] == {}


def test_only_dag_files_are_read_as_dags(read: Any) -> None:
    assert set(read["seconds"]) == {
        "backfill_days.py",
        "crawl_sources.py",
        "keep_archive.py",
        "publish_articles.py",
        "reextract_articles.py",
    }


def test_the_dags_and_their_schedules_are_as_documented(read: Any) -> None:
    assert {dag_id: dag["schedule"] for dag_id, dag in read["dags"].items()} == SCHEDULES | BY_HAND


def test_a_dag_file_parses_in_less_than_a_second(read: Any) -> None:
    assert max(read["seconds"].values()) < 1.0


def test_no_dag_file_imports_what_its_tasks_need(read: Any) -> None:
    heavy = {"scrapy", "pyarrow", "deltalake", "duckdb", "trafilatura", "boto3", "lxml", "crawlers"}
    assert heavy.isdisjoint(read["modules"])


@pytest.mark.parametrize("dag_id", [*SCHEDULES, *BY_HAND])
def test_every_dag_says_what_it_does_and_whose_it_is(read: Any, dag_id: str) -> None:
    dag = read["dags"][dag_id]
    assert "worldwire" in dag["tags"]
    assert len(dag["doc"]) > 200
    assert dag["catchup"] is False
    assert dag["max_active_runs"] == 1
    assert {task["owner"] for task in dag["tasks"].values()} == {"worldwire"}


@pytest.mark.parametrize("dag_id", [*SCHEDULES, *BY_HAND])
def test_every_task_has_a_time_limit_and_tries_again_later_and_later(read: Any, dag_id: str) -> None:
    for task in read["dags"][dag_id]["tasks"].values():
        assert task["limit"] is not None
        assert task["retries"] >= 1
        assert task["backoff"] == 2.0


@pytest.mark.parametrize("dag_id", CRAWLS)
def test_a_crawl_is_one_labelled_task_a_source_in_the_pool_and_tells_of_captures(read: Any, dag_id: str) -> None:
    crawl = read["dags"][dag_id]["tasks"]["crawl_source"]
    assert crawl["mapped"] is True
    assert crawl["label"] == "{{ task.op_kwargs['source']['id'] }}"
    assert crawl["pool"] == "some_pool"
    assert crawl["outlets"] == ["worldwire-captures"]
    assert read["dags"][dag_id]["params"] == ["source"]


@pytest.mark.parametrize("dag_id", SCHEDULES)
def test_what_goes_red_or_is_late_is_told_but_for_single_sources(read: Any, dag_id: str) -> None:
    dag = read["dags"][dag_id]
    assert {name: task["told"] for name, task in dag["tasks"].items() if task["told"] != ["Alert"]} == (
        {"crawl_source": []} if dag_id in CRAWLS else {}
    )
    ((counted_from, sentence),) = dag["late"]
    assert counted_from == "DagRunQueuedAtDeadline", (
        "a DAG that is switched on at noon is not late with its morning's run"
    )
    assert " Look " in sentence


def test_nothing_is_late_where_the_executor_could_not_tell(in_airflow: InAirflow) -> None:
    script = (
        "from airflow.dag_processing.dagbag import DagBag\n"
        "answer = {name: len(dag.deadline or ()) for name, dag in DagBag().dags.items()}"
    )
    late = in_airflow(script, WORLDWIRE_NOTIFY="hook", AIRFLOW__CORE__EXECUTOR="KubernetesExecutor,CeleryExecutor")
    assert len(late) >= len(SCHEDULES)
    assert set(late.values()) == {0}


def test_publishing_is_woken_by_captures_and_tells_of_articles(read: Any) -> None:
    publish = read["dags"]["publish_articles"]
    assert publish["asset"] == "worldwire-captures"
    assert publish["tasks"]["publish"]["outlets"] == ["worldwire-articles"]


def test_all_tries_of_a_fast_crawl_that_finds_nobody_fit_before_the_next_round(read: Any) -> None:
    assert read["dags"]["crawl_15min"]["tasks"]["crawl_source"]["limit"] < 15 * 60
    assert read["dags"]["crawl_15min"]["tasks"]["crawl_source"]["retries"] == 1


ASKED_AS = """
from collections import defaultdict
from datetime import UTC, datetime
from unittest.mock import Mock
import crawlers.launch
from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType
from dags import crawl_sources
from pipelines.model import RunReport

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SOURCE = {"id": "a", "name": "A", "homepage": "https://a.example/"}
nothing = dict.fromkeys(name for name, field in DagRun.model_fields.items() if field.is_required())
answer = {}
for kind in DagRunType:
    given = {"dag_id": "crawl_hourly", "run_id": f"{kind.value}__1", "run_after": NOW, "run_type": kind}
    run = DagRun(**nothing | given | {"state": DagRunState.RUNNING, "consumed_asset_events": []})
    report = RunReport(run_id="r", source_id="a", started_at=NOW, ended_at=NOW, outcome="ok")
    crawlers.launch.crawl = Mock(return_value=report)
    context = {"run_id": run.run_id, "dag_run": run, "outlet_events": defaultdict(Mock)}
    crawl_sources.get_current_context = lambda: context
    crawl_sources.crawl_one(SOURCE)
    answer[kind.value] = crawlers.launch.crawl.call_args.kwargs["scheduled"]
"""


def test_a_scheduled_round_asks_what_is_due_and_any_other_asks_all(in_airflow: InAirflow, tmp_path: Path) -> None:
    asked_as = in_airflow(ASKED_AS, WORLDWIRE_ARCHIVE=str(tmp_path), PYTHONPATH=str(DAGS.parent))
    assert asked_as.pop("scheduled") is True
    assert "manual" in asked_as
    assert not any(asked_as.values())
