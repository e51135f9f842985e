"""Upkeep: compaction changes no row, a takedown leaves no byte, extracting anew shows what it would change."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from fastwarc.warc import ArchiveIterator as FastArchiveIterator
from warcio.archiveiterator import ArchiveIterator

from pipelines.archive import TABLES, Archive
from pipelines.capture import RETENTION_KEY, bury_records, capture_keys, load_takedowns, read_page, read_pages
from pipelines.errors import ConfigurationError, InputError, ObjectChangedError, StorageError
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage
from pipelines.pages import one_page
from pipelines.publish import publish_new_captures
from pipelines.readers import find_origin
from pipelines.settings import ArchiveSettings
from pipelines.store import ObjectFacts, Store, open_store
from pipelines.upkeep import compact, reextract, takedown
from tests.pipelines.small_press import NOON, Press, page_of, tell

pytestmark = pytest.mark.usefixtures("drafts_inline")


def where(press: Press) -> ArchiveSettings:
    return ArchiveSettings(uri=press.store.uri, spool=press.spool)


def publish(press: Press) -> Any:
    return publish_new_captures(where(press), now=NOON + timedelta(hours=1))


def rows(store: Store, table: str) -> dict[str, dict[str, Any]]:
    found = Archive(store).dataset(table)
    assert found is not None
    read = found.to_table().to_pylist(maps_as_pydicts="strict")
    return {str(row[TABLES[table].key[-1]]): row for row in read}


def bytes_with(store: Store, words: str) -> list[str]:
    """Objects in which the words stand, also inside gzip members and Parquet pages."""
    found = []
    for key in [one.key for one in store.list("")]:
        data = store.get(key).body
        if key.endswith(".gz"):
            data = b"".join(_unpacked(data))
        elif key.endswith(".parquet"):
            data += repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
        if words.encode() in data:
            found.append(key)
    return found


def articles_of(store: Store, version: int | None = None) -> DeltaTable:
    return DeltaTable(store.table_uri("articles"), version=version, storage_options=store.table_options())


def _unpacked(data: bytes) -> Iterator[bytes]:
    while data:
        decoder = zlib.decompressobj(31)
        member = decoder.decompress(data)
        yield member
        body = member.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2]
        if body.startswith(b"\x1f\x8b"):
            yield gzip.decompress(body.rstrip(b"\r\n"))
        data = decoder.unused_data


# --- compact ---


def test_compaction_joins_files_and_changes_no_row(press: Press) -> None:
    for number in range(4):
        press.capture("daily", [page_of(number)], run=f"r{number}", started_at=NOON + timedelta(minutes=number))
        publish(press)
    before = {table: rows(press.store, table) for table in TABLES}
    summary = compact(where(press), now=NOON + timedelta(days=1))
    assert summary.joined_files >= 12
    assert summary.published_captures == 0
    assert {table: rows(press.store, table) for table in TABLES} == before
    assert len(articles_of(press.store).file_uris()) == 1
    assert compact(where(press), now=NOON + timedelta(days=1)).joined_files == 0


def test_compaction_finds_what_came_too_late_and_removes_what_the_dead_left(press: Press) -> None:
    press.capture("daily", [page_of(1)])
    publish(press)
    press.capture("echo", [page_of(2, "echo")], started_at=NOON - timedelta(days=20))
    for found in list(press.store.list("late/")):
        press.store.delete(found.key)  # as if somebody had copied the capture there
    press.store.put("staged/date=2026-11-20/source=daily/r1-1.parquet", b"left by a publisher that died at the end")
    press.store.put("staged/journal/dead/articles.added.parquet", b"left by a publisher that died before its entry")
    assert publish(press).captures == 0, "an ordinary publish looks back two days"
    summary = compact(where(press), now=NOON + timedelta(hours=2))
    assert (summary.published_captures, summary.removed_staged, summary.removed_leftovers) == (1, 1, 1)
    assert not list(press.store.list("staged/"))
    assert len(rows(press.store, "articles")) == 2


# --- retention of captures ---


class Aged:
    """A store whose listings say of some objects that they were stored at another moment."""

    def __init__(self, store: Store, moments: dict[str, datetime]) -> None:
        self._store = store
        self._moments = moments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectFacts]:
        for found in self._store.list(prefix, start_after):
            yield replace(found, modified_at=self._moments.get(found.key, found.modified_at))


@pytest.fixture
def stored_at(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """When objects were stored, as compaction is told."""
    moments: dict[str, datetime] = {}
    monkeypatch.setattr("pipelines.upkeep.compaction.open_store", lambda uri: Aged(open_store(uri), moments))
    return moments


def test_captures_whose_time_is_up_go_and_their_rows_stay(press: Press, stored_at: dict[str, datetime]) -> None:
    old, recent = NOON - timedelta(days=40), NOON - timedelta(days=2)
    (first,) = press.capture("daily", [page_of(1)], run="r1", started_at=old)
    (kept,) = press.capture("daily", [page_of(2)], run="r2", started_at=recent)
    publish_new_captures(where(press), now=NOON, since=old.date())
    (backfilled,) = press.capture("echo", [page_of(3, "echo")], started_at=old)
    publish_new_captures(where(press), now=NOON, since=old.date())
    stored_at |= {first: old, kept: recent, backfilled: NOON - timedelta(days=1)}
    before = rows(press.store, "articles")
    (unpublished,) = press.capture("wire", [page_of(4, "wire")], started_at=old - timedelta(days=9))
    stored_at[unpublished] = old
    for found in list(press.store.list("late/")):
        press.store.delete(found.key)
    summary = compact(where(press), captures_older_than=timedelta(days=30), now=NOON)
    assert (summary.removed_captures, summary.removed_capture_bytes > 0) == (1, True)
    assert set(capture_keys(press.store)) == {kept, backfilled, unpublished}
    assert rows(press.store, "articles") == before
    origins = {row["url"][-1]: find_origin(press.store, row["article_id"]) for row in before.values()}
    assert origins["1"].capture == "the WARC file was removed when its retention ended"
    assert origins["2"].is_verified
    report = reextract(where(press), since=old.date(), until=NOON.date())
    assert (report.examined, report.missing, report.removed) == (3, 1, 1)


def test_captures_stay_unless_they_are_to_go(press: Press, stored_at: dict[str, datetime]) -> None:
    old = NOON - timedelta(days=400)
    (key,) = press.capture("daily", [page_of(1)], started_at=old)
    publish_new_captures(where(press), now=NOON, since=old.date())
    stored_at[key] = old
    assert compact(where(press), now=NOON).removed_captures == 0
    press.store.delete(key)
    (article_id,) = rows(press.store, "articles")
    assert find_origin(press.store, article_id).capture == "the WARC file is gone, and not by retention"
    with pytest.raises(ConfigurationError, match="for a day at least"):
        compact(where(press), captures_older_than=timedelta(0), now=NOON)


def test_retention_noted_by_a_newer_worldwire_stops_with_one_sentence(
    press: Press, stored_at: dict[str, datetime]
) -> None:
    old = NOON - timedelta(days=400)
    (key,) = press.capture("daily", [page_of(1)], started_at=old)
    publish_new_captures(where(press), now=NOON, since=old.date())
    stored_at[key] = old
    body = b'{"format": 99, "captures_before": "2020-01-01"}'
    press.store.put(RETENTION_KEY, body)
    with pytest.raises(StorageError, match=r"retention\.json in .* was written by a newer worldwire"):
        compact(where(press), captures_older_than=timedelta(days=30), now=NOON)
    assert set(capture_keys(press.store)) == {key}, "nothing is removed that could not be noted"
    assert press.store.get(RETENTION_KEY).body == body


# --- takedown ---

SECRET = "the ferry of Hollin carried a name that nobody may read"


def secret_page(source_id: str = "daily", **changes: Any) -> Any:
    return page_of(1, source_id, paragraphs=[*tell(1), f"It was said that {SECRET}."], **changes)


def test_a_page_that_is_taken_down_is_nowhere_any_more(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(2), secret_page(), page_of(3)])
    publish(press)
    press.capture("daily", [secret_page(path="?utm_source=again")], run="r2", started_at=NOON + timedelta(hours=2))
    assert bytes_with(press.store, SECRET)
    kept = {row["url"]: row for row in rows(press.store, "articles").values() if "story-1" not in row["url"]}
    summary = takedown(
        where(press), url="https://daily.example/world/story-1?utm_medium=x", reason="court order", now=NOON
    )
    assert (summary.appearances, summary.articles, summary.records) == (1, 1, 4)
    assert bytes_with(press.store, SECRET) == []
    assert {row["url"]: row for row in rows(press.store, "articles").values()} == kept
    assert load_takedowns(press.store).covers("daily", "https://daily.example/world/story-1")
    for row in kept.values():
        ref = CaptureRef(key=key, offset=row["capture_offset"], payload_sha256=row["payload_sha256"])
        assert read_page(press.store, ref).url == row["url"], "offsets of the others hold"
    assert publish(press).dropped == {"taken_down": 1}
    press.capture("daily", [secret_page()], run="r3", started_at=NOON + timedelta(days=1))
    assert publish(press).dropped == {"taken_down": 1}
    assert len(rows(press.store, "articles")) == 2


def test_where_the_canonical_page_goes_another_appearance_takes_its_place(press: Press) -> None:
    press.capture("daily", [page_of(1)])
    press.capture("echo", [page_of(1, "echo", paragraphs=tell(1)[:5], published=NOON + timedelta(hours=1))])
    publish(press)
    ((article_id, before),) = rows(press.store, "articles").items()
    summary = takedown(where(press), url=before["url"], reason="asked", now=NOON)
    assert (summary.appearances, summary.articles, summary.replaced_articles) == (1, 0, 1)
    after = rows(press.store, "articles")[article_id]
    assert (after["source_id"], after["text"], after["revision"]) == ("echo", "\n".join(tell(1)[:5]), 2)
    assert [row["kind"] for row in rows(press.store, "appearances").values()] == ["original"]


def test_an_article_goes_with_all_its_copies_and_again_after_a_kill(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.capture("daily", [secret_page(), page_of(2)])
    press.capture("echo", [secret_page("echo")])
    publish(press)
    article_id = next(key for key, row in rows(press.store, "articles").items() if "story-1" in row["url"])
    from pipelines.upkeep import takedowns

    def killed(*_: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(takedowns, "_bury", killed)
        with pytest.raises(KeyboardInterrupt):
            takedown(where(press), article_id=article_id, reason="asked", now=NOON)
    takedown(where(press), article_id=article_id, reason="asked", now=NOON)
    assert bytes_with(press.store, SECRET) == []
    assert len(rows(press.store, "appearances")) == 1
    with pytest.raises(InputError, match="has no article 'a-0'"):
        takedown(where(press), article_id="a-0", reason="asked")


def test_a_source_goes_whole_with_what_is_not_published_yet(press: Press) -> None:
    press.capture("daily", [secret_page()])
    press.capture("echo", [page_of(2, "echo")])
    publish(press)
    press.capture("daily", [secret_page(path="0")], run="r2")
    takedown(where(press), source_id="daily", reason="contract ended", now=NOON)
    publish(press)
    assert bytes_with(press.store, SECRET) == []
    assert {row["source_id"] for row in rows(press.store, "articles").values()} == {"echo"}


def test_another_form_of_the_page_goes_with_it(press: Press) -> None:
    own = "https://daily.example/world/story-1"
    press.capture("daily", [secret_page(), secret_page(path="/amp", canonical=own)])
    publish(press)
    takedown(where(press), url=own, reason="asked", now=NOON)
    assert bytes_with(press.store, SECRET) == []


def test_exactly_one_thing_is_to_be_named(press: Press) -> None:
    with pytest.raises(InputError, match="exactly one"):
        takedown(where(press), url="https://daily.example/", source_id="daily", reason="asked")


def test_a_tombstone_is_passed_over_by_every_reader_of_warc(press: Press, tmp_path: Path) -> None:
    (key,) = press.capture("daily", [page_of(n) for n in range(3)])
    path = tmp_path / "copy.warc.gz"
    press.store.download(key, path)
    size = path.stat().st_size
    assert bury_records(path, lambda record: "story-1" in record.headers.get("warc-target-uri", ""), NOON) == 2
    assert path.stat().st_size == size
    data = path.read_bytes()
    kinds = [record.rec_type for record in ArchiveIterator(io.BytesIO(data)) if record.content_stream().read() or True]
    assert kinds == ["warcinfo", "response", "request", "metadata", "metadata", "response", "request"]
    assert len(list(FastArchiveIterator(io.BytesIO(data), parse_http=True))) == 7
    press.store.put_file(key, path)
    read = list(read_pages(press.store, key))
    assert [one.url[-1] if isinstance(one, RawPage) else one.reason for one in read] == [
        "0",
        DropReason.TAKEN_DOWN,
        "2",
    ]
    ref = read[1].capture
    assert ref is not None
    with pytest.raises(InputError, match="was taken down"):
        read_page(press.store, ref)


# --- reextract ---


@pytest.fixture
def better_extractor(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extractor that leaves out what stands in the third paragraph."""
    whole = one_page.finish_page

    def finish(page: Any, template: Any) -> Any:
        from dataclasses import replace

        made = whole(page, template)
        if isinstance(made, Dropped) or "story-2" in page.url:
            return made
        lines = made.text.split("\n")
        return replace(made, text="\n".join(lines[:2] + lines[3:]), extractor="worldwire-99/better")

    monkeypatch.setattr(one_page, "finish_page", finish)


