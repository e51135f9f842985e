"""What is deployed: the compose file, the chart's values and the image are of one mind, and no secret has a default."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.memory import FRUGAL_ALLOCATORS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def values() -> Any:
    return yaml.safe_load((DEPLOY / "helm-values.yaml").read_text())


def test_compose_has_every_part_and_two_workers(compose: Any) -> None:
    assert set(compose["services"]) == {
        "postgres", "redis", "set-up", "api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2",
    }  # fmt: skip
    commands = {name: service.get("command", "") for name, service in compose["services"].items()}
    for part in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert commands[part] == f"airflow {part}"
    assert commands["worker-1"] == commands["worker-2"]
    assert commands["worker-1"].startswith("airflow celery worker")


def test_every_service_has_what_it_names(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert service.get("image"), name
        for other, wanted in service.get("depends_on", {}).items():
            assert other in compose["services"], name
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in compose["services"][other], other
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"], name


def test_no_secret_has_a_default_and_all_are_in_the_example(compose: Any) -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "env.example").read_text().splitlines()
        if "=" in line and line[0] != "#"
    )
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "FERNET_KEY", "JWT_SECRET", "SECRET_KEY"} <= required
    assert required <= set(example)
    for name in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*):-[^}]", text):
        pytest.fail(f"{name} has a default")
    assert {name: value for name, value in example.items() if re.search("PASSWORD|SECRET|KEY", name) and value} == {}


def test_addresses_of_the_database_name_the_drivers_that_the_extra_brings(compose: Any) -> None:
    environment = compose["services"]["scheduler"]["environment"]
    extra = (ROOT / "pyproject.toml").read_text().partition("celery = [")[2].partition("]\n")[0]
    for name, driver, package in (
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql+psycopg2://", "psycopg2-binary"),
        ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", "postgresql+asyncpg://", "asyncpg"),
        ("AIRFLOW__CELERY__RESULT_BACKEND", "db+postgresql+psycopg2://", "psycopg2-binary"),
    ):
        assert environment[name].startswith(driver)
        assert f'"{package}' in extra


def test_the_ui_listens_on_loopback_unless_told_otherwise(compose: Any) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"api-server": ["${LISTEN:-127.0.0.1:8080}:8080"]}


def test_the_chart_takes_secrets_from_secrets_alone(values: Any) -> None:
    assert values["executor"] in ("CeleryExecutor", "KubernetesExecutor")
    assert not [one["name"] for one in values["env"] if re.search("PASSWORD|SECRET|KEY|TOKEN", one["name"])]
    named = [values[name] for name in ("fernetKeySecretName", "jwtSecretName", "apiSecretKeySecretName")]
    named += values["data"].values()
    named += [one["secretRef"]["name"] for one in yaml.safe_load(values["extraEnvFrom"])]
    readme = (DEPLOY / "README.md").read_text()
    assert [name for name in named if f"secret generic {name} " not in readme] == []


def test_compose_and_chart_set_the_same_variables_of_ours(compose: Any, values: Any) -> None:
    here = {name for name in compose["services"]["worker-1"]["environment"] if name.startswith("WORLDWIRE")}
    assert {one["name"] for one in values["env"] if one["name"].startswith("WORLDWIRE")} == here
    known = json.dumps((ROOT / "docs" / "operator.md").read_text() + (ROOT / "docs" / "running.md").read_text())
    assert [name for name in here if name not in known] == []


def test_the_image_is_built_from_the_lock_file_gives_memory_back_and_runs_as_no_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text()
    assert "uv sync --frozen --no-dev --extra celery" in lines
    assert re.findall(r"^USER (\S+)", lines, re.MULTILINE) == ["50000"]
    pinned = (ROOT / "Makefile").read_text().partition("UV_VERSION := ")[2].partition("\n")[0]
    assert f"uv:{pinned} " in lines
    assert all(f" {name}={value}" in lines for name, value in FRUGAL_ALLOCATORS.items())
