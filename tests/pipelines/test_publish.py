"""Publishing: captures become articles, each once, whatever is killed, repeated, late or broken."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.archive import TABLES, Archive, article_id_of
from pipelines.capture import add_takedowns
from pipelines.errors import SchemaTooNewError, StorageError, StorageUnavailableError
from pipelines.model import Dropped, DropReason
from pipelines.publish import PublishProgress, PublishSummary, driver, one_page, publish_new_captures
from pipelines.publish.one_page import draft
from pipelines.publish.workers import PageWorkers, open_workers
from pipelines.readers import find_story
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore, Store, open_store
from tests.inline_workers import open_inline_workers
from tests.pipelines.small_press import NOON, Press, page_of, tell

Rows = dict[str, dict[str, Any]]
_TIMELESS = {"last_published_at", "published_at", "found_at", "journal"}


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "open_workers", open_inline_workers)


@pytest.fixture
def press(store: Store, tmp_path: Path) -> Press:
    return Press(store=store, spool=tmp_path / "spool")


@pytest.fixture
def whole_press(whole_archive_uri: str, tmp_path: Path) -> Press:
    return Press(store=open_store(whole_archive_uri), spool=tmp_path / "spool")


@pytest.fixture
def folder_press(tmp_path: Path) -> Press:
    return Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")


def publish(press: Press, **values: Any) -> PublishSummary:
    where = ArchiveSettings(uri=press.store.uri, spool=press.spool)
    return publish_new_captures(where, **{"now": NOON + timedelta(hours=1), **values})


def rows(store: Store, table: str) -> Rows:
    """The table's rows by key."""
    found = Archive(store).dataset(table)
    if found is None:
        return {}
    key = TABLES[table].key
    read = found.to_table().to_pylist(maps_as_pydicts="strict")
    by_key = {"/".join(str(row[name]) for name in key): row for row in read}
    assert len(by_key) == len(read), f"{table} has a key twice"
    return by_key


def everything(store: Store) -> dict[str, Rows]:
    """All rows but for the moments and journal numbers of their publishing."""

    def timeless(table: str, row: dict[str, Any]) -> dict[str, Any]:
        gone = _TIMELESS - ({"published_at"} if table in ("articles", "appearances", "signatures") else set())
        return {name: value for name, value in row.items() if name not in gone}

    return {table: {key: timeless(table, row) for key, row in rows(store, table).items()} for table in TABLES}


def stories(store: Store) -> set[frozenset[str]]:
    """Which URLs tell one story."""
    groups: dict[str, set[str]] = {}
    for row in rows(store, "appearances").values():
        groups.setdefault(row["story_id"], set()).add(row["url"])
    return {frozenset(group) for group in groups.values()}


def counts(summary: PublishSummary) -> tuple[int, int, int]:
    return summary.new_articles, summary.new_appearances, summary.revised


# --- once ---


@pytest.mark.usefixtures("inline")
def test_a_capture_becomes_articles_and_a_second_publish_changes_nothing(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(1), page_of(2)])
    summary = publish(press)
    assert (summary.captures, summary.pages, summary.extracted, *counts(summary)) == (1, 2, 2, 2, 2, 0)
    assert summary.sources["daily"].new_appearances == 2
    article = next(row for row in rows(press.store, "articles").values() if row["url"].endswith("story-1"))
    assert article["text"] == "\n".join(tell(1))
    assert (article["title"], article["source_id"]) == ("Council of Astmore hears about case 1", "daily")
    assert (article["published_at"], article["capture_key"]) == (NOON, key)
    before = everything(press.store)
    position = Archive(press.store).position
    assert publish(press) == PublishSummary(seconds=pytest.approx(0, abs=60))
    assert everything(press.store) == before
    assert Archive(press.store).position == position, "nothing was written"
    assert not list(press.store.list("staged/"))


@pytest.mark.usefixtures("inline")
def test_the_same_page_in_another_run_is_no_new_appearance(whole_press: Press) -> None:
    press = whole_press
    press.capture("daily", [page_of(1)])
    publish(press)
    before = rows(press.store, "articles"), rows(press.store, "appearances")
    press.capture("daily", [page_of(1, path="?utm_source=rss")], run="r2", started_at=NOON + timedelta(days=3))
    assert counts(publish(press)) == (0, 0, 0)
    assert (rows(press.store, "articles"), rows(press.store, "appearances")) == before


