"""From a row back to the captured bytes and to whatever made it, on every kind of store."""

import gzip
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipelines.archive import Archive
from pipelines.capture import CaptureWriter
from pipelines.extract import EXTRACTOR
from pipelines.model import RawPage, SourceFacts
from pipelines.publish import publish_new_captures
from pipelines.readers import Origin, find_origin
from pipelines.settings import ArchiveSettings
from tests.pipelines.small_press import NOON, Page, Press, page_of, tell

SOURCE = SourceFacts(id="daily", name="The Daily", homepage="https://daily.example/")

pytestmark = pytest.mark.usefixtures("drafts_inline")


def capture(press: Press, page: Page, run: str) -> None:
    """As `press.capture`, with the request that was sent, and a report that names the DAG's run."""
    writer = CaptureWriter(press.store, press.spool, SOURCE, run, NOON, user_agent="worldwire/0")
    raw = RawPage(
        source=SOURCE,
        run_id=run,
        requested_url=page.url,
        url=page.url,
        status=200,
        headers=(("Content-Type", "text/html; charset=utf-8"), ("Server", "tests")),
        body=page.html,
        fetched_at=NOON,
        request_headers=(("User-Agent", "worldwire/0 (+x)"),),
    )
    for number in range(3):  # the page in question is not the first of its file
        url = f"{page.url}/{number}"
        writer.write(replace(raw, url=url, requested_url=url, status=404, body=b"Not here."))
    writer.write(raw)
    press.report("daily", run=run, captures=writer.close())


def publish(press: Press, dag_run_id: str) -> None:
    where = ArchiveSettings(uri=press.store.uri, spool=press.spool)
    publish_new_captures(where, now=NOON + timedelta(hours=1), dag_run_id=dag_run_id)


def origin(press: Press, table: str = "articles", key: str = "article_id") -> Origin:
    rows = Archive(press.store).dataset(table)
    assert rows is not None
    (row,) = rows.to_table(columns=[key]).to_pylist()
    return find_origin(press.store, row[key])


def test_a_row_leads_to_its_request_response_extractor_run_and_entry(press: Press) -> None:
    capture(press, page_of(1), "r1")
    publish(press, "scheduled__1")
    for found in (origin(press), origin(press, "appearances", "appearance_id")):
        assert (found.is_verified, found.capture) == (True, "read, checksum verified")
        assert found.request[0] == "GET /world/story-1 HTTP/1.1"
        assert ("User-Agent", "worldwire/0 (+x)") in found.request[1]
        assert found.response[0] == "HTTP/1.1 200 OK"
        assert ("Server", "tests") in found.response[1]
        assert found.warc_headers["warc-target-uri"] == "https://daily.example/world/story-1"
        assert found.run is not None
        assert (found.run["run_id"], found.run["outcome"]) == ("r1", "ok")
        assert found.entry is not None
        assert (found.entry["number"], found.entry["kind"], found.entry["dag_run_id"]) == (1, "publish", "scheduled__1")
    assert origin(press).article["extractor"] == EXTRACTOR
    assert "text" not in origin(press).article


def test_a_revised_row_names_the_entry_and_the_capture_of_its_present_text(press: Press) -> None:
    press.capture("daily", [page_of(1)])
    publish(press, "scheduled__1")
    press.capture("daily", [page_of(1, paragraphs=tell(1)[:6])], run="r2", started_at=NOON + timedelta(hours=2))
    publish(press, "scheduled__2")
    found = origin(press)
    assert found.is_verified
    assert (found.article["revision"], found.article["run_id"]) == (2, "r2")
    assert found.entry is not None
    assert (found.entry["number"], found.entry["dag_run_id"]) == (2, "scheduled__2")


def test_other_bytes_in_the_place_of_the_captured_ones_are_found_out(press: Press) -> None:
    capture(press, page_of(1), "r1")
    publish(press, "scheduled__1")
    row = origin(press).article
    whole = press.store.get(row["capture_key"]).body
    member = zlib.decompressobj(31)
    record = member.decompress(whole[row["capture_offset"] :])
    forged = gzip.compress(record.replace(b"told the council", b"told the burglar"))
    press.store.put(row["capture_key"], whole[: row["capture_offset"]] + forged + member.unused_data)
    found = origin(press)
    assert not found.is_verified
    assert found.capture == "the payload is not the one that was captured: its checksum differs"


def test_an_archive_of_before_the_journals_column_is_traced_by_its_receipt(archived: Any) -> None:
    store = archived(2)
    rows = Archive(store).dataset("articles")
    assert rows is not None
    for row in rows.to_table(columns=["article_id"]).to_pylist():
        found = find_origin(store, row["article_id"])
        assert found.is_verified
        assert found.entry is not None
        assert found.entry["kind"] == "publish"