def _published(press: Press) -> None:
    press.capture("daily", [page_of(1), page_of(2)])
    press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1))])
    publish(press)


def test_the_report_shows_what_would_change_and_changes_nothing(press: Press, request: pytest.FixtureRequest) -> None:
    _published(press)
    before = {table: rows(press.store, table) for table in TABLES}
    same = reextract(where(press), since=NOON.date(), until=NOON.date())
    assert (same.examined, same.texts, same.articles, same.lost, same.missing) == (3, 0, 0, 0, 0)
    request.getfixturevalue("better_extractor")
    report = reextract(where(press), since=NOON.date(), until=NOON.date())
    assert (report.examined, report.texts, report.articles) == (3, 2, 1)
    assert report.samples[0].lines == (f"-{tell(1)[2]}",)
    assert report.words_before - report.words_after == len(tell(1)[2].split())
    assert {table: rows(press.store, table) for table in TABLES} == before


@pytest.mark.usefixtures("better_extractor")
def test_written_rows_are_revisions_and_the_old_ones_stay_readable(press: Press) -> None:
    article_text = "\n".join(tell(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_page, "finish_page", _plain_finish())
        _published(press)
    version = articles_of(press.store).version()
    report = reextract(where(press), since=NOON.date(), until=NOON.date(), source_id=None, write=True, now=NOON)
    assert (report.written, report.articles) == (True, 1)
    after = {row["url"]: row for row in rows(press.store, "articles").values()}
    changed = after["https://daily.example/world/story-1"]
    assert (changed["revision"], changed["extractor"]) == (2, "worldwire-99/better")
    assert tell(1)[2] not in changed["text"]
    assert after["https://daily.example/world/story-2"]["revision"] == 1
    copies = {row["source_id"]: row for row in rows(press.store, "appearances").values() if "story-1" in row["url"]}
    assert (copies["echo"]["kind"], copies["echo"]["revision"]) == ("verbatim", 2)
    old = articles_of(press.store, version).to_pandas()
    assert article_text in set(old["text"])
    again = reextract(where(press), since=NOON.date(), until=NOON.date(), write=True, now=NOON)
    assert again.texts == 0
    assert publish(press).revised == 0


def _plain_finish() -> Any:
    from pipelines.extract import finish_page

    return finish_page


@pytest.mark.usefixtures("better_extractor")
def test_other_days_and_sources_are_left_alone(press: Press) -> None:
    _published(press)
    day = NOON.date() - timedelta(days=1)
    assert reextract(where(press), since=day, until=day).examined == 0
    assert reextract(where(press), since=day, until=NOON.date(), source_id="echo").examined == 1


def test_a_capture_that_is_gone_is_counted(press: Press) -> None:
    _published(press)
    for found in list(press.store.list("captures/")):
        press.store.delete(found.key)
    report = reextract(where(press), since=NOON.date(), until=NOON.date())
    assert (report.examined, report.missing) == (3, 3)


@pytest.mark.usefixtures("better_extractor")
def test_reextraction_and_publishing_at_once_both_count(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_page, "finish_page", _plain_finish())
        _published(press)
    commit, raced = Archive.commit, []

    def racing(self: Archive, *args: Any, **values: Any) -> None:
        if values["kind"] == "reextract" and not raced:
            raced.append(1)
            press.capture("wire", [page_of(5, "wire")], run="r5")
            publish(press)
            with pytest.raises(ObjectChangedError):
                commit(self, *args, **values)
            raise ObjectChangedError("another one was first")
        commit(self, *args, **values)

    monkeypatch.setattr(Archive, "commit", racing)
    assert reextract(where(press), since=NOON.date(), until=NOON.date(), write=True, now=NOON).articles == 1
    assert len(rows(press.store, "articles")) == 3