@pytest.mark.usefixtures("inline")
def test_a_page_captured_twice_before_publishing_is_one(whole_press: Press) -> None:
    press = whole_press
    press.capture("daily", [page_of(1), page_of(1)])
    press.capture("daily", [page_of(1)], run="r2")
    summary = publish(press)
    assert (summary.extracted, *counts(summary)) == (3, 1, 1, 0)


@pytest.mark.usefixtures("inline")
def test_copies_on_other_sites_are_appearances_of_one_article(press: Press) -> None:
    trimmed = page_of(1, "echo", title="Echo of case 1", paragraphs=tell(1)[:4], published=NOON + timedelta(hours=2))
    press.capture("daily", [page_of(1), page_of(2)])
    press.capture("echo", [trimmed])
    press.capture("mirror", [page_of(1, "mirror", published=NOON + timedelta(hours=1))])
    summary = publish(press)
    assert counts(summary) == (2, 4, 0)
    kinds = {row["url"]: row["kind"] for row in rows(press.store, "appearances").values()}
    assert kinds == {
        "https://daily.example/world/story-1": "original",
        "https://daily.example/world/story-2": "original",
        "https://echo.example/world/story-1": "trimmed",
        "https://mirror.example/world/story-1": "verbatim",
    }
    assert {row["url"] for row in rows(press.store, "articles").values()} == {
        "https://daily.example/world/story-1",
        "https://daily.example/world/story-2",
    }
    assert sum(counts.new_articles for counts in summary.sources.values()) == 2


@pytest.mark.usefixtures("inline")
def test_a_late_original_takes_the_article_over_under_the_same_ids(press: Press) -> None:
    press.capture("echo", [page_of(1, "echo", paragraphs=tell(1)[:5], published=NOON)])
    publish(press)
    (before,) = rows(press.store, "articles").values()
    press.capture("daily", [page_of(1, published=NOON - timedelta(hours=5))], started_at=NOON + timedelta(days=2))
    assert counts(publish(press)) == (0, 1, 0)
    (after,) = rows(press.store, "articles").values()
    assert after["url"] == "https://daily.example/world/story-1"
    assert after["text"] == "\n".join(tell(1))
    assert after["revision"] == 2
    for kept in ("article_id", "story_id", "first_seen_at", "first_seen_date"):
        assert after[kept] == before[kept]
    appearances = {row["source_id"]: row for row in rows(press.store, "appearances").values()}
    assert {source: row["kind"] for source, row in appearances.items()} == {"daily": "original", "echo": "trimmed"}
    assert {row["article_id"] for row in appearances.values()} == {after["article_id"]}


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "at once"])
def test_copies_are_described_anew_when_a_late_original_takes_the_article_over(
    whole_press: Press, together: bool
) -> None:
    press = whole_press
    shortened, longer = tell(1)[:5], [*tell(1)[:5], *tell(9, 2)]
    press.capture("echo", [page_of(1, "echo", paragraphs=shortened, published=NOON)])
    press.capture("mirror", [page_of(1, "mirror", paragraphs=shortened, published=NOON + timedelta(hours=1))])
    press.capture("gazette", [page_of(1, "gazette", paragraphs=longer, published=NOON + timedelta(hours=2))])
    press.capture("brief", [page_of(1, "brief", paragraphs=tell(1)[:3], published=NOON + timedelta(hours=3))])
    if not together:
        publish(press)
        kinds = {row["source_id"]: row["kind"] for row in rows(press.store, "appearances").values()}
        assert kinds == {"echo": "original", "mirror": "verbatim", "gazette": "edited", "brief": "trimmed"}
    press.capture("daily", [page_of(1, published=NOON - timedelta(hours=5))], started_at=NOON + timedelta(days=2))
    publish(press)
    appearances = {row["source_id"]: row for row in rows(press.store, "appearances").values()}
    assert {source: row["kind"] for source, row in appearances.items()} == {
        "daily": "original",
        "echo": "trimmed",
        "mirror": "trimmed",
        "gazette": "edited",
        "brief": "excerpt",
    }
    assert appearances["brief"]["similarity"] == pytest.approx(1.0, abs=0.02)
    assert 0.6 < appearances["gazette"]["similarity"] < 0.8


