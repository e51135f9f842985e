"""Notifications: what went red is told in one sentence to webhook, Slack and mail server; a dead one costs nothing."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import InAirflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = """
import logging
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
warnings = []
class Keep(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())
logging.getLogger("worldwire.notify").addHandler(Keep())
initdb()
done = DagBag().dags["crawl_daily"].test()
answer = [{task.task_id: str(task.state) for task in done.get_task_instances()}, warnings]
"""
DEADLINE = """
from airflow.sdk.execution_time.callback_supervisor import execute_callback
import structlog
from airflow.dag_processing.dagbag import DagBag
[late] = DagBag().dags["publish_articles"].deadline
told = {"dag_run": {"dag_id": "publish_articles", "dag_run_id": "manual-1"}, "deadline": {"id": "1"}}
arguments = {**late.callback.kwargs, "context": told}
answer = execute_callback(late.callback.path, arguments, "", None, structlog.get_logger())
"""


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def webhook() -> Iterator[tuple[int, list[tuple[str, str | None, Any]]]]:
    """The port of a receiver of webhooks, and what it got: path, authorization, JSON."""
    got: list[tuple[str, str | None, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Receiver)) as port:
        yield port, got


@pytest.fixture
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """The port of a mail server, and the messages that it took."""
    got: list[str] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 test\r\n")
            while line := self.rfile.readline().decode().strip():
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    got.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                self.wfile.write(b"221 bye\r\n" if line.upper() == "QUIT" else b"250 ok\r\n")
                if line.upper() == "QUIT":
                    return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with serving(Server(("127.0.0.1", 0), Session)) as port:
        yield port, got


def connection(**fields: object) -> str:
    return json.dumps(fields)


def test_a_task_that_goes_red_is_told_to_every_connection(
    in_airflow: InAirflow, tmp_path: Path, webhook: tuple[int, list[Any]], mail_server: tuple[int, list[str]]
) -> None:
    (tmp_path / "sources.toml").write_text('[[source]]\nid = "a-paper"\nname = "A Paper"\n')
    (port, posts), (mail_port, mails) = webhook, mail_server
    states, warnings = in_airflow(
        RUN,
        WORLDWIRE_ARCHIVE=str(tmp_path / "archive"),
        WORLDWIRE_SOURCES=str(tmp_path / "sources.toml"),
        WORLDWIRE_NOTIFY="dead_hook, dead_slack, nobody, hook, slack, mail",
        AIRFLOW_CONN_DEAD_HOOK=connection(conn_type="http", host="http://127.0.0.1:9/s3cret"),
        AIRFLOW_CONN_DEAD_SLACK=connection(conn_type="slackwebhook", host="http://127.0.0.1:9", password="s3cret"),
        AIRFLOW_CONN_HOOK=connection(
            conn_type="http", host="127.0.0.1", port=port, password="s3cret", extra={"endpoint": "/alerts"}
        ),
        AIRFLOW_CONN_SLACK=connection(
            conn_type="slackwebhook", host=f"http://127.0.0.1:{port}/services", password="T0/B0/s3cret"
        ),
        AIRFLOW_CONN_MAIL=connection(
            conn_type="smtp",
            host="127.0.0.1",
            port=mail_port,
            extra={
                "disable_ssl": True, "disable_tls": True, "from_email": "airflow@paper.example",
                "to_email": "desk@paper.example", "retry_limit": 1,
            },
        ),
    )  # fmt: skip
    assert states["list_sources"] == "failed"
    (path, token, post), (slack_path, _, slack_post) = posts
    assert (path, token) == ("/alerts", "Bearer s3cret")
    assert (post["dag_id"], post["task_id"]) == ("crawl_daily", "list_sources")
    assert post["text"].startswith("crawl_daily.list_sources: ")
    assert post["text"].endswith("source 'a-paper': the key 'homepage' is missing.")
    assert (slack_path, slack_post["text"]) == ("/services/T0/B0/s3cret", post["text"])
    assert [warning.split()[0] for warning in warnings] == ["dead_hook", "dead_slack", "nobody"]
    assert "s3cret" not in "".join(warnings)
    (mail,) = mails
    assert "To: desk@paper.example" in mail
    assert "Subject: worldwire: crawl_daily.list_sources" in mail


def test_a_round_that_is_late_is_told(in_airflow: InAirflow, webhook: tuple[int, list[Any]]) -> None:
    port, posts = webhook
    done = in_airflow(
        DEADLINE,
        WORLDWIRE_NOTIFY="hook",
        AIRFLOW_CONN_HOOK=connection(conn_type="http", host=f"http://127.0.0.1:{port}"),
    )
    assert done == [True, None]
    ((_, _, post),) = posts
    assert post["text"].startswith("publish_articles: it is not done two hours after it was woken")
    assert post["run_id"] == "manual-1"
