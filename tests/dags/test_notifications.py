"""Notifications: what went red is told in one sentence to webhook, Slack and mail server; a dead one costs nothing."""

import json
import socketserver
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dags.conftest import InAirflow
from tests.dags.receiver import Receiver, receiving, serving

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


@pytest.fixture
def webhook() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


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
    in_airflow: InAirflow, tmp_path: Path, webhook: Receiver, mail_server: tuple[int, list[str]]
) -> None:
    (tmp_path / "sources.toml").write_text('[[source]]\nid = "a-paper"\nname = "A Paper"\n')
    mail_port, mails = mail_server
    states, warnings = in_airflow(
        RUN,
        WORLDWIRE_ARCHIVE=str(tmp_path / "archive"),
        WORLDWIRE_SOURCES=str(tmp_path / "sources.toml"),
        WORLDWIRE_NOTIFY="dead_hook, dead_slack, nobody, hook, slack, mail",
        AIRFLOW_CONN_DEAD_HOOK=connection(conn_type="http", host="http://127.0.0.1:9/s3cret"),
        AIRFLOW_CONN_DEAD_SLACK=connection(conn_type="slackwebhook", host="http://127.0.0.1:9", password="s3cret"),
        AIRFLOW_CONN_HOOK=connection(
            conn_type="http", host="127.0.0.1", port=webhook.port, password="s3cret", extra={"endpoint": "/alerts"}
        ),
        AIRFLOW_CONN_SLACK=connection(
            conn_type="slackwebhook", host=f"{webhook.url}/services", password="T0/B0/s3cret"
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
    by_hook, by_slack = webhook.posts
    assert (by_hook.path, by_hook.authorization) == ("/alerts", "Bearer s3cret")
    post = json.loads(by_hook.body)
    assert (post["dag_id"], post["task_id"]) == ("crawl_daily", "list_sources")
    assert post["text"].startswith("crawl_daily.list_sources: ")
    assert post["text"].endswith("source 'a-paper': the key 'homepage' is missing.")
    assert by_slack.path == "/services/T0/B0/s3cret"
    assert json.loads(by_slack.body)["text"] == post["text"]
    assert [warning.split()[0] for warning in warnings] == ["dead_hook", "dead_slack", "nobody"]
    assert "s3cret" not in "".join(warnings)
    (mail,) = mails
    assert "To: desk@paper.example" in mail
    assert "Subject: worldwire: crawl_daily.list_sources" in mail


def test_a_round_that_is_late_is_told(in_airflow: InAirflow, webhook: Receiver) -> None:
    done = in_airflow(
        DEADLINE,
        WORLDWIRE_NOTIFY="hook",
        AIRFLOW_CONN_HOOK=connection(conn_type="http", host=webhook.url),
    )
    assert done == [True, None]
    post = json.loads(webhook.posts[0].body)
    assert post["text"].startswith("publish_articles: it is not done two hours after it was woken")
    assert post["run_id"] == "manual-1"