@pytest.mark.usefixtures("inline")
def test_an_agency_is_preferred_as_the_origin(whole_press: Press) -> None:
    press = whole_press
    press.capture("daily", [page_of(1, published=NOON - timedelta(hours=3))])
    press.capture("wire", [page_of(1, "wire", published=NOON)], agency=True)
    publish(press)
    (article,) = rows(press.store, "articles").values()
    assert article["source_id"] == "wire"


@pytest.mark.usefixtures("inline")
def test_stories_that_turn_out_to_be_one_become_one(whole_press: Press) -> None:
    press = whole_press
    whole = tell(1, 14)
    press.capture("daily", [page_of(1, paragraphs=whole[:7], published=NOON)])
    press.capture("echo", [page_of(1, "echo", paragraphs=whole[7:], published=NOON + timedelta(hours=1))])
    publish(press)
    assert len(rows(press.store, "articles")) == 2
    press.capture("mirror", [page_of(1, "mirror", paragraphs=whole, published=NOON - timedelta(hours=1))], run="r2")
    assert counts(publish(press)) == (0, 1, 0)
    (article,) = rows(press.store, "articles").values()
    assert article["source_id"] == "mirror"
    for table in ("appearances", "signatures"):
        assert {row["story_id"] for row in rows(press.store, table).values()} == {article["story_id"]}
    ((gone, alias),) = rows(press.store, "story_aliases").items()
    assert alias["same_as_story_id"] == article["story_id"] != gone
    assert {row["kind"] for row in rows(press.store, "appearances").values()} <= {"original", "trimmed", "excerpt"}


@pytest.mark.usefixtures("inline")
def test_a_story_that_became_another_is_found_by_all_its_ids(whole_press: Press) -> None:
    press = whole_press
    whole = tell(1, 16)
    for number, part in enumerate([whole[:5], whole[5:10], whole[10:]]):
        at = NOON + timedelta(hours=number)
        press.capture(f"paper-{number}", [page_of(1, f"paper-{number}", paragraphs=part, published=at)], started_at=at)
        publish(press)
    first_ids = {str(row["story_id"]) for row in rows(press.store, "articles").values()}
    assert len(first_ids) == 3
    press.capture("mirror", [page_of(1, "mirror", paragraphs=whole[5:])], run="r2")
    publish(press)
    press.capture("echo", [page_of(1, "echo", paragraphs=whole[:10])], run="r3")
    publish(press)
    (article,) = rows(press.store, "articles").values()
    for story_id in first_ids:
        found = find_story(press.store, story_id)
        assert found.story_id == article["story_id"]
        assert len(found.appearances) == 5
        assert {*found.also_known_as, found.story_id} == first_ids
    aliases = rows(press.store, "story_aliases").values()
    assert {row["same_as_story_id"] for row in aliases} == {article["story_id"]}, "no alias leads to an alias"


@pytest.mark.usefixtures("inline")
def test_what_is_stored_under_a_day_long_past_is_published_at_once(press: Press) -> None:
    press.capture("daily", [page_of(1)])
    publish(press)
    press.capture("daily", [page_of(2)], run="backfill", started_at=NOON - timedelta(days=400))
    assert publish(press).new_articles == 1
    assert publish(press).captures == 0
    assert not list(press.store.list("late/")), "the announcements are removed"
    assert len(rows(press.store, "runs")) == 2


# --- revisions and identity ---


@pytest.mark.usefixtures("inline")
def test_a_page_with_another_text_is_a_revision(press: Press) -> None:
    later = NOON + timedelta(hours=6)
    press.capture("daily", [page_of(1)])
    publish(press)
    corrected = [
        *tell(1),
        "This article was corrected: the ferry of Hollin holds 40 people, not 400 as was first said.",
    ]
    press.capture("daily", [page_of(1, paragraphs=corrected)], run="r2", started_at=later)
    assert counts(publish(press)) == (0, 0, 1)
    (article,) = rows(press.store, "articles").values()
    (appearance,) = rows(press.store, "appearances").values()
    assert article["revision"] == appearance["revision"] == 2
    assert article["text"] == "\n".join(corrected)
    assert (article["first_seen_at"], article["fetched_at"], article["modified_at"]) == (NOON, later, later)
    run = rows(press.store, "runs")["daily/r2"]
    assert (run["new_articles"], run["new_appearances"], run["revised"]) == (0, 0, 1)


