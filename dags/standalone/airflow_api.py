"""The few requests to Airflow's REST API that the runner needs, as its administrator."""

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from dags.standalone.airflow_home import USER, AirflowHome
from pipelines.errors import WorldwireError

_TIMEOUT_SECONDS = 30
_TRIES = 5
_PAUSE_SECONDS = 1.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy has no way to our loopback


class AirflowApiError(WorldwireError):
    """Airflow's API did not answer, or with an error, time and again."""


class AirflowApi:
    """Logs in at the first request and again when the token has run out; asks again where Airflow is too busy."""

    def __init__(self, home: AirflowHome) -> None:
        self._home = home
        self._token = ""

    def is_up(self) -> bool:
        """Asks the API of the tasks, which is built at the first request: the first task would wait seconds for it."""
        try:
            self._request("GET", "/execution/health")
        except (OSError, ValueError):
            return False
        return True

    def dag_ids(self) -> set[str]:
        """The DAGs that Airflow has read so far."""
        return {dag["dag_id"] for dag in self._call("GET", "/api/v2/dags?tags=worldwire&limit=100")["dags"]}

    def has_unfinished_run(self, dag_id: str) -> bool:
        path = f"/api/v2/dags/{dag_id}/dagRuns?state=running&state=queued&limit=1"
        return bool(self._call("GET", path)["total_entries"])

    def trigger(self, dag_id: str) -> None:
        now = datetime.now(UTC)
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": now.isoformat()})

    def make_pool(self, name: str, slots: int, description: str) -> None:
        """Makes the pool; one that is there already, perhaps changed by hand, stays as it is."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        try:
            self._call("POST", "/api/v2/pools", body)
        except urllib.error.HTTPError as answer:
            if answer.code != 409:
                raise

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        for _ in range(_TRIES):
            try:
                if not self._token:
                    self._login()
                return self._request(method, path, body)
            except urllib.error.HTTPError as answer:
                if answer.code == 401:
                    self._token = ""  # it has run out
                elif answer.code < 500:
                    raise
                reason = f"{method} {path}: {answer}"
            except OSError as error:
                reason = f"{method} {path}: {error}"
            time.sleep(_PAUSE_SECONDS)
        raise AirflowApiError(f"Airflow's API does not do what it is asked: {reason}.")

    def _login(self) -> None:
        self._token = ""
        answer = self._request("POST", "/auth/token", {"username": USER, "password": self._home.password})
        self._token = answer["access_token"]

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own http address
            self._home.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self._token}"} if self._token else {}),
        )
        with _DIRECT.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return json.loads(answer.read() or b"null")
