"""Airflow warns a lot when it is imported, and warnings are errors here: it is met in processes of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

InAirflow = Callable[..., Any]

DAGS = Path(__file__).parents[2] / "dags"


def airflow_environment(home: Path, **more: str) -> dict[str, str]:
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WORLDWIRE", "AWS_"))
    }
    return inherited | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        **more,
    }


@pytest.fixture(scope="session")
def in_airflow(tmp_path_factory: pytest.TempPathFactory) -> InAirflow:
    """Runs a script with Airflow at hand and gives what it assigned to `answer`; its log is shown if it fails."""
    home = tmp_path_factory.mktemp("airflow")

    def run(script: str, **environment: str) -> Any:
        answer = home / "answer.json"
        ending = f"\nimport json, pathlib\npathlib.Path({str(answer)!r}).write_text(json.dumps(answer))\n"
        done = subprocess.run(
            [sys.executable, "-c", script + ending],
            env=airflow_environment(home, **environment),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
        return json.loads(answer.read_text())

    return run