@pytest.mark.usefixtures("inline")
def test_an_older_capture_that_comes_late_does_not_undo_a_correction(whole_press: Press) -> None:
    press = whole_press
    corrected = [
        *tell(1),
        "This article was corrected: the ferry of Hollin holds 40 people, not 400 as was first said.",
    ]
    press.capture("daily", [page_of(1, paragraphs=corrected)], run="r2", started_at=NOON + timedelta(hours=6))
    publish(press)
    press.capture("daily", [page_of(1)], run="r1", started_at=NOON)
    assert counts(publish(press)) == (0, 0, 0)
    (article,) = rows(press.store, "articles").values()
    assert article["text"] == "\n".join(corrected)


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("amp_first", [True, False])
def test_a_page_and_its_amp_form_are_one_appearance(whole_press: Press, amp_first: bool) -> None:
    press = whole_press
    own = "https://daily.example/world/story-1"
    pages = [page_of(1, canonical=own), page_of(1, path="/amp", canonical=own, paragraphs=tell(1)[:5])]
    for number, page in enumerate(reversed(pages) if amp_first else pages):
        press.capture("daily", [page], run=f"r{number}", started_at=NOON + timedelta(hours=number))
        publish(press)
    ((appearance_id, appearance),) = rows(press.store, "appearances").items()
    (article,) = rows(press.store, "articles").values()
    assert article["url"] == article["canonical_url"] == own
    assert article["text"] == "\n".join(tell(1)), "the page itself is believed, not its other form"
    assert article["article_id"] == article_id_of(f"s-{appearance_id}")
    assert appearance["url"] == own


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(
    "canonical", ["https://daily.example/", "https://daily.example/world/", "https://elsewhere.example/world/story-9"]
)
def test_a_canonical_address_that_cannot_be_the_articles_is_not_believed(whole_press: Press, canonical: str) -> None:
    press = whole_press
    press.capture("daily", [page_of(1, canonical=canonical), page_of(2, canonical=canonical)])
    assert counts(publish(press)) == (2, 2, 0)


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize(
    ("published", "why"),
    [(NOON + timedelta(days=400), "later than the fetch"), ("1970-01-01T00:00:00Z", "before 1971")],
)
def test_a_publication_time_that_cannot_be_is_unknown_and_says_why(
    whole_press: Press, published: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = whole_press
    press.capture("daily", [page_of(1, published=published)])
    publish(press)
    (article,) = rows(press.store, "articles").values()
    assert (article["published_at"], article["published_precision"]) == (None, None)


# --- broken input ---


@pytest.mark.usefixtures("inline")
def test_broken_records_are_counted_and_the_rest_is_published(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(n) for n in range(1, 5)])
    data = bytearray(press.store.get(key).body)
    offset = next(row.offset for row in _offsets(press.store, key, 1))
    data[offset + 40 : offset + 60] = b"\xff" * 20
    press.store.put(key, bytes(data))
    press.store.put(key.replace("r1-1", "r0-1"), b"no WARC at all")
    press.store.put("captures/date=2026-11-20/source=daily/r9.report.json", b"[]")
    press.store.put("captures/of-somebody-else.warc.gz", b"x")
    summary = publish(press)
    assert summary.new_articles == 3
    assert summary.dropped["bad_record"] >= 2
    runs = rows(press.store, "runs")
    assert runs["daily/r1"]["dropped"]["bad_record"] >= 1
    assert (runs["daily/r0"]["pages"], runs["daily/r0"]["reported"]) == (1, False)
    assert publish(press).captures == 0, "a broken capture is not tried again"


def _offsets(store: Store, key: str, number: int) -> Iterator[Any]:
    from pipelines.capture import read_pages

    for page in list(read_pages(store, key))[number:]:
        assert page.capture is not None
        yield page.capture


@pytest.mark.usefixtures("inline")
def test_pages_that_are_no_articles_are_dropped_with_a_reason(whole_press: Press) -> None:
    press = whole_press
    pages = [
        page_of(1),
        page_of(2, status=404),
        page_of(3, content_type="application/pdf"),
        page_of(4, paragraphs=["Short."]),
    ]
    press.capture("daily", pages)
    summary = publish(press)
    assert summary.new_articles == 1
    assert summary.dropped == {
        DropReason.NOT_OK: 1,
        DropReason.NOT_HTML: 1,
        **({DropReason.TOO_SHORT: 1} if DropReason.TOO_SHORT in summary.dropped else {DropReason.NO_TEXT: 1}),
    }
    run = rows(press.store, "runs")["daily/r1"]
    assert (run["pages"], run["extracted"], sum(run["dropped"].values())) == (4, 1, 3)


