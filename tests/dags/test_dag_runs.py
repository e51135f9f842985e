"""The DAGs run for real, in one process, from a site to the archive."""

from pathlib import Path

import pytest

from crawlers.demo import DemoWorld
from dags.standalone.__main__ import count_articles
from tests.dags.conftest import InAirflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = """
from datetime import UTC, datetime
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
initdb()
today = datetime.now(UTC).date().isoformat()
bag = DagBag()
def run(dag_id, day=None, **conf):
    done = bag.dags[dag_id].test(run_conf=conf or None, logical_date=day)
    tasks = {task.rendered_map_index or task.task_id: str(task.state) for task in done.get_task_instances()}
    return {"state": str(done.state), "tasks": tasks}
answer = {
    "one source": run("crawl_daily", source="meridian-wire"),
    "unknown source": run("crawl_daily", source="nobody"),
    "publish": run("publish_articles"),
    "publish again": run("publish_articles"),
    "keep": run("keep_archive", captures_older_than_days=400),
    "past day": run("backfill_days", datetime(2020, 1, 1, tzinfo=UTC), source="meridian-wire"),
    "looked at": run("reextract_articles", since=today, until=today),
    "written": run("reextract_articles", since=today, until=today, write=True),
}
"""


def test_from_a_site_to_the_archive(in_airflow: InAirflow, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with DemoWorld(sites=2) as world:
        (tmp_path / "sources.toml").write_text(world.catalogue)
        answer = in_airflow(
            RUN,
            WORLDWIRE_ARCHIVE=str(archive),
            WORLDWIRE_SOURCES=str(tmp_path / "sources.toml"),
            WORLDWIRE_SPOOL=str(tmp_path / "spool"),
            WORLDWIRE_ALLOW_PRIVATE=world.allow_private,
        )

    # The source that was named, although its cadence is another; a name that is wrong stops before anything is fetched.
    assert answer["one source"] == {
        "state": "success",
        "tasks": {"list_sources": "success", "meridian-wire": "success"},
    }
    assert answer["unknown source"]["tasks"]["list_sources"] == "failed"
    assert count_articles(str(archive)) > 5
    assert answer["publish"] == {"state": "success", "tasks": {"publish": "success"}}
    assert answer["publish again"] == {"state": "success", "tasks": {"publish": "skipped"}}
    assert answer["keep"]["state"] == "success"
    assert answer["keep"]["tasks"] == dict.fromkeys(("compact", "check_health", "check_sources"), "success")
    assert answer["past day"]["tasks"] == {"list_sources": "success", "meridian-wire": "success"}
    assert answer["looked at"]["tasks"] == {"report": "success", "write": "skipped"}
    assert answer["written"]["tasks"] == {"report": "success", "write": "success"}
