"""`make run` with a real Airflow: articles come, the UI tells by whom, and nothing is left behind."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawlers.demo import DemoWorld
from dags.standalone.__main__ import count_articles
from pipelines.archive import Archive, TableRows
from pipelines.errors import ObjectChangedError
from pipelines.store import open_store
from tests.dags.browser import CHROMIUM, open_browser, serious_faults
from tests.dags.newsroom_rows import HOSTILE, NOW, article, capture
from tests.dags.receiver import Receiver, receiving
from tests.dags.standalone import Standalone, free_port, signed_in, started, status_of, with_users

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1200)]

# Whatever makes a browser ask for something, and a page that would like to be another.
HOSTILE_PAGE = b"""<html><head><title>Here</title>
<link rel="preconnect" href="ELSEWHERE"><LINK rel="stylesheet" href="ELSEWHERE/a.css">
<link rel="dns-prefetch" href="ELSEWHERE">
<link rel="prefetch" href="ELSEWHERE/b"><meta http-equiv="refresh" content="0;url=ELSEWHERE/c"><base href="ELSEWHERE/">
<style>@import url(ELSEWHERE/d.css); body { background: url(ELSEWHERE/e.png) }</style>
<script src="ELSEWHERE/f.js"></script><script>top.location = "ELSEWHERE/g"; fetch("ELSEWHERE/h")</script></head>
<body onload="location = 'ELSEWHERE/i'"><p>The page is here</p><img src="ELSEWHERE/j.png">
<iframe src="ELSEWHERE/k"></iframe>
<video autoplay src="ELSEWHERE/l"></video><object data="ELSEWHERE/m"></object><embed src="ELSEWHERE/n">
<form action="ELSEWHERE/o"><input autofocus onfocus="this.form.submit()"></form></body></html>"""

PATIENCE = 400  # seconds; a tenth of it where nothing else runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("standalone")


@pytest.fixture(scope="module")
def monitor() -> Iterator[Receiver]:
    """What a platform team has beside Airflow: a receiver of metrics and of alerts."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def demo(folder: Path, monitor: Receiver) -> Iterator[Standalone]:
    """The demo world as `make run` starts it, with its first articles in the archive; the tests follow one another."""
    monitored = {
        "WORLDWIRE_NOTIFY": "desk",
        "AIRFLOW_CONN_DESK": json.dumps({"conn_type": "http", "host": f"{monitor.url}/desk"}),
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "OTEL_EXPORTER_OTLP_ENDPOINT": monitor.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    }
    with started(folder, "--sources", "demo", "--demo-port", str(free_port()), **monitored) as standalone:
        standalone.wait_until(lambda: count_articles(str(standalone.archive)) > 0, PATIENCE)
        yield standalone