@pytest.mark.usefixtures("inline")
def test_what_was_taken_down_is_not_published(whole_press: Press) -> None:
    press = whole_press
    add_takedowns(press.store, urls=["https://daily.example/world/story-1"], sources=["gone"], reason="asked", now=NOON)
    press.capture("daily", [page_of(1, path="?utm_source=x"), page_of(2)])
    press.capture("gone", [page_of(3, "gone")])
    summary = publish(press)
    assert (summary.new_articles, summary.dropped) == (1, {"taken_down": 2})


# --- runs ---


@pytest.mark.usefixtures("inline")
def test_a_run_without_captures_has_its_row_too(press: Press) -> None:
    press.report("quiet", run="r7")
    assert publish(press).captures == 0
    (run,) = rows(press.store, "runs").values()
    assert (run["source_id"], run["run_id"], run["asked"], run["refused"]) == ("quiet", "r7", 7, {"robots": 2})
    assert (run["pages"], run["reported"], run["outcome"]) == (0, True, "ok")


@pytest.mark.usefixtures("inline")
def test_a_report_that_comes_after_its_captures_were_published_joins_their_row(whole_press: Press) -> None:
    press = whole_press
    keys = press.capture("daily", [page_of(1)], report=False)
    publish(press)
    (run,) = rows(press.store, "runs").values()
    assert (run["pages"], run["reported"], run["outcome"], run["started_at"]) == (1, False, None, NOON)
    press.report("daily", captures=keys)
    publish(press)
    publish(press)
    (run,) = rows(press.store, "runs").values()
    assert (run["pages"], run["new_articles"], run["reported"], run["outcome"]) == (1, 1, True, "ok")
    assert run["captures"] == list(keys)


# --- killed, twice at once, in any order ---


def _small_world(press: Press) -> None:
    press.capture("daily", [page_of(1), page_of(2), page_of(1, paragraphs=tell(1)[:6])])
    press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1)), page_of(4, "echo", status=500)])


def _copy_of(press: Press, folder: Path) -> Press:
    copy = Press(store=FolderStore(folder), spool=press.spool)
    for found in press.store.list("captures/"):
        copy.store.put(found.key, press.store.get(found.key).body)
    return copy


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_call_the_rerun_gives_the_same_rows(
    folder_press: Press, tmp_path: Path, deaths: Any, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "BATCH_PAGES", 3)
    _small_world(folder_press)
    undisturbed = _copy_of(folder_press, tmp_path / "undisturbed")
    publish(undisturbed)
    expected = everything(undisturbed.store)
    deadly = 0
    for dies_at in range(1, 400, 3 if after else 2):
        press = _copy_of(folder_press, tmp_path / f"killed-{dies_at}")

        def act(dying: Store, press: Press = press) -> None:
            monkeypatch.setattr(driver, "open_store", lambda _: dying)
            publish(press)

        survived = deaths.survived(act, press.store, dies_at, after=after)
        monkeypatch.setattr(driver, "open_store", open_store)
        if survived:
            break
        deadly += 1
        publish(press)
        assert everything(press.store) == expected, f"killed at call {dies_at}"
    else:
        pytest.fail("never survived")
    assert deadly > 15


