"""The snippets of docs/reader.md run, on an archive of the kind that they speak of."""

import os
import shlex
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive import Archive, TableRows
from pipelines.store import open_store
from tests.pipelines.reader_docs import snippet, snippets

_ROOT = Path(__file__).parents[2]
_SPARK, _AIRFLOW = "pyspark", "airflow.sdk"


def article(number: int, **more: Any) -> dict[str, Any]:
    moment = datetime(2026, 11, 9 + number, 6, 30, tzinfo=UTC)
    return {
        "article_id": f"a-{number}",
        "story_id": f"s-{number}",
        "source_id": "a-paper",
        "title": f"Title {number}",
        "published_at": moment,
        "first_seen_at": moment,
        "fetched_at": moment,
        "first_seen_date": moment.date(),
        "text": "First paragraph.\nSecond paragraph.",
        "word_count": 4,
        "language": "en",
        **more,
    }


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in ./data, as the documentation has it: two articles, one of them changed, and one taken down."""
    archive = Archive(open_store(str(tmp_path / "data")))
    appearance = {
        "appearance_id": "1",
        "story_id": "s-1",
        "source_id": "a-paper",
        "first_seen_date": date(2026, 11, 10),
    }
    later = datetime(2026, 11, 20, tzinfo=UTC)
    entries = (
        {
            "articles": TableRows(added=[article(1), article(2), article(3)]),
            "appearances": TableRows(added=[appearance]),
        },
        {
            "articles": TableRows(changed=[article(1, text="Corrected.", fetched_at=later, revision=2)]),
            "revisions": TableRows(added=[article(1) | {"page_id": "1", "superseded_at": later}]),
        },
        {"articles": TableRows(deleted=[article(3)])},
    )
    after = archive.open_for_publishing()
    for number, rows in enumerate(entries):
        archive.commit(rows, after=after + number, captures=(), kind="publish", now=later + timedelta(hours=number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "number", [at for at, text in enumerate(snippets("python")) if _SPARK not in text and _AIRFLOW not in text]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries that the snippets use
@pytest.mark.usefixtures("data")
def test_the_documentations_snippets_run(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippets("python")[number], f"docs/reader.md, snippet {number + 1}", "exec"), {})
    assert capsys.readouterr().out


def test_the_documentations_commands_run(data: Path) -> None:
    lines = [line for block in snippets("sh") for line in block.splitlines() if "_ID" not in line]
    assert len(lines) == 7
    said = [_run([sys.executable, "-m", "pipelines.cli", *shlex.split(line)[1:]]).stdout for line in lines]
    assert said.count("3\n") == 2, "both commands that ask for changes say the version to go on from"
    names = {"articles.jsonl", "appearances.parquet", "articles.csv", "changes.jsonl", "changes.parquet", "then.jsonl"}
    assert names <= {path.name for path in data.iterdir()}
    assert "Corrected." in (data / "then.jsonl").read_text("utf-8")


@pytest.mark.servers
def test_the_snippet_for_spark_runs(data: Path) -> None:
    if find_spec(_SPARK) is None and not os.environ.get("CI"):
        pytest.skip("PySpark is not installed: uv sync --group spark")
    out = _run([sys.executable, "-c", snippet("python", _SPARK)]).stdout
    assert "|  a-paper|    2|" in out


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done
