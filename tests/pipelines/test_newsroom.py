"""What the dashboard shows: the figures of a source and of the tables, from rows that are known."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive import Archive, TableRows
from pipelines.errors import ConfigurationError, StorageUnavailableError
from pipelines.newsroom import find_article, list_sources, list_sources_apart, view_archive, view_source
from pipelines.store import Store, open_store

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Row = dict[str, Any]


def run(source: str, days_ago: int, **more: Any) -> Row:
    at = NOW - timedelta(days=days_ago, hours=1)
    return {
        "source_id": source,
        "run_id": f"{source}-{days_ago}",
        "started_at": at,
        "ended_at": at + timedelta(seconds=90),
        "started_date": at.date(),
        "outcome": "ok",
        "reason": "",
        "reported": True,
        "asked": 10,
        "captured": 4,
        "unchanged": 5,
        "refused": {},
        "failed": {},
        "pages": 4,
        "extracted": 3,
        "new_appearances": 3,
        "new_articles": 2,
        "dropped": {"text_too_short": 1},
        "clutter_removed": {"related": 6},
        **more,
    }


def article(number: int, source: str, days_ago: int, delay: timedelta | None, **more: Any) -> Row:
    at = NOW - timedelta(days=days_ago, hours=1)
    return {
        "article_id": f"article-{number}",
        "story_id": f"story-{number}",
        "source_id": source,
        "title": f"Title {number}",
        "url": f"https://{source}.example/{number}",
        "published_at": at - delay if delay is not None else None,
        "published_precision": "minute",
        "first_seen_at": at,
        "first_seen_date": at.date(),
        "text": "One.\nTwo.",
        "word_count": 2,
        "removed": {"related": 2},
        "capture_key": "captures/gone.warc.gz",
        "capture_offset": 0,
        "payload_sha256": "00",
        **more,
    }


def appearance(number: int, source: str, days_ago: int, kind: str) -> Row:
    at = NOW - timedelta(days=days_ago, hours=1)
    return {
        "appearance_id": f"appearance-{number}",
        "source_id": source,
        "kind": kind,
        "first_seen_at": at,
        "first_seen_date": at.date(),
    }


def filled(store: Store, **tables: list[Row]) -> Store:
    archive = Archive(store)
    last = archive.open_for_publishing()
    rows = {name: TableRows(added=added) for name, added in tables.items()}
    archive.commit(rows, after=last, captures=[], kind="publish", now=NOW)
    return store


@pytest.fixture
def store(archive_folder: Path) -> Store:
    return open_store(str(archive_folder))


def test_an_empty_archive_has_no_source_and_no_table(store: Store) -> None:
    assert list_sources(store, now=NOW) == []
    assert view_source(store, "a-paper", now=NOW) is None
    assert view_archive(store, now=NOW).tables == ()


def test_a_source_has_its_figures_of_two_weeks(store: Store) -> None:
    minutes = [timedelta(minutes=count) for count in (2, 4, 30)]
    filled(
        store,
        runs=[run("a-paper", 0), run("a-paper", 3, refused={"robots": 7, "private_address": 1}), run("a-paper", 20)],
        articles=[article(number, "a-paper", 0, delay) for number, delay in enumerate(minutes)]
        + [article(7, "a-paper", 0, timedelta(days=9)), article(8, "a-paper", 0, None)]
        + [article(9, "a-paper", 0, timedelta(hours=11), published_precision="day")],
        appearances=[
            appearance(number, "a-paper", 1, kind) for number, kind in enumerate(["original", "verbatim"] * 2)
        ],
    )

    (figures,) = list_sources(store, now=NOW)

    assert figures.new_by_day == (*[0] * 10, 3, 0, 0, 3)
    assert figures.share_unchanged == 0.5
    assert figures.share_dropped == 0.25
    assert figures.share_copies == 0.5
    assert figures.clutter_per_page == 2.0
    assert figures.robots_refused == 7
    assert figures.delay_median == 240  # neither the one of nine days, nor the one without a time, nor the bare date
    assert figures.delay_p95 == pytest.approx(1644)


def test_a_source_without_articles_has_no_shares(store: Store) -> None:
    nothing = {"asked": 0, "captured": 0, "unchanged": 0, "pages": 0, "extracted": 0, "new_appearances": 0}
    filled(store, runs=[run("a-paper", 0, dropped={}, clutter_removed={}, **nothing)])

    (figures,) = list_sources(store, now=NOW)

    assert figures.share_unchanged is None
    assert figures.share_copies is None
    assert figures.clutter_per_page is None
    assert figures.delay_median is None


def test_sources_are_found_in_a_process_of_its_own_just_so(store: Store, archive_folder: Path) -> None:
    filled(store, runs=[run("a-paper", days_ago) for days_ago in range(3)])

    found = list_sources_apart(str(archive_folder), now=NOW)

    assert [one.health.source_id for one in found] == ["a-paper"]
    assert found == list_sources(store, now=NOW)


def test_what_keeps_that_process_from_finding_them_is_told(archive_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="neither a folder"):
        list_sources_apart("ftp://news.example", now=NOW)
    with pytest.raises(StorageUnavailableError, match=r"not be read within 0 s"):
        list_sources_apart(str(archive_folder), now=NOW, seconds=0.01)


def test_sources_that_need_a_person_come_first(store: Store) -> None:
    failures = [
        run("z-ill", days, outcome="failed", reason="no answer", captured=0, new_appearances=0) for days in range(9)
    ]
    filled(
        store,
        runs=[run("a-well", days) for days in range(9)] + [run("z-ill", 10 + days) for days in range(9)] + failures,
    )

    assert [(one.health.source_id, one.health.state) for one in list_sources(store, now=NOW)] == [
        ("z-ill", "ill"),
        ("a-well", "well"),
    ]


def test_a_source_shows_its_quarter_day_by_day(store: Store) -> None:
    filled(
        store,
        runs=[
            run("a-paper", 0),
            run("a-paper", 89, outcome="failed", dropped={"no_text": 2}),
            run("a-paper", 90),
            run("another", 0, new_appearances=99),
        ],
        articles=[article(1, "a-paper", 1, None), article(2, "a-paper", 0, None), article(3, "another", 0, None)],
    )

    view = view_source(store, "a-paper", now=NOW)

    assert view is not None
    assert len(view.days) == 90
    assert (view.days[-1].day, view.days[-1].new, view.days[-1].failed_runs) == (NOW.date(), 3, 0)
    assert view.days[0].failed_runs == 1
    assert view.days[1].asked == 0
    assert (view.days[-1].share_dropped, view.days[-1].clutter_per_page, view.days[1].share_dropped) == (0.25, 2.0, 0.0)
    assert view.dropped == {"no_text": 2, "text_too_short": 1}
    assert view.clutter == {"related": 12}
    assert [row["article_id"] for row in view.newest] == ["article-2", "article-1"]
    assert [row["run_id"] for row in view.runs] == ["a-paper-0", "a-paper-89"]
    assert view.runs[0]["seconds"] == 90


def test_a_source_id_is_a_value_and_no_sql(store: Store) -> None:
    filled(store, runs=[run("a-paper", 0)])

    assert view_source(store, "x' OR 'a' = 'a", now=NOW) is None


def test_an_article_is_shown_also_where_its_page_is_gone(store: Store) -> None:
    filled(store, articles=[article(1, "a-paper", 0, None)])

    shown = find_article(store, "article-1", with_page=True)

    assert shown is not None
    assert shown.row["text"] == "One.\nTwo."
    assert shown.page is None
    assert "captures/gone.warc.gz" in shown.why_no_page
    assert find_article(store, "article-2") is None


def test_the_tables_tell_how_large_they_are(store: Store) -> None:
    filled(store, runs=[run("a-paper", days, bytes_received=700) for days in range(3)])

    archive = view_archive(store, now=NOW)

    tables = {figures.name: figures for figures in archive.tables}
    assert tables["runs"].rows == 3
    assert tables["runs"].files == tables["runs"].small_files == 3  # one a day
    assert not tables["runs"].is_compaction_due
    assert tables["runs"].compacted_at is None
    assert tables["articles"].rows == 0
    assert archive.bytes_fetched[-4:] == (0, 700, 700, 700)
    assert archive.pages_fetched[-1] == 4


def test_growth_counts_what_is_older_from_the_first_day_on(store: Store) -> None:
    filled(store, runs=[run("a-paper", days) for days in (0, 1, 400)])

    (runs,) = (one for one in view_archive(store, now=NOW).tables if one.name == "runs")

    assert (runs.rows_until[0], *runs.rows_until[-3:]) == (1, 1, 2, 3)
    assert runs.bytes_until[-1] == runs.size_bytes


def test_a_compaction_is_remembered(store: Store) -> None:
    filled(store, runs=[run("a-paper", 0)])
    filled(store, runs=[run("a-paper", 0, run_id="another")])
    Archive(store).compact(most_files=1)

    (runs,) = (one for one in view_archive(store, now=NOW).tables if one.name == "runs")

    assert runs.compacted_at is not None
    assert runs.files == 1
