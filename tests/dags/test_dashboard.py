"""The newsroom's pages: nobody sees them without a login, and nothing that a site wrote does anything in them."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dags.dashboard.words import commands, page
from pipelines.archive import Archive, TableRows
from pipelines.newsroom import DroppedPage, DroppedPages
from pipelines.store import open_store
from tests.dags.conftest import InAirflow
from tests.dags.newsroom_rows import HOSTILE, NOW, article, capture

# All is asked in one process, since what takes its time is to import Airflow: every route without a login, then by
# somebody who may see every DAG but ours; then, as somebody who may (the dependency is replaced), PATHS,
# METHODS, and a page while no archive is named.
ASK = """
import os, re
from fastapi.testclient import TestClient
from airflow.api_fastapi.core_api.security import get_user
from dags.dashboard import access
from dags.dashboard.app import make_app, router
app = make_app()
client = TestClient(app, follow_redirects=False, root_path="/newsroom")
def asked(method, path):
    while "data-reload" in (found := client.request(method, path)).text:
        pass
    return {"status": found.status_code, "headers": dict(found.headers), "text": found.text}
routes = [re.sub(r"{offset}", "7", re.sub(r"{(\\w+)(:path)?}", r"\\1", route.path)) for route in router.routes]
answer = {"without login": {path: asked("GET", path) for path in routes}}
class Denying:
    def is_authorized_dag(self, **asked):
        return asked["details"].id != "publish_articles"
app.dependency_overrides[get_user] = lambda: None
access.get_auth_manager = Denying
answer["without permission"] = {path: asked("GET", path) for path in routes}
app.dependency_overrides[access.require_viewer] = lambda: None
answer["pages"] = {path: asked("GET", path) for path in PATHS}
answer["methods"] = {method: asked(method, "/sources/a-paper") for method in METHODS}
del os.environ["WORLDWIRE_ARCHIVE"]
answer["no archive"] = asked("GET", "/articles/article-1")
"""
METHODS = ("POST", "PUT", "PATCH", "DELETE")
PATHS = (
    "/?state=ill",
    "/",
    "/sources/a-paper",
    "/sources/a-paper/dropped",
    "/sources/a-paper/template",
    "/sources/nobody",
    "/sources/nobody/dropped",
    "/articles/article-1",
    "/articles/article-1/raw",
    "/articles/article-2/raw",
    "/stories/story-1",
    "/stories/story-1/copies/appearance-b-paper",
    "/stories/story-9",
    "/pages/0/captures%2Fdate=2026-11-20%2Fsource=a-paper%2Fgone.warc.gz",
    "/pages/0/journal/1.json",
    "/pages/0/captures/date=2026-11-20/source=..%2F..%2F..%2Fsource=a/x.warc.gz",
    "/pages/-1/captures/date=2026-11-20/source=a-paper/gone.warc.gz",
    "/raw/0/journal/1.json",
    "/archive",
    "/static/newsroom.css",
    "/static/app.py",
    "/static/..%2fapp.py",
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources, a story with a copy, one captured page, and a title and addresses that would like to run."""
    folder = tmp_path_factory.mktemp("newsroom") / "archive"
    folder.mkdir()
    opened = Archive(open_store(str(folder)))
    last = opened.open_for_publishing()
    captured = capture(
        folder, b"<html><head><LINK rel=preconnect href=//else.where></head><script>1</script><iFrame>H\xe9</html>"
    )
    rows = {
        "runs": TableRows(added=[run("a-paper", NOW - timedelta(hours=hours)) for hours in range(1, 9)]),
        "articles": TableRows(
            added=[
                article("article-1", title=HOSTILE, url="javascript:alert(2)"),
                article("article-2", title="Captured", **captured),
            ]
        ),
        "appearances": TableRows(added=[appearance("original", "a-paper"), appearance("verbatim", "b-paper")]),
    }
    opened.commit(rows, after=last, captures=[], kind="publish", now=NOW)
    return folder


@pytest.fixture(scope="module")
def page_address(archive: Path) -> str:
    """The rest of the address of the captured page."""
    (row,) = Archive(open_store(str(archive))).rows_by("articles", "article_id", {"article-2"})
    return f"{row['capture_offset']}/{row['capture_key']}"


@pytest.fixture(scope="module")
def answers(in_airflow: InAirflow, archive: Path, page_address: str) -> Any:
    pages = tuple(f"/{name}/{page_address}" for name in ("pages", "blocks", "raw"))
    script = f"PATHS = {(*PATHS, *pages)!r}\nMETHODS = {METHODS!r}\n" + ASK
    return in_airflow(script, WORLDWIRE_ARCHIVE=str(archive))


@pytest.fixture(scope="module")
def pages(answers: Any) -> dict[str, Any]:
    return dict(answers["pages"])


def run(source: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "source_id": source,
        "run_id": f"{source}-{at:%d%H}",
        "started_at": at,
        "ended_at": at + timedelta(seconds=30),
        "started_date": at.date(),
        "outcome": "ok",
        "reason": HOSTILE,
        "reported": True,
        "asked": 10,
        "captured": 4,
        "unchanged": 6,
        "pages": 4,
        "extracted": 3,
        "new_appearances": 3,
        "dropped": {"text_too_short": 1},
        "clutter_removed": {"related": 6},
        "refused": {},
        "failed": {},
        **more,
    }


