"""Airflow under one folder: its configuration, secrets, login and database, the same again at the next start.

airflow.cfg          written at each start; so `AIRFLOW_HOME=FOLDER airflow …` by hand meets the same Airflow
secrets.json         keys and the password, made once, readable by this user alone
passwords.json       the login, as Airflow's SimpleAuthManager keeps it
airflow.db           SQLite
migrated             the Airflow version that the database was last migrated for
logs/                of tasks, and one file for each part of Airflow
"""

import base64
import configparser
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

import dags
from pipelines.errors import ConfigurationError
from pipelines.memory import FRUGAL_ALLOCATORS

USER = "admin"
POOL = "worldwire_crawls"
CRAWLS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))  # they mostly wait, for the sake of politeness


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowHome:
    """The folder and where its UI listens."""

    folder: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def needs_migration(self) -> bool:
        mark = self.folder / "migrated"
        return not (self.folder / "airflow.db").exists() or not mark.exists() or mark.read_text() != _version()

    def mark_migrated(self) -> None:
        (self.folder / "migrated").write_text(_version())

    def bury_schedulers(self) -> None:
        """Says in the database what is sure while we hold the folder: the schedulers of earlier starts are dead.

        The next one then takes up at once what they left half done; Airflow itself would first wait for long.
        """
        with closing(sqlite3.connect(self.folder / "airflow.db", timeout=30)) as database, database:
            database.execute("UPDATE job SET state = 'failed' WHERE job_type = 'SchedulerJob' AND state = 'running'")


def prepare_home(folder: Path, port: int) -> AirflowHome:
    """Makes the folder and all that Airflow reads from it; what is there already is kept."""
    keys = _load_secrets(folder / "secrets.json")
    _write_private(folder / "passwords.json", json.dumps({USER: keys["password"]}))
    config = configparser.RawConfigParser()
    config.read_dict(_options(folder, port, keys))
    with _private(folder / "airflow.cfg") as file:
        config.write(file)
    return AirflowHome(folder=folder, port=port, password=keys["password"])


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Holds the folder for this process. Raises ConfigurationError if another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            lock.seek(0)
            raise ConfigurationError(
                f"worldwire already runs in {folder} (process {lock.read().strip() or 'unknown'}); end it first."
            ) from cause
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def airflow_environment(home: AirflowHome, environ: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The environment of all that is started: what we set in airflow.cfg is not overruled by the user's shell."""
    set_here = {
        f"AIRFLOW__{section.upper()}__{option.upper()}"
        for section, options in _options(home.folder, home.port, dict.fromkeys(_KEYS, "")).items()
        for option in options
    }
    kept = {
        key: value for key, value in environ.items() if key.removesuffix("_CMD").removesuffix("_SECRET") not in set_here
    }
    local = [kept.get("NO_PROXY") or kept.get("no_proxy") or "", "127.0.0.1", "localhost"]
    no_proxy = ",".join(filter(None, local))
    set_by_us = {"AIRFLOW_HOME": str(home.folder), "NO_PROXY": no_proxy, "no_proxy": no_proxy}
    return FRUGAL_ALLOCATORS | kept | set_by_us | dict(ours)


_KEYS = ("password", "fernet_key", "jwt_secret", "secret_key")


def _options(folder: Path, port: int, keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What differs from Airflow's defaults. Everything listens on loopback; intervals are short, for one machine."""
    package = Path(dags.__file__).parent
    bundle = {
        "name": "worldwire",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(package)},
    }
    return {
        "core": {
            "dags_folder": str(package),
            "executor": "LocalExecutor",
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            "parallelism": str(CRAWLS_AT_ONCE + 2),  # besides crawls: publish, list_sources
            "max_map_length": "10000",
            "fernet_key": keys["fernet_key"],
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_all_admins": "False",
            "simple_auth_manager_passwords_file": str(folder / "passwords.json"),
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
        },
        "database": {
            # A writer waits for another for up to a minute; the default of 5 s ends in errors at the busy start.
            "sql_alchemy_conn": f"sqlite:///{folder / 'airflow.db'}?timeout=60",
            "check_migrations": "False",  # the API server starts while we migrate
        },
        "logging": {"base_log_folder": str(folder / "logs"), "colored_console_log": "False"},
        "api": {
            "host": "127.0.0.1",
            "port": str(port),
            "base_url": f"http://127.0.0.1:{port}",
            "secret_key": keys["secret_key"],
            "instance_name": "worldwire",
        },
        "api_auth": {"jwt_secret": keys["jwt_secret"]},
        "dag_processor": {
            "dag_bundle_config_list": json.dumps([bundle]),
            "parsing_processes": "1",
            "refresh_interval": "60",
            "min_file_process_interval": "60",
        },
        "scheduler": {
            "enable_health_check": "False",  # it would listen on all interfaces
            "scheduler_health_check_threshold": "300",  # a busy or sleeping laptop is not a dead scheduler
        },
        "workers": {"execution_api_timeout": "30"},
        "usage_data_collection": {"enabled": "False"},
    }


def _load_secrets(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(known.get(key), str) for key in _KEYS):
            return known
    except (FileNotFoundError, ValueError):
        pass  # the first start, or one that was killed while it wrote
    made = {
        "password": secrets.token_urlsafe(9),
        "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "jwt_secret": secrets.token_urlsafe(64),
        "secret_key": secrets.token_urlsafe(32),
    }
    _write_private(path, json.dumps(made))
    return made


def _write_private(path: Path, text: str) -> None:
    with _private(path) as file:
        file.write(text)


def _private(path: Path) -> IO[str]:
    return open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def _version() -> str:
    return metadata.version("apache-airflow-core")
