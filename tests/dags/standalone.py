"""`make run` as a person starts it, in a folder of its own, asked over Airflow's API."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

MARK = "WORLDWIRE_TEST_RUNNER"


class Standalone:
    """The runner, and what it started."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.archive = folder / "archive"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WORLDWIRE"))}
        command = [
            "--folder",
            str(folder / "run"),
            "--archive",
            str(self.archive),
            "--port",
            str(self.port),
            *arguments,
        ]
        with (folder / "terminal.txt").open("ab") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dags.standalone", *command],
                env=inherited | {MARK: str(folder), "SPT_NOENV": "1"} | environment,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._token = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        return str(json.loads((self.folder / "run/airflow/passwords.json").read_text())["admin"])

    def said(self) -> str:
        return (self.folder / "terminal.txt").read_text()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.5)

    def api(self, path: str, body: Any = None, method: str = "GET") -> Any:
        if not self._token:
            self._token = _token(self.url, "admin", self.password)
        return _asked(f"{self.url}/api/v2{path}", body, method, self._token)

    def make_late(self, run_id: str) -> timedelta:
        """Moves a run's deadline into the past, in Airflow's database; gives how far ahead it was."""
        of_run = "WHERE dagrun_id = (SELECT id FROM dag_run WHERE run_id = ?)"
        with closing(sqlite3.connect(self.folder / "run/airflow/airflow.db", timeout=60)) as database, database:
            ((ahead,),) = database.execute(
                f"SELECT unixepoch(deadline_time) - unixepoch('now') FROM deadline {of_run}", [run_id]
            )
            database.execute(f"UPDATE deadline SET deadline_time = datetime('now', '-1 minute') {of_run}", [run_id])
        return timedelta(seconds=ahead)

    def crawls(self) -> dict[str, dict[str, Any]]:
        """The mapped tasks that have started, by their label in the UI; of each source the last one."""
        found = self.api("/dags/crawl_15min/dagRuns/~/taskInstances?task_id=crawl_source&limit=100")["task_instances"]
        started = sorted((task for task in found if task["start_date"]), key=lambda task: task["start_date"])
        return {task["rendered_map_index"]: task for task in started}

    def log_of(self, task: dict[str, Any]) -> str:
        run = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
        log = f"/taskInstances/{task['task_id']}/logs/{task['try_number']}?map_index={task['map_index']}"
        return json.dumps(self.api(run + log))

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def left(self) -> list[str]:
        return [" ".join(process.cmdline()) for process in self.processes()]

    def processes(self) -> list[psutil.Process]:
        return marked_processes(self.folder)


def marked_processes(folder: Path) -> list[psutil.Process]:
    """Every process that carries the folder as `MARK` in its environment, wherever it hangs in the tree."""
    return [process for process in psutil.process_iter() if _is_marked(process, folder)]


def _is_marked(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(folder) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> Iterator[Standalone]:
    standalone = Standalone(folder, *arguments, **environment)
    try:
        yield standalone
    finally:
        for process in standalone.processes():
            process.kill()
        standalone.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def with_users(folder: Path, *users: str) -> Iterator[str]:
    """Another API server of the same Airflow, for users as NAME:ROLE beside the administrator; gives its address."""
    port = free_port()
    settings = {
        "AIRFLOW_HOME": str(folder / "run/airflow"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(("admin:admin", *users)),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "others.json"),
        "WORLDWIRE_ARCHIVE": str(folder / "archive"),
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WORLDWIRE"))}
    command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "others.txt").open("wb") as log:
        server = subprocess.Popen(command, env=inherited | settings, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not _is_up(f"http://127.0.0.1:{port}/api/v2/version"):
            assert server.poll() is None, (folder / "others.txt").read_text()
            assert time.monotonic() < deadline, (folder / "others.txt").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            process.kill()
        server.wait()


def signed_in(url: str, folder: Path, user: str) -> str:
    """The token of one of `with_users`."""
    return _token(url, user, json.loads((folder / "others.json").read_text())[user])


def status_of(url: str, token: str) -> int:
    try:
        with urllib.request.urlopen(_request(url, None, "GET", token), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _is_up(url: str) -> bool:
    try:
        return status_of(url, "") == 200
    except OSError:
        return False


def _token(url: str, user: str, password: str) -> str:
    login = {"username": user, "password": password}
    return str(_asked(f"{url}/auth/token", login, "POST", "")["access_token"])


def _asked(url: str, body: Any, method: str, token: str) -> Any:
    with urllib.request.urlopen(_request(url, body, method, token), timeout=30) as answer:
        return json.loads(answer.read())


def _request(url: str, body: Any, method: str, token: str) -> urllib.request.Request:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return urllib.request.Request(
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}),
        method=method,
    )
