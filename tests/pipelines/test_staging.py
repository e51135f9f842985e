"""Staged drafts: what is read back is what was written, and another program's drafts count as missing."""

import errno
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.extract import Draft, draft_page
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage, SourceFacts
from pipelines.pages import stage_page
from pipelines.publish import staging as staging_module
from pipelines.publish.staging import Staging, open_staging, staged_key
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


def put(staging: Staging, *pages: Draft | Dropped, key: str = KEY) -> None:
    writer = staging.writer()
    for page in pages:
        writer.add(stage_page(page))
    staging.put(key, writer)


def read_back(folder: Path, *pages: Draft | Dropped) -> list[Draft | Dropped]:
    with open_staging(FolderStore(folder)) as staging:
        put(staging, *pages)
    with open_staging(FolderStore(folder)) as staging, staging.open(KEY) as staged:
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
    monkeypatch.setattr(staging_module, "_form", lambda: "another")
    with open_staging(FolderStore(tmp_path)) as staging, staging.open(KEY) as staged:
        assert staged is None


def test_marks_can_be_read_without_the_drafts(tmp_path: Path) -> None:
    draft = drafted()
    read_back(tmp_path, DROPPED, draft)
    with open_staging(FolderStore(tmp_path)) as staging, staging.open(KEY) as staged:
        assert staged is not None
        assert [one.marks for one in staged.read_marks(KEY, 10)] == [draft.marks]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def is_there(staging: Staging, key: str = KEY) -> bool:
    with staging.open(key) as staged:
        return staged is not None


def test_what_was_put_from_here_is_not_fetched_again_until_it_is_removed(store: FolderStore) -> None:
    with open_staging(store) as staging:
        put(staging, drafted(), DROPPED)
        store.delete(staged_key(KEY))
        with staging.open(KEY) as staged:
            assert staged is not None
            assert [row.made() for row in staged.read()] == [drafted(), DROPPED]
        staging.remove(KEY)
        assert not is_there(staging)


@pytest.mark.parametrize("bound", ["_SMALL_BYTES", "_MOST_KEPT_BYTES"])
def test_drafts_for_which_the_local_file_has_no_room_are_fetched(
    store: FolderStore, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_staging(store) as staging:
        put(staging, drafted())
        size = len(store.get(staged_key(KEY)).body)
        monkeypatch.setattr(staging_module, bound, 3 * size // 2 if bound == "_MOST_KEPT_BYTES" else size - 1)
        other = KEY.replace("run-1", "run-2")
        put(staging, drafted(), key=other)
        assert is_there(staging, other)
        store.delete(staged_key(other))
        assert not is_there(staging, other)
        assert is_there(staging)


@pytest.mark.parametrize("written", [100, OSError(errno.ENOSPC, "No space left on device")], ids=["in part", "not"])
def test_drafts_that_a_full_disk_does_not_take_are_fetched(
    store: FolderStore, written: int | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite

    def fill_up(file: int, content: bytes, at: int) -> int:
        if isinstance(written, OSError):
            raise written
        return write(file, content[:written], at)

    with open_staging(store) as staging:
        monkeypatch.setattr(os, "pwrite", fill_up)
        put(staging, drafted())
        with staging.open(KEY) as staged:
            assert staged is not None
            assert [row.made() for row in staged.read()] == [drafted()]
        store.delete(staged_key(KEY))
        assert not is_there(staging)


def test_what_has_drafts_of_another_program_is_without_drafts(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = KEY.replace("run-1", "run-2")
    with open_staging(store) as staging:
        put(staging, drafted())
    with open_staging(store) as staging:
        assert staging.without_drafts([KEY, other]) == [other]
        monkeypatch.setattr(staging_module, "_form", lambda: "another")
        assert staging.without_drafts([KEY, other]) == [KEY, other]
