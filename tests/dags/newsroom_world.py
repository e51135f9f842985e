"""A small archive with all that the newsroom shows, and the newsroom's pages served alone, for whoever asks."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from tests.dags.conftest import airflow_environment
from tests.dags.newsroom_rows import HOSTILE
from tests.pipelines.small_press import Page, Press, page_of, tell

SIGN_UP = "Sign the petition of the harbour pilots today, it takes one minute of your time."
COPIED, HOSTILE_STORY = 5, 7
# The pages, under Airflow's own prefix, without Airflow's login: that is tested elsewhere.
_SERVE = """
import sys
import uvicorn
from fastapi import FastAPI
from dags.dashboard.access import require_viewer
from dags.dashboard.app import make_app
pages = make_app()
pages.dependency_overrides[require_viewer] = lambda: None
outer = FastAPI()
outer.mount("/newsroom", pages)
uvicorn.run(outer, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""


def fill(folder: Path) -> None:
    """Two sources: a story and its copy, a template, dropped pages, and a page that would like to run."""
    press = Press(store=FolderStore(folder / "archive"), spool=folder / "spool")
    now = datetime.now(UTC)
    earlier, later = now - timedelta(hours=2), now - timedelta(hours=1)
    press.capture("agency", [page_of(COPIED, "agency", published=earlier)], agency=True, started_at=earlier)
    told = tell(COPIED)
    cut = [*told[:3], told[3].replace("council", "parliament"), *told[4:6]]
    pages = [
        page_of(COPIED, paragraphs=cut, published=later),
        *(page_of(number, paragraphs=[*tell(number), SIGN_UP], published=later) for number in range(20, 28)),
        page_of(2, status=404),
        page_of(3, content_type="application/pdf"),
        page_of(4, paragraphs=["Too little."]),
        _hostile_page(),
    ]
    press.capture("daily", pages, started_at=later)
    publish_new_captures(ArchiveSettings(uri=str(folder / "archive"), spool=folder / "spool"), now=now)


def _hostile_page() -> Page:
    return page_of(
        HOSTILE_STORY,
        url=f'https://daily.example/world/story-{HOSTILE_STORY}-%22%3E%3Cscript%3E?q="><img/src=x/onerror=alert(1)>',
        title=escape(HOSTILE),
        paragraphs=[escape(HOSTILE), *tell(HOSTILE_STORY), "<script>alert(2)</script><img src=x onerror=alert(3)>"],
    )


@contextmanager
def serve(folder: Path, archive: Path) -> Iterator[str]:
    """The newsroom of that archive on loopback; gives its address. `folder` is for Airflow and the log."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with (folder / "server.txt").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SERVE, str(port)],
            env=airflow_environment(folder, WORLDWIRE_ARCHIVE=str(archive)),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/newsroom/static/newsroom.css", folder / "server.txt", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str, log: Path, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except urllib.error.URLError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
            continue
        return
