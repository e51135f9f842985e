"""The newsroom's pages: nobody sees them without a login, and nothing that a site wrote does anything in them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive import Archive, TableRows
from pipelines.capture import CaptureWriter, read_pages
from pipelines.model import RawPage, SourceFacts
from pipelines.store import open_store
from tests.dags.conftest import InAirflow

NOW = datetime.now(UTC)
HOSTILE = "<script>document.title='taken'</script>\"'><img src=x onerror=alert(1)>"

# Asks for each path, as somebody without a login or (the dependency is replaced) as somebody who may see the pages.
ASK = """
import json
from fastapi.testclient import TestClient
from dags.dashboard.access import require_viewer
from dags.dashboard.app import make_app, router
app = make_app()
if {logged_in}:
    app.dependency_overrides[require_viewer] = lambda: None
client = TestClient(app, follow_redirects=False, root_path="/newsroom")
answer = {{
    "routes": [route.path for route in router.routes],
    "answers": [
        {{"status": found.status_code, "headers": dict(found.headers), "text": found.text}}
        for method, path in {asked}
        for found in [client.request(method, path)]
    ],
}}
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources, a story with a copy, one captured page, and a title and addresses that would like to run."""
    folder = tmp_path_factory.mktemp("newsroom") / "archive"
    folder.mkdir()
    opened = Archive(open_store(str(folder)))
    last = opened.open_for_publishing()
    captured = capture(
        folder, b"<html><head><LINK rel=preconnect href=//else.where></head><script>1</script>H\xe9</html>"
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
def ask(in_airflow: InAirflow, archive: Path) -> Callable[..., Any]:
    def asked(*requests: tuple[str, str], logged_in: bool = True, uri: str = str(archive)) -> Any:
        script = ASK.format(logged_in=logged_in, asked=json.dumps(requests))
        return in_airflow(script, WORLDWIRE_ARCHIVE=uri)

    return asked


@pytest.fixture(scope="module")
def pages(ask: Callable[..., Any]) -> dict[str, Any]:
    """One answer for each path: starting Airflow's modules is what takes its time."""
    paths = [
        "/",
        "/sources/a-paper",
        "/sources/nobody",
        "/articles/article-1",
        "/articles/article-1/raw",
        "/articles/article-2/raw",
        "/stories/story-1",
        "/stories/story-9",
        "/archive",
        "/static/newsroom.css",
        "/static/app.py",
        "/static/..%2fapp.py",
    ]
    answers = ask(*[("GET", path) for path in paths])["answers"]
    return dict(zip(paths, answers, strict=True))


def capture(archive: Path, body: bytes) -> dict[str, Any]:
    """Where the page lies, as a row of `articles` has it."""
    store = open_store(str(archive))
    source = SourceFacts(id="a-paper", name="A Paper", homepage="https://a-paper.example/")
    stored: list[str] = []
    writer = CaptureWriter(
        store, archive.parent / "spool", source, "run-1", NOW, user_agent="test", on_stored=stored.append
    )
    page = RawPage(
        source=source,
        run_id="run-1",
        requested_url="https://a-paper.example/1",
        url="https://a-paper.example/1",
        status=200,
        headers=(("Content-Type", "text/html; charset=iso-8859-1"), ("Set-Cookie", "a=b"), ("Refresh", "0")),
        body=body,
        fetched_at=NOW,
    )
    writer.write(page)
    writer.close()
    (read,) = read_pages(store, stored[0])
    assert isinstance(read, RawPage)
    assert read.capture is not None
    ref = read.capture
    return {"capture_key": ref.key, "capture_offset": ref.offset, "payload_sha256": ref.payload_sha256}


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


def article(article_id: str, **more: Any) -> dict[str, Any]:
    return {
        "article_id": article_id,
        "story_id": "story-1",
        "source_id": "a-paper",
        "first_seen_at": NOW,
        "first_seen_date": NOW.date(),
        "text": f"First paragraph.\n{HOSTILE}",
        "word_count": 4,
        "removed": {HOSTILE: 2},
        "capture_key": "captures/gone.warc.gz",
        "capture_offset": 0,
        "payload_sha256": "00",
        **more,
    }


def appearance(kind: str, source: str) -> dict[str, Any]:
    return {
        "appearance_id": f"appearance-{source}",
        "story_id": "story-1",
        "article_id": "article-1",
        "source_id": source,
        "url": "javascript:alert(3)",
        "title": HOSTILE,
        "kind": kind,
        "similarity": 1.0,
        "first_seen_at": NOW,
        "first_seen_date": NOW.date(),
    }


def test_no_page_answers_without_a_login(ask: Callable[..., Any]) -> None:
    routes = ask(("GET", "/"))["routes"]
    paths = [path.replace("{", "").replace("}", "") for path in routes]

    answers = ask(*[("GET", path) for path in paths], logged_in=False)["answers"]

    assert len(answers) >= 8
    assert {answer["status"] for answer in answers} == {401}


def test_there_is_nothing_to_change(ask: Callable[..., Any]) -> None:
    methods = ("POST", "PUT", "PATCH", "DELETE")

    answers = ask(*[(method, "/sources/a-paper") for method in methods])["answers"]

    assert {answer["status"] for answer in answers} == {405}


@pytest.mark.parametrize("path", ["/", "/sources/a-paper", "/articles/article-1", "/stories/story-1", "/archive"])
def test_a_page_is_there_and_what_sites_wrote_is_only_text(pages: dict[str, Any], path: str) -> None:
    page = pages[path]

    assert page["status"] == 200
    assert "<script>document" not in page["text"]
    assert "<img" not in page["text"]
    assert 'href="javascript:' not in page["text"]
    assert page["text"].count("<script") == 1  # our own, from our own address
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
    assert "verbatim, 100% alike" in text


@pytest.mark.parametrize("path", ["/sources/nobody", "/stories/story-9", "/static/app.py", "/static/..%2fapp.py"])
def test_what_is_not_there_is_said_so(pages: dict[str, Any], path: str) -> None:
    assert pages[path]["status"] == 404
    assert "from fastapi" not in pages[path]["text"]


def test_a_captured_page_is_shown_in_a_cage(pages: dict[str, Any]) -> None:
    page = pages["/articles/article-2/raw"]

    assert page["status"] == 200
    assert page["text"] == "<html><head><LyNK rel=preconnect href=//else.where></head><script>1</script>H\u00e9</html>"
    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    assert page["headers"]["content-security-policy"] == policy
    assert page["headers"]["content-type"] == "text/html; charset=iso-8859-1"
    assert {"set-cookie", "refresh"}.isdisjoint(page["headers"])


def test_a_page_whose_capture_is_gone_says_why(pages: dict[str, Any]) -> None:
    assert pages["/articles/article-1/raw"]["status"] == 404
    assert "captures/gone.warc.gz" in pages["/articles/article-1/raw"]["text"]


def test_an_archive_that_is_not_there_is_one_sentence(ask: Callable[..., Any], tmp_path: Path) -> None:
    nowhere = str(tmp_path / "file" / "archive")
    (tmp_path / "file").touch()

    (answer,) = ask(("GET", "/"), uri=nowhere)["answers"]

    assert answer["status"] == 503
    assert "Traceback" not in answer["text"]
