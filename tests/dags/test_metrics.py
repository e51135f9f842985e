"""What monitoring gets: Airflow's metrics over UDP, and log lines that name source, run and URL in fields."""

import socket
from importlib.util import find_spec
from pathlib import Path

import pytest

from crawlers.demo import DemoWorld
from tests.dags.conftest import InAirflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = """
from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
initdb()
done = DagBag().dags["crawl_daily"].test(run_conf={"source": "meridian-wire"})
answer = str(done.state)
"""
RELAY = """
import logging
import structlog
import dags.crawl_sources as crawl_sources
answer = []
class Keep(logging.Handler):
    def emit(self, record):
        answer.append([record.levelname, record.getMessage(), structlog.contextvars.get_contextvars()])
logging.getLogger("worldwire.crawl").addHandler(Keep())
logging.getLogger("worldwire.crawl").setLevel(logging.DEBUG)
with structlog.contextvars.bound_contextvars(source="a-paper", run="manual-1"):
    crawl_sources.relay("2026-11-25 10:00:00,1 WARNING crawlers.spiders: https://paper.example/a: timeout")
    crawl_sources.relay("not a line of a log")
"""


@pytest.mark.skipif(find_spec("statsd") is None, reason="the extra celery, which brings statsd, is not installed")
def test_metrics_go_to_a_statsd_server(in_airflow: InAirflow, tmp_path: Path) -> None:
    with DemoWorld(sites=1) as world, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        (tmp_path / "sources.toml").write_text(world.catalogue)
        state = in_airflow(
            RUN,
            WORLDWIRE_ARCHIVE=str(tmp_path / "archive"),
            WORLDWIRE_SOURCES=str(tmp_path / "sources.toml"),
            WORLDWIRE_SPOOL=str(tmp_path / "spool"),
            WORLDWIRE_ALLOW_PRIVATE=world.allow_private,
            AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_PORT=str(receiver.getsockname()[1]),
        )
        receiver.settimeout(0.5)
        names = set()
        try:
            while True:
                names.add(receiver.recv(65_535).decode().partition(":")[0])
        except TimeoutError:
            pass
    assert state == "success"
    assert "airflow.ti.finish.crawl_daily.crawl_source.success" in names


def test_a_line_of_a_crawl_names_source_run_and_url_in_fields(in_airflow: InAirflow) -> None:
    (warning, other) = in_airflow(RELAY)
    text = "crawlers.spiders: https://paper.example/a: timeout"
    assert warning == [
        "WARNING", text, {"source": "a-paper", "run": "manual-1", "url": "https://paper.example/a"},
    ]  # fmt: skip
    assert other == ["INFO", "not a line of a log", {"source": "a-paper", "run": "manual-1"}]