@pytest.fixture
def silent_site() -> Iterator[str]:
    """A site that takes connections and never says a word."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.2.250", 0)) as server:

        def hold() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=hold, daemon=True).start()
        yield f"http://127.0.2.250:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)
    for connection in held:
        connection.close()


def test_the_terminal_says_where_all_is(demo: Standalone) -> None:
    demo.wait_until(lambda: "articles in the archive" in demo.said(), 20)

    said = demo.said()
    assert f"http://127.0.0.1:{demo.port}   login admin, password " in said
    assert f"worldwire export --archive {demo.archive} --format jsonl" in said


def test_the_ui_has_one_task_a_source_with_the_crawls_log(demo: Standalone) -> None:
    demo.wait_until(lambda: len(demo.crawls()) == 7, PATIENCE)

    assert {"meridian-wire", "corvane-courier"} <= set(demo.crawls())
    demo.wait_until(lambda: "meridian-wire: ok" in demo.log_of(demo.crawls()["meridian-wire"]), PATIENCE)


def test_everything_listens_on_loopback_only(demo: Standalone) -> None:
    listening = {address for process in demo.processes() for address in _listened(process)}

    assert listening
    assert all(address.startswith("127.") for address in listening)


def _listened(process: psutil.Process) -> list[str]:
    try:
        found = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:  # a task's, which has ended meanwhile
        return []
    return [one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN]


def test_metrics_go_to_a_receiver_of_opentelemetry(demo: Standalone, monitor: Receiver) -> None:
    # Of a task, of the scheduler and of the DAG processor, which are processes of their own.
    names = {
        "airflow.ti.finish",
        "airflow.scheduler.scheduler_loop_duration",
        "airflow.dag_processing.total_parse_time",
    }

    demo.wait_until(lambda: names <= set(monitor.metrics()), PATIENCE)
    assert "crawl_15min" in monitor.metrics()["airflow.ti.finish"]


def test_a_round_that_is_late_is_told_by_the_scheduler(demo: Standalone, monitor: Receiver) -> None:
    # A run that does not begin is late in the end; nobody waits eight hours here, so its deadline is moved.
    demo.api("/dags/crawl_daily", {"is_paused": True}, "PATCH")
    run_id = demo.api("/dags/crawl_daily/dagRuns", {"logical_date": None}, "POST")["dag_run_id"]
    assert timedelta(hours=7, minutes=55) < demo.make_late(run_id) <= timedelta(hours=8)

    def told() -> list[Any]:
        return [json.loads(post.body) for post in monitor.posts if post.path == "/desk"]

    demo.wait_until(lambda: bool(told()), PATIENCE)
    (alert,) = told()  # the first round of crawl_daily, whose logical date may be many hours ago, was not late
    assert (alert["dag_id"], alert["run_id"]) == ("crawl_daily", run_id)
    assert alert["text"].startswith("crawl_daily: its round is not done 480 minutes after it was due.")
    demo.wait_until(lambda: "airflow.deadline_alerts.deadline_missed" in monitor.metrics(), PATIENCE)


def test_the_newsroom_is_for_those_who_may_see_the_dags(demo: Standalone) -> None:
    with with_users(demo.folder, "reader:viewer", "stranger:") as url:
        reader, stranger = (signed_in(url, demo.folder, user) for user in ("reader", "stranger"))
        for path in ("", "archive", "sources/meridian-wire", "static/newsroom.css"):
            statuses = [status_of(f"{url}/newsroom/{path}", token) for token in (reader, stranger, "", "forged")]
            assert statuses == [200, 403, 401, 403], path
        assert [status_of(f"{url}/api/v2/dags", token) for token in (reader, stranger, "")] == [200, 403, 401]


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: apt-get install chromium")
def test_the_newsroom_in_a_browser(demo: Standalone) -> None:
    with open_browser(demo.url, demo.password) as browser:
        page = browser.open_in_airflow("/plugin/newsroom")
        newsroom = page.frame_locator("iframe")

        # By keyboard and mouse through all pages; the link to the task leaves the frame.
        newsroom.get_by_role("link", name="meridian-wire", exact=True).click()
        newsroom.get_by_role("heading", name="90 days").wait_for()
        newsroom.locator('a[href^="articles/"]').first.press("Enter")
        captured = newsroom.frame_locator("iframe")
        captured.locator("body").wait_for()
        newsroom.get_by_role("link", name="Where its story ran").click()
        newsroom.locator(".timeline").wait_for()
        newsroom.get_by_role("link", name="Sources").click()
        newsroom.get_by_label("Show only").fill("meridian")
        assert newsroom.locator("#sources tbody tr:visible").count() == 1
        newsroom.get_by_role("link", name="the task that last crawled meridian-wire").click()
        page.wait_for_url("**/dags/crawl_15min/runs/**/tasks/crawl_source/mapped/**")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: apt-get install chromium")
def test_a_captured_page_does_nothing_in_the_newsroom(demo: Standalone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(3)
        page = HOSTILE_PAGE.replace(b"ELSEWHERE", f"http://127.0.0.1:{elsewhere.getsockname()[1]}".encode())
        add_article(demo.archive, article("hostile", title=HOSTILE, **capture(demo.archive, page)))
        with open_browser(demo.url, demo.password, obeys_policy=True) as browser:
            shown = browser.open("/newsroom/articles/hostile")
            shown.frame_locator("iframe").get_by_text("The page is here").wait_for()
            browser.open("/newsroom/articles/hostile/raw").get_by_text("The page is here").wait_for()

            with pytest.raises(TimeoutError):
                elsewhere.accept()
            assert shown.title().startswith("<script>document.title=")
            assert [opened.url for opened in shown.frames][1].endswith("/articles/hostile/raw")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed: apt-get install chromium")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_newsroom_is_for_everybody(demo: Standalone, width: int, scheme: Any) -> None:
    with open_browser(demo.url, demo.password, width=width, scheme=scheme) as browser:
        for path in browser.newsroom_paths():
            page = browser.open(f"/newsroom/{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert serious_faults(page) == [], path


def test_ctrl_c_ends_it_all(demo: Standalone) -> None:
    assert demo.interrupt() == 0
    assert demo.left() == []


def test_a_second_start_goes_on_and_a_source_that_fails_costs_only_itself(
    demo: Standalone, folder: Path, silent_site: str, tmp_path: Path
) -> None:
    assert demo.process.poll() is not None
    with DemoWorld(sites=2) as world:
        catalogue = tmp_path / "sources.toml"
        catalogue.write_text(world.catalogue + source("silent-site", silent_site) + source("dead-site", dead_address()))
        with started(folder, "--sources", str(catalogue), WORLDWIRE_ALLOW_PRIVATE="127.0.2.0/24") as standalone:
            standalone.wait_until(lambda: standalone.said().count("Ctrl-C") == 2, PATIENCE)

            # The dead source has its reason in the log, the silent one is waited for; the others are crawled as ever.
            standalone.wait_until(lambda: "dead-site was not crawled: " in failed_log(standalone), PATIENCE)
            standalone.wait_until(lambda: crawl_states(standalone).get("corvane-courier") == "success", PATIENCE)

            # Marked failed in the UI, the crawl ends with its task.
            standalone.wait_until(lambda: crawl_states(standalone).get("silent-site") == "running", PATIENCE)
            standalone.wait_until(lambda: bool(crawl_processes(standalone)), 60)
            task = standalone.crawls()["silent-site"]
            path = f"/dags/crawl_15min/dagRuns/{task['dag_run_id']}/taskInstances/crawl_source/{task['map_index']}"
            standalone.api(path, {"new_state": "failed"}, "PATCH")
            standalone.wait_until(lambda: not crawl_processes(standalone), 60)

            # And when the runner is killed outright, everything goes.
            standalone.process.kill()
            deadline = time.monotonic() + 30
            while standalone.left():
                assert time.monotonic() < deadline, standalone.left()
                time.sleep(0.5)


def add_article(archive: Path, row: dict[str, Any]) -> None:
    """Put into the archive as a publisher would, perhaps beside one."""
    opened = Archive(open_store(str(archive)))
    while True:
        last = opened.open_for_publishing()
        try:
            opened.commit({"articles": TableRows(added=[row])}, after=last, captures=[], kind="publish", now=NOW)
        except ObjectChangedError:
            continue
        return


def source(source_id: str, homepage: str) -> str:
    return f'\n[[source]]\nid = "{source_id}"\nname = "{source_id}"\nhomepage = "{homepage}"\ncadence = "15min"\n'


def dead_address() -> str:
    return f"http://127.0.2.249:{free_port()}/"


def crawl_states(standalone: Standalone) -> dict[str, str]:
    return {label: task["state"] for label, task in standalone.crawls().items()}


def failed_log(standalone: Standalone) -> str:
    """The log of a crawl that failed. Its label is no help: while it waits for its next try, Airflow has none."""
    failed = [task for task in standalone.crawls().values() if task["state"] in ("up_for_retry", "failed")]
    return standalone.log_of(failed[0]) if failed else ""


def crawl_processes(standalone: Standalone) -> list[psutil.Process]:
    return [process for process in standalone.processes() if "crawlers.launch" in " ".join(process.cmdline())]
