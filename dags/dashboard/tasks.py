"""Where in Airflow's UI the mapped task of a crawl is."""

from urllib.parse import quote

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import ColumnElement, select

CRAWL_TASK = "crawl_source"

_label: ColumnElement[str] = TaskInstance.rendered_map_index  # type: ignore[assignment]  # a hybrid property


def path_of_crawl(dag_run_id: str, source_id: str) -> str | None:
    """Its path below Airflow's root; None if this Airflow has no such task any longer."""
    query = (
        select(TaskInstance.dag_id, TaskInstance.map_index)
        .where(
            TaskInstance.run_id == dag_run_id,
            TaskInstance.task_id == CRAWL_TASK,
            _label == source_id,
        )
        .limit(1)
    )
    with create_session() as session:
        found = session.execute(query).first()
    if found is None:
        return None
    return f"/dags/{quote(found.dag_id)}/runs/{quote(dag_run_id, safe='')}/tasks/{CRAWL_TASK}/mapped/{found.map_index}"
