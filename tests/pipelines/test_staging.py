"""Staged drafts: what is read back is what was written, and another program's drafts count as missing."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.extract import Draft, draft_page
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage, SourceFacts
from pipelines.pages import stage_page
from pipelines.publish import staging
from pipelines.publish.staging import StagedWriter, open_staged
from pipelines.store import FolderStore

KEY = "captures/date=2026-11-24/source=daily/run-1.warc.gz"
CAPTURE = CaptureRef(key=KEY, offset=8_127, payload_sha256="0" * 64)
SENTENCE = "The bridge over the river was closed on Monday, and will stay closed until the spring, the town says. "
PAGE = RawPage(
    source=SourceFacts(id="daily", name="The Daily", homepage="https://daily.example/", languages=("en",)),
    run_id="run",
    requested_url="https://daily.example/1",
    url="https://daily.example/1",
    status=200,
    headers=(("Content-Type", "text/html"),),
    body=f"<html lang=en><title>A bridge</title><p>{SENTENCE * 3}</p><p>{SENTENCE}</p></html>".encode(),
    fetched_at=datetime(2026, 11, 24, 12, 0, 1, 250, tzinfo=UTC),
    discovered={"title": "A bridge", "published_at": "2026-11-24T11:00:00Z"},
    capture=CAPTURE,
)
DROPPED = Dropped(
    source_id="daily",
    run_id="run",
    url="https://daily.example/2",
    capture=CAPTURE,
    stage="extract",
    reason=DropReason.NO_TEXT,
    detail="0 characters – nothing",
)


def drafted(page: RawPage = PAGE) -> Draft:
    draft = draft_page(page)
    assert isinstance(draft, Draft)
    return draft


def read_back(folder: Path, *pages: Draft | Dropped) -> list[Draft | Dropped]:
    store, writer = FolderStore(folder), StagedWriter(folder)
    for page in pages:
        writer.add(stage_page(page))
    writer.store(store, KEY)
    with open_staged(store, KEY) as staged:
        assert staged is not None
        return [row.made() for row in staged.read()]


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    draft = drafted()
    assert read_back(tmp_path, draft, DROPPED, draft) == [draft, DROPPED, draft]


def test_half_a_character_costs_itself_and_not_its_page(tmp_path: Path) -> None:
    draft = drafted()
    odd = replace(draft, facts=replace(draft.facts, title="A \ud83d bridge"))
    (made,) = read_back(tmp_path, odd)
    assert isinstance(made, Draft)
    assert made == replace(draft, facts=replace(draft.facts, title="A ? bridge"))


def test_drafts_of_another_form_count_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_back(tmp_path, drafted())
    monkeypatch.setattr(staging, "_form", lambda: "another")
    with open_staged(FolderStore(tmp_path), KEY) as staged:
        assert staged is None


def test_marks_can_be_read_without_the_drafts(tmp_path: Path) -> None:
    draft = drafted()
    read_back(tmp_path, DROPPED, draft)
    with open_staged(FolderStore(tmp_path), KEY) as staged:
        assert staged is not None
        assert [one.marks for one in staged.read_marks(KEY, 10)] == [draft.marks]