@pytest.mark.usefixtures("inline")
def test_killed_again_and_again_it_comes_to_the_same_end(
    folder_press: Press, tmp_path: Path, deaths: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _small_world(folder_press)
    undisturbed = _copy_of(folder_press, tmp_path / "undisturbed")
    publish(undisturbed)
    chance = random.Random(5)

    def act(dying: Store) -> None:
        monkeypatch.setattr(driver, "open_store", lambda _: dying)
        publish(folder_press)

    for _ in range(12):
        deaths.survived(act, folder_press.store, chance.randrange(5, 60), after=chance.random() < 0.5)
    monkeypatch.setattr(driver, "open_store", open_store)
    publish(folder_press)
    assert everything(folder_press.store) == everything(undisturbed.store)


@pytest.mark.usefixtures("inline")
def test_two_publishers_at_once_make_one_story_of_one(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BATCH_PAGES", 2)
    press.capture("daily", [page_of(n) for n in range(1, 5)])
    press.capture("echo", [page_of(n, "echo", published=NOON + timedelta(hours=1)) for n in range(1, 5)])
    with ThreadPoolExecutor(3) as publishers:
        summaries = [one.result() for one in [publishers.submit(publish, press) for _ in range(3)]]
    assert Counter(row["kind"] for row in rows(press.store, "appearances").values()) == {"original": 4, "verbatim": 4}
    assert len(rows(press.store, "articles")) == 4
    assert sum(one.new_articles for one in summaries) == 4, "each article was counted by one of them"
    assert sum(one.new_appearances for one in summaries) == 8
    runs = rows(press.store, "runs")
    assert {(run["pages"], run["new_appearances"], run["published_captures"]) for run in runs.values()} == {(4, 4, 1)}


@pytest.mark.usefixtures("inline")
def test_a_capture_larger_than_a_batch_is_published_in_parts(
    whole_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = whole_press
    monkeypatch.setattr(driver, "BATCH_PAGES", 3)
    (key,) = press.capture("daily", [page_of(n) for n in range(1, 9)])
    assert publish(press).new_articles == 8
    assert Archive(press.store).position == 3
    receipt = rows(press.store, "receipts")[key]
    assert (receipt["pages"], receipt["articles"], receipt["complete"]) == (8, 8, True)
    (run,) = rows(press.store, "runs").values()
    assert (run["pages"], run["published_captures"]) == (8, 1)


def test_a_batch_is_larger_where_more_is_stored_and_is_bounded() -> None:
    assert [driver.batch_pages(stored) for stored in (0, 100_000, 1_000_000, 30_000_000)] == [500, 500, 4_000, 4_000]


def test_the_rows_of_a_table_are_counted_by_its_log(press: Press) -> None:
    archive = Archive(press.store)
    assert archive.count_rows("signatures") == 0
    press.capture("daily", [page_of(n) for n in range(1, 4)])
    press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1))])
    publish(press)
    archive = Archive(press.store)
    archive.replay()
    assert (archive.count_rows("signatures"), archive.count_rows("articles")) == (4, 3)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(5)),
    then=st.lists(st.sampled_from(["wait", "publish", "publish twice", "die"]), min_size=5, max_size=5),
    dies_at=st.integers(10, 90),
)
@example(order=[2, 1, 0, 4, 3], then=["publish", "die", "publish twice", "die", "publish"], dies_at=40)
@pytest.mark.usefixtures("inline")
def test_order_portions_repeats_and_deaths_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, deaths: Any, order: list[int], then: list[str], dies_at: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    press = Press(store=FolderStore(folder / "archive"), spool=folder / "spool")
    captures = [
        ("daily", [page_of(1), page_of(2)], NOON),
        ("echo", [page_of(1, "echo", paragraphs=tell(1)[:5], published=NOON + timedelta(hours=1))], NOON),
        ("mirror", [page_of(1, "mirror", published=NOON + timedelta(hours=2)), page_of(3, "mirror")], NOON),
        ("daily", [page_of(2, paragraphs=tell(2)[:6])], NOON + timedelta(hours=8)),
        ("wire", [page_of(3, "wire", published=NOON + timedelta(hours=3))], NOON),
    ]
    for number in order:
        source_id, pages, started_at = captures[number]
        press.capture(source_id, pages, run=f"r{number}", started_at=started_at, agency=source_id == "wire")
        if then[number].startswith("publish"):
            publish(press)
        if then[number] == "publish twice":
            publish(press)
        if then[number] == "die":
            deaths.survived(partial(_publish_through, press), press.store, dies_at, after=dies_at % 2 == 0)
    publish(press)
    assert stories(press.store) == {
        frozenset(f"https://{source}.example/world/story-1" for source in ("daily", "echo", "mirror")),
        frozenset({"https://daily.example/world/story-2"}),
        frozenset(f"https://{source}.example/world/story-3" for source in ("mirror", "wire")),
    }
    texts = {row["url"]: row["text"] for row in rows(press.store, "articles").values()}
    assert texts == {
        "https://daily.example/world/story-1": "\n".join(tell(1)),
        "https://daily.example/world/story-2": "\n".join(tell(2)[:6]),
        "https://wire.example/world/story-3": "\n".join(tell(3)),
    }
    kinds = {(row["source_id"], row["url"][-1]): row["kind"] for row in rows(press.store, "appearances").values()}
    assert kinds == {
        ("daily", "1"): "original",
        ("daily", "2"): "original",
        ("echo", "1"): "trimmed",
        ("mirror", "1"): "verbatim",
        ("mirror", "3"): "verbatim",
        ("wire", "3"): "original",
    }


