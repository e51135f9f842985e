"""Publishing: captures become articles, each once, whatever comes late, again or broken."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive import Archive, article_id_of
from pipelines.capture import add_takedowns, read_pages
from pipelines.errors import SchemaTooNewError, StorageError, StorageUnavailableError
from pipelines.model import DropReason
from pipelines.publish import PublishSummary, publish_new_captures
from pipelines.readers import find_story
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore, Store
from tests.pipelines.published import counts, everything, publish, rows
from tests.pipelines.small_press import NOON, Press, page_of, tell

# --- once ---


@pytest.mark.usefixtures("drafts_inline")
def test_a_capture_becomes_articles_and_a_second_publish_changes_nothing(store_press: Press) -> None:
    (key,) = store_press.capture("daily", [page_of(1), page_of(2)])
    summary = publish(store_press)
    assert (summary.captures, summary.pages, summary.extracted, *counts(summary)) == (1, 2, 2, 2, 2, 0)
    assert summary.sources["daily"].new_appearances == 2
    article = next(row for row in rows(store_press.store, "articles").values() if row["url"].endswith("story-1"))
    assert article["text"] == "\n".join(tell(1))
    assert (article["title"], article["source_id"]) == ("Council of Astmore hears about case 1", "daily")
    assert (article["published_at"], article["capture_key"]) == (NOON, key)
    before = everything(store_press.store)
    position = Archive(store_press.store).position
    assert publish(store_press) == PublishSummary(seconds=pytest.approx(0, abs=60))
    assert everything(store_press.store) == before
    assert Archive(store_press.store).position == position, "nothing was written"
    assert not list(store_press.store.list("staged/"))


@pytest.mark.usefixtures("drafts_inline")
def test_the_same_page_in_another_run_is_no_new_appearance(press: Press) -> None:
    press.capture("daily", [page_of(1)])
    publish(press)
    before = rows(press.store, "articles"), rows(press.store, "appearances")
    press.capture("daily", [page_of(1, path="?utm_source=rss")], run="r2", started_at=NOON + timedelta(days=3))
    assert counts(publish(press)) == (0, 0, 0)
    assert (rows(press.store, "articles"), rows(press.store, "appearances")) == before


@pytest.mark.usefixtures("drafts_inline")
def test_a_page_captured_twice_before_publishing_is_one(press: Press) -> None:
    press.capture("daily", [page_of(1), page_of(1)])
    press.capture("daily", [page_of(1)], run="r2")
    summary = publish(press)
    assert (summary.extracted, *counts(summary)) == (3, 1, 1, 0)


@pytest.mark.usefixtures("drafts_inline")
def test_copies_on_other_sites_are_appearances_of_one_article(store_press: Press) -> None:
    trimmed = page_of(1, "echo", title="Echo of case 1", paragraphs=tell(1)[:4], published=NOON + timedelta(hours=2))
    store_press.capture("daily", [page_of(1), page_of(2)])
    store_press.capture("echo", [trimmed])
    store_press.capture("mirror", [page_of(1, "mirror", published=NOON + timedelta(hours=1))])
    summary = publish(store_press)
    assert counts(summary) == (2, 4, 0)
    kinds = {row["url"]: row["kind"] for row in rows(store_press.store, "appearances").values()}
    assert kinds == {
        "https://daily.example/world/story-1": "original",
        "https://daily.example/world/story-2": "original",
        "https://echo.example/world/story-1": "trimmed",
        "https://mirror.example/world/story-1": "verbatim",
    }
    assert {row["url"] for row in rows(store_press.store, "articles").values()} == {
        "https://daily.example/world/story-1",
        "https://daily.example/world/story-2",
    }
    assert sum(counts.new_articles for counts in summary.sources.values()) == 2


@pytest.mark.usefixtures("drafts_inline")
def test_a_late_original_takes_the_article_over_under_the_same_ids(store_press: Press) -> None:
    store_press.capture("echo", [page_of(1, "echo", paragraphs=tell(1)[:5], published=NOON)])
    publish(store_press)
    (before,) = rows(store_press.store, "articles").values()
    store_press.capture("daily", [page_of(1, published=NOON - timedelta(hours=5))], started_at=NOON + timedelta(days=2))
    assert counts(publish(store_press)) == (0, 1, 0)
    (after,) = rows(store_press.store, "articles").values()
    assert after["url"] == "https://daily.example/world/story-1"
    assert after["text"] == "\n".join(tell(1))
    assert after["revision"] == 2
    for kept in ("article_id", "story_id", "first_seen_at", "first_seen_date"):
        assert after[kept] == before[kept]
    appearances = {row["source_id"]: row for row in rows(store_press.store, "appearances").values()}
    assert {source: row["kind"] for source, row in appearances.items()} == {"daily": "original", "echo": "trimmed"}
    assert {row["article_id"] for row in appearances.values()} == {after["article_id"]}


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "at once"])
def test_copies_are_described_anew_when_a_late_original_takes_the_article_over(press: Press, together: bool) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
def test_an_agency_is_preferred_as_the_origin(press: Press) -> None:
    press.capture("daily", [page_of(1, published=NOON - timedelta(hours=3))])
    press.capture("wire", [page_of(1, "wire", published=NOON)], agency=True)
    publish(press)
    (article,) = rows(press.store, "articles").values()
    assert article["source_id"] == "wire"


@pytest.mark.usefixtures("drafts_inline")
def test_stories_that_turn_out_to_be_one_become_one(press: Press) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
def test_a_story_that_became_another_is_found_by_all_its_ids(press: Press) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
def test_what_is_stored_under_a_day_long_past_is_published_at_once(store_press: Press) -> None:
    store_press.capture("daily", [page_of(1)])
    publish(store_press)
    store_press.capture("daily", [page_of(2)], run="backfill", started_at=NOON - timedelta(days=400))
    assert publish(store_press).new_articles == 1
    assert publish(store_press).captures == 0
    assert not list(store_press.store.list("late/")), "the announcements are removed"
    assert len(rows(store_press.store, "runs")) == 2


# --- revisions and identity ---


@pytest.mark.usefixtures("drafts_inline")
def test_a_page_with_another_text_is_a_revision(store_press: Press) -> None:
    later = NOON + timedelta(hours=6)
    store_press.capture("daily", [page_of(1)])
    publish(store_press)
    corrected = [
        *tell(1),
        "This article was corrected: the ferry of Hollin holds 40 people, not 400 as was first said.",
    ]
    store_press.capture("daily", [page_of(1, paragraphs=corrected)], run="r2", started_at=later)
    assert counts(publish(store_press)) == (0, 0, 1)
    (article,) = rows(store_press.store, "articles").values()
    (appearance,) = rows(store_press.store, "appearances").values()
    assert article["revision"] == appearance["revision"] == 2
    assert article["text"] == "\n".join(corrected)
    assert (article["first_seen_at"], article["fetched_at"], article["modified_at"]) == (NOON, later, later)
    run = rows(store_press.store, "runs")["daily/r2"]
    assert (run["new_articles"], run["new_appearances"], run["revised"]) == (0, 0, 1)


@pytest.mark.usefixtures("drafts_inline")
def test_an_older_capture_that_comes_late_does_not_undo_a_correction(press: Press) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize("amp_first", [True, False])
def test_a_page_and_its_amp_form_are_one_appearance(press: Press, amp_first: bool) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize(
    "canonical", ["https://daily.example/", "https://daily.example/world/", "https://elsewhere.example/world/story-9"]
)
def test_a_canonical_address_that_cannot_be_the_articles_is_not_believed(press: Press, canonical: str) -> None:
    press.capture("daily", [page_of(1, canonical=canonical), page_of(2, canonical=canonical)])
    assert counts(publish(press)) == (2, 2, 0)


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize(
    ("published", "why"),
    [(NOON + timedelta(days=400), "later than the fetch"), ("1970-01-01T00:00:00Z", "before 1971")],
)
def test_a_publication_time_that_cannot_be_is_unknown_and_says_why(
    press: Press, published: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.capture("daily", [page_of(1, published=published)])
    publish(press)
    (article,) = rows(press.store, "articles").values()
    assert (article["published_at"], article["published_precision"]) == (None, None)


# --- broken input ---


@pytest.mark.usefixtures("drafts_inline")
def test_broken_records_are_counted_and_the_rest_is_published(store_press: Press) -> None:
    (key,) = store_press.capture("daily", [page_of(n) for n in range(1, 5)])
    data = bytearray(store_press.store.get(key).body)
    offset = next(row.offset for row in _offsets(store_press.store, key, 1))
    data[offset + 40 : offset + 60] = b"\xff" * 20
    store_press.store.put(key, bytes(data))
    store_press.store.put(key.replace("r1-1", "r0-1"), b"no WARC at all")
    store_press.store.put("captures/date=2026-11-20/source=daily/r9.report.json", b"[]")
    store_press.store.put("captures/of-somebody-else.warc.gz", b"x")
    summary = publish(store_press)
    assert summary.new_articles == 3
    assert summary.dropped["bad_record"] >= 2
    runs = rows(store_press.store, "runs")
    assert runs["daily/r1"]["dropped"]["bad_record"] >= 1
    assert (runs["daily/r0"]["pages"], runs["daily/r0"]["reported"]) == (1, False)
    assert publish(store_press).captures == 0, "a broken capture is not tried again"


def _offsets(store: Store, key: str, number: int) -> Iterator[Any]:

    for page in list(read_pages(store, key))[number:]:
        assert page.capture is not None
        yield page.capture


@pytest.mark.usefixtures("drafts_inline")
def test_pages_that_are_no_articles_are_dropped_with_a_reason(press: Press) -> None:
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


@pytest.mark.usefixtures("drafts_inline")
def test_what_was_taken_down_is_not_published(press: Press) -> None:
    add_takedowns(press.store, urls=["https://daily.example/world/story-1"], sources=["gone"], reason="asked", now=NOON)
    press.capture("daily", [page_of(1, path="?utm_source=x"), page_of(2)])
    press.capture("gone", [page_of(3, "gone")])
    summary = publish(press)
    assert (summary.new_articles, summary.dropped) == (1, {"taken_down": 2})


# --- runs ---


@pytest.mark.usefixtures("drafts_inline")
def test_a_run_without_captures_has_its_row_too(store_press: Press) -> None:
    store_press.report("quiet", run="r7")
    assert publish(store_press).captures == 0
    (run,) = rows(store_press.store, "runs").values()
    assert (run["source_id"], run["run_id"], run["asked"], run["refused"]) == ("quiet", "r7", 7, {"robots": 2})
    assert (run["pages"], run["reported"], run["outcome"]) == (0, True, "ok")


@pytest.mark.usefixtures("drafts_inline")
def test_a_report_that_comes_after_its_captures_were_published_joins_their_row(press: Press) -> None:
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
