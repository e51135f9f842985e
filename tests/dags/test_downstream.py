"""The DAG of docs/reader.md: scheduled on our asset, and each of its runs reads what changed since the last one."""

from pathlib import Path

from pipelines.archive import Archive, TableRows
from pipelines.store import open_store
from tests.dags.conftest import DAGS, InAirflow
from tests.pipelines.reader_docs import snippet
from tests.pipelines.test_changes import NOW, article

_SCRIPT = """
import contextlib, io, sys
sys.path.insert(0, {root!r})
from airflow.dag_processing.dagbag import DagBag
from dags.wiring import articles
bag = DagBag({folder!r})
assert not bag.import_errors, bag.import_errors
dag = bag.dags["follow_articles"]
said = io.StringIO()
with contextlib.redirect_stdout(said):
    for turn in range(2):
        dag.task_dict["follow"].python_callable()
(asset,) = dag.timetable.asset_condition.objects
answer = [(asset.name, asset.uri) == (articles.name, articles.uri), said.getvalue()]
"""


def test_the_documented_dag_follows_the_asset(in_airflow: InAirflow, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "follow_articles.py").write_text(snippet("python", "airflow.sdk"))
    uri = str(tmp_path / "archive")
    archive = Archive(open_store(uri))
    rows = {"articles": TableRows(added=[article(2), article(4)])}
    archive.commit(rows, after=archive.open_for_publishing(), captures=(), kind="publish", now=NOW)
    script = _SCRIPT.format(root=str(DAGS.parent), folder=str(tmp_path / "dags"))
    assert in_airflow(script, WORLDWIRE_ARCHIVE=uri) == [True, "2\n"]