def _publish_through(press: Press, dying: Store) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "open_store", lambda _: dying)
        publish(press)


# --- worker processes ---


def test_pages_are_drafted_by_processes_and_progress_is_told(whole_press: Press) -> None:
    press = whole_press
    told: list[PublishProgress] = []
    press.capture("daily", [page_of(n) for n in range(1, 6)])
    summary = publish(press, workers=2, on_progress=told.append)
    assert summary.new_articles == 5
    assert told[-1] == PublishProgress(
        captures=1, captures_extracted=1, captures_published=1, pages_extracted=5, pages_published=5
    )
    assert not multiprocessing.active_children()


def _misbehaving(page: Any) -> Any:
    if "story-2" in page.url:
        time.sleep(600)
    if "story-3" in page.url:
        os.kill(os.getpid(), signal.SIGKILL)
    return draft(page)


def test_a_page_that_hangs_or_kills_its_process_costs_only_itself(
    whole_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    press = whole_press
    (key,) = press.capture("daily", [page_of(n) for n in range(1, 7)])
    from pipelines.capture import read_pages
    from pipelines.publish import workers

    monkeypatch.setattr(workers, "draft", _misbehaving)
    with open_workers(2, page_seconds=6.0) as pool:
        assert isinstance(pool, PageWorkers)
        made = [one for _, one in pool.draft((key, page) for page in read_pages(press.store, key))]
    reasons = [one.reason.value if isinstance(one, Dropped) else "draft" for one in made]
    assert reasons == ["draft", "extraction_timeout", "extraction_error", "draft", "draft", "draft"]
    assert [one.url[-1] for one in made] == list("123456")


@pytest.mark.usefixtures("inline")
@pytest.mark.parametrize("step", ["draft_page", "finish_page"])
def test_a_page_that_breaks_the_extraction_costs_only_itself(
    folder_press: Press, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = getattr(one_page, step)

    def breaking(page: Any, *template: Any) -> Any:
        if page.url.endswith("story-2"):
            raise RecursionError("too deep")
        return whole(page, *template)

    monkeypatch.setattr(one_page, step, breaking)
    folder_press.capture("daily", [page_of(n) for n in range(1, 4)])
    summary = publish(folder_press)
    assert (summary.new_articles, summary.dropped) == (2, {"extraction_error": 1})


def test_workers_end_when_their_publisher_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import time
        import psutil
        from pipelines.model import RawPage, SourceFacts
        from pipelines.publish.workers import open_workers
        from tests.pipelines.small_press import NOON
        if __name__ == "__main__":
            source = SourceFacts(id="s", name="", homepage="")
            page = RawPage(source=source, run_id="", requested_url="u", url="u", status=200, headers=(), body=b"",
                           fetched_at=NOON)
            with open_workers(2) as pool:
                list(pool.draft([(1, page), (2, page)]))
                print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
                time.sleep(600)
    """)
    child = subprocess.Popen([sys.executable, "-c", script], cwd=Path.cwd(), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pids = [int(pid) for pid in child.stdout.readline().split()]
    assert len(pids) >= 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


# --- an archive that cannot be used ---


def test_an_archive_that_cannot_be_used_is_one_sentence(s3_environment: str, tmp_path: Path) -> None:
    def publish_to(uri: str) -> None:
        publish_new_captures(ArchiveSettings(uri=uri, spool=tmp_path))

    with pytest.raises(StorageUnavailableError, match=r"bucket 'no-such-bucket'.*does not exist"):
        publish_to("s3://no-such-bucket/x")
    with pytest.raises(StorageError, match="archive /proc/no/archive cannot be used"):
        publish_to("/proc/no/archive")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageUnavailableError, match="is a file"):
        publish_to(str(tmp_path / "file"))
    FolderStore(tmp_path / "newer").put("journal/000000000001.json", b'{"format": 99}')
    with pytest.raises(SchemaTooNewError, match="newer worldwire"):
        publish_to(str(tmp_path / "newer"))
