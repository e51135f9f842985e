"""Airflow as a platform team runs it, on loopback: PostgreSQL, Redis, CeleryExecutor, as many workers as wanted.

Needs Debian's packages postgresql and redis-server and the extra `celery`. PostgreSQL will not run as root; as root it
runs as the user postgres. Everything lies in one folder and ends with `stop`.
"""

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

DAGS = Path(__file__).parents[2] / "dags"
_MODULES = ("celery", "airflow.providers.celery", "psycopg2", "asyncpg", "redis")


def missing() -> str:
    """What is not installed, in words; empty if all is there."""
    programs = [] if _postgres_folder() else ["postgresql"]
    programs += [] if shutil.which("redis-server") else ["redis-server"]
    if programs:
        return f"not installed: apt-get install {' '.join(programs)}"
    modules = [name for name in _MODULES if _is_missing(name)]
    return f"the extra celery is not installed ({', '.join(modules)} missing)" if modules else ""


def _is_missing(name: str) -> bool:
    try:
        return find_spec(name) is None
    except ModuleNotFoundError:
        return True


def _postgres_folder() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """One Airflow; `start` brings up all but the workers. `environment` is what its parts and tasks see."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *, concurrency: int) -> None:
        self.folder = folder
        self.concurrency = concurrency
        self.postgres_port, self.redis_port, self.api_port = _free_port(), _free_port(), _free_port()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WORLDWIRE"))}
        self.environment = inherited | self._settings() | dict(environment)
        self._parts: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """PostgreSQL, Redis, the database's tables, API server, scheduler and DAG processor."""
        self.folder.chmod(0o755)
        self._start_postgres()
        self._spawn("redis", ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", ""])
        self._airflow_once("db", "migrate")
        self._spawn_airflow("api-server", "api-server", "--port", str(self.api_port), "--host", "127.0.0.1")
        self._spawn_airflow("scheduler", "scheduler")
        self._spawn_airflow("dag-processor", "dag-processor")

    def start_worker(self, name: str) -> None:
        self._spawn_airflow(
            name, "celery", "worker", "--celery-hostname", f"{name}@%h", "--concurrency", str(self.concurrency),
            "--skip-serve-logs", "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def kill_worker(self, name: str) -> int:
        """Kills a worker and all that it has started, as a machine that loses its power; gives how many processes."""
        process = self._parts.pop(name)
        victims = _tree(process.pid)
        for victim in victims:
            _kill(victim)
        process.wait()
        return len(victims)

    def stop(self) -> None:
        """Ends everything, workers first, the database last."""
        for name in [*(name for name in self._parts if name != "redis"), "redis"]:
            process = self._parts.pop(name, None)
            if process is not None:
                for pid in _tree(process.pid):
                    _kill(pid)
                process.wait()
        if (self.folder / "postgres" / "postmaster.pid").exists():
            self._postgres("pg_ctl", "-D", str(self.folder / "postgres"), "-m", "immediate", "stop")

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of Airflow's database."""
        import psycopg2

        connection = psycopg2.connect(host="127.0.0.1", port=self.postgres_port, user="postgres", dbname="postgres")
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def change(self, sql: str, *values: object) -> None:
        """Changes Airflow's database."""
        import psycopg2

        connection = psycopg2.connect(host="127.0.0.1", port=self.postgres_port, user="postgres", dbname="postgres")
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
        connection.close()

    def process(self, name: str) -> psutil.Process:
        """A part, as the system sees it."""
        return psutil.Process(self._parts[name].pid)

    def wait_for(self, sql: str, *values: object, seconds: float) -> list[tuple[Any, ...]]:
        """The rows, once there are any. Raises TimeoutError with the ends of the logs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = self.ask(sql, *values)
            if rows:
                return rows
            for name, process in self._parts.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended: {self.log(name)}")
            time.sleep(0.5)
        raise TimeoutError("\n".join(f"== {name}\n{self.log(name)}" for name in self._parts))

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

    def _settings(self) -> dict[str, str]:
        database = f"postgres@127.0.0.1:{self.postgres_port}/postgres"
        return {
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "64",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.api_port}/execution/",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{database}",
            "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
            # A worker that died is noticed within seconds, not minutes: the test is short.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            # What a dead worker had taken from the queue and not begun is given to others.
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _start_postgres(self) -> None:
        data = self.folder / "postgres"
        data.mkdir()
        if os.getuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        self._postgres("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {self.postgres_port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._postgres("pg_ctl", "-D", str(data), "-w", "-l", str(data / "log"), "-o", options, "start")

    def _postgres(self, program: str, *words: str) -> None:
        folder = _postgres_folder()
        assert folder is not None
        command = [str(folder / program), *words]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def _airflow_once(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words],
            env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])

    def _spawn_airflow(self, name: str, *words: str) -> None:
        self._spawn(name, [sys.executable, "-m", "airflow", *words])

    def _spawn(self, name: str, command: list[str]) -> None:
        (self.folder / "logs").mkdir(exist_ok=True)
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            self._parts[name] = subprocess.Popen(
                command, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tree(pid: int) -> list[int]:
    """A process and all that it has started, also what has a session of its own."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