def appearance(kind: str, source: str) -> dict[str, Any]:
    return {
        "appearance_id": f"appearance-{source}",
        "story_id": "story-1",
        "article_id": "article-1",
        "source_id": source,
        "capture_key": f"captures/date=2026-11-20/source={source}/gone.warc.gz",
        "capture_offset": 0,
        "payload_sha256": "00",
        "url": "javascript:alert(3)",
        "title": HOSTILE,
        "kind": kind,
        "similarity": 1.0,
        "first_seen_at": NOW,
        "first_seen_date": NOW.date(),
    }


def test_no_page_answers_without_a_login(answers: Any) -> None:
    assert len(answers["without login"]) >= 14
    assert {answer["status"] for answer in answers["without login"].values()} == {401}


def test_no_page_answers_without_the_permission(answers: Any) -> None:
    denied = answers["without permission"]

    assert len(denied) == len(answers["without login"])
    assert {answer["status"] for answer in denied.values()} == {403}
    assert "a-paper" not in "".join(answer["text"] for answer in denied.values())


def test_there_is_nothing_to_change(answers: Any) -> None:
    assert {answer["status"] for answer in answers["methods"].values()} == {405}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?state=ill",
        "/sources/a-paper",
        "/sources/a-paper/dropped",
        "/sources/a-paper/template",
        "/articles/article-1",
        "/stories/story-1",
        "/archive",
    ],
)
def test_a_page_is_there_and_what_sites_wrote_is_only_text(pages: dict[str, Any], path: str) -> None:
    page = pages[path]

    assert page["status"] == 200
    assert "<script>document" not in page["text"]
    assert "<img" not in page["text"]
    assert 'href="javascript:' not in page["text"]
    assert page["text"].count('<script src="static/') == page["text"].count("<script") == 2
    assert "style=" not in page["text"]


@pytest.mark.parametrize("path", ["/", "/sources/nobody", "/archive", "/static/newsroom.css"])
def test_nothing_comes_from_elsewhere_and_nobody_else_shows_it(pages: dict[str, Any], path: str) -> None:
    headers = pages[path]["headers"]

    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"].startswith("private")


def test_a_source_says_how_it_is_and_why(pages: dict[str, Any]) -> None:
    assert "new today; too new for a usual" in pages["/"]["text"]
    assert '<a href="sources/a-paper">a-paper</a>' in pages["/"]["text"]
    assert "text too short" in pages["/sources/a-paper"]["text"]


def test_a_story_tells_where_it_ran(pages: dict[str, Any]) -> None:
    text = pages["/stories/story-1"]["text"]

    assert "2 appearances in 2 sources" in text
    assert "100% alike" in text


@pytest.mark.parametrize("path", [path for path in PATHS if re.search(r"nobody|story-9|app\.py|/0/|/-1/", path)])
def test_what_is_not_there_is_said_so(pages: dict[str, Any], path: str) -> None:
    assert pages[path]["status"] == 404
    assert "from fastapi" not in pages[path]["text"]
    assert "worldwire-journal" not in pages[path]["text"]


@pytest.mark.parametrize("way", ["article", "page"])
def test_a_captured_page_is_shown_in_a_cage(pages: dict[str, Any], page_address: str, way: str) -> None:
    page = pages["/articles/article-2/raw" if way == "article" else f"/raw/{page_address}"]

    assert page["status"] == 200
    assert (
        page["text"]
        == "<html><head><LyNK rel=preconnect href=//else.where></head><script>1</script><iFraye>H\u00e9</html>"
    )
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    assert page["headers"]["content-security-policy"] == policy
    assert page["headers"]["content-type"] == "text/html; charset=iso-8859-1"
    assert {"set-cookie", "refresh"}.isdisjoint(page["headers"])


def test_a_page_says_what_became_of_it(pages: dict[str, Any], page_address: str) -> None:
    assert "https://a-paper.example/1" in pages[f"/pages/{page_address}"]["text"]
    assert "No row was made from it." in pages[f"/pages/{page_address}"]["text"]
    assert "No article: no text" in pages[f"/blocks/{page_address}"]["text"]


@pytest.mark.parametrize(("page_id", "is_said"), [("p1", True), (None, False)])
def test_a_command_that_publishes_what_is_held_back_can_be_copied_as_it_stands(
    page_id: str | None, is_said: bool
) -> None:
    held = DroppedPage(
        url="https://a.example/1",
        at=NOW,
        reason="no_text",
        detail="",
        capture_key="x",
        capture_offset=0,
        page_id=page_id,
    )
    dropped = DroppedPages(pages=(held,), counted=1, is_all=True)
    text = page("dropped.html", root="", uri="/my archive", source_id="a-paper", dropped=dropped)
    command = "worldwire quarantine replay --archive &#39;/my archive&#39; --source a-paper"
    assert (command in text) is is_said


def test_a_command_in_an_advice_is_shown_as_one_and_a_sites_words_are_not() -> None:
    assert commands("Try `worldwire <x>`.") == "Try <code>worldwire &lt;x&gt;</code>."


def test_a_page_whose_capture_is_gone_says_why(pages: dict[str, Any]) -> None:
    assert pages["/articles/article-1/raw"]["status"] == 404
    assert "captures/gone.warc.gz" in pages["/articles/article-1/raw"]["text"]


def test_an_archive_that_cannot_be_read_is_one_sentence(answers: Any) -> None:
    assert answers["no archive"]["status"] == 503
    assert "No archive is named" in answers["no archive"]["text"]
    assert "Traceback" not in answers["no archive"]["text"]
