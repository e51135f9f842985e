"""Articles as of a date: the text that a page had then, whichever text came after it and in whatever order."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.archive import Archive
from pipelines.errors import ConfigurationError
from pipelines.publish import publish_new_captures
from pipelines.readers import RowRange, export_rows, read_as_of
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore, Store
from pipelines.upkeep import takedown
from tests.pipelines.reader_docs import snippet
from tests.pipelines.small_press import NOON, Press, page_of, tell

HOUR = timedelta(hours=1)


pytestmark = pytest.mark.usefixtures("drafts_inline")


def where(press: Press) -> ArchiveSettings:
    return ArchiveSettings(uri=press.store.uri, spool=press.spool)


def publish(press: Press, source: str, page: Any, at: datetime) -> None:
    press.capture(source, [page], run=f"r{at:%d%H}", started_at=at)
    publish_new_captures(where(press), now=at + HOUR)


def texts(store: Store, moment: datetime, **rows: Any) -> dict[str, str]:
    """The last paragraph of every article as of the moment, by its address."""
    batches = read_as_of(store, moment, rows=RowRange(**rows))
    return {row["url"]: row["text"].split("\n")[-1] for batch in batches for row in batch.to_pylist()}


def corrected(story: int, words: str) -> Any:
    return page_of(story, paragraphs=[*tell(story), words])


@pytest.fixture
def revised(press: Press) -> Press:
    """A page with three texts, each three hours after the other, and another page that came with the second."""
    publish(press, "daily", corrected(1, "The first text said one."), NOON)
    publish(press, "daily", corrected(1, "The second text said two."), NOON + 3 * HOUR)
    publish(press, "daily", corrected(2, "Another story altogether."), NOON + 4 * HOUR)
    publish(press, "daily", corrected(1, "The third text said three."), NOON + 6 * HOUR)
    return press


FIRST, OTHER = "https://daily.example/world/story-1", "https://daily.example/world/story-2"


def test_each_text_is_had_for_the_time_it_stood(revised: Press) -> None:
    store = revised.store
    assert texts(store, NOON - HOUR) == {}
    assert texts(store, NOON) == {FIRST: "The first text said one."}
    assert texts(store, NOON + 2 * HOUR) == {FIRST: "The first text said one."}
    two = {FIRST: "The second text said two.", OTHER: "Another story altogether."}
    assert texts(store, NOON + 5 * HOUR) == two
    assert texts(store, NOON + 9 * HOUR) == two | {FIRST: "The third text said three."}
    assert texts(store, NOON + 9 * HOUR, source_id="nobody") == {}
    assert texts(store, NOON + HOUR, source_id="daily") == {FIRST: "The first text said one."}
    assert texts(store, NOON + HOUR, until=NOON.date() - timedelta(days=1)) == {}


def test_both_times_of_an_earlier_text_are_kept(revised: Press) -> None:
    rows = Archive(revised.store).dataset("revisions")
    assert rows is not None
    found = sorted(rows.to_table().to_pylist(), key=lambda row: row["revision"])
    assert [(row["revision"], row["fetched_at"], row["superseded_at"]) for row in found] == [
        (1, NOON, NOON + 3 * HOUR),
        (2, NOON + 3 * HOUR, NOON + 6 * HOUR),
    ]
    assert {row["published_at"] for row in found} == {NOON}


def test_joined_files_and_forgotten_versions_do_not_forget_a_text(revised: Press) -> None:
    archive = Archive(revised.store)
    archive.open_for_publishing()
    archive.compact(most_files=1)
    archive.vacuum(forget_history=True)
    assert texts(revised.store, NOON + HOUR) == {FIRST: "The first text said one."}


def test_an_earlier_text_of_a_page_that_is_taken_down_goes_too(revised: Press) -> None:
    takedown(where(revised), url=FIRST, reason="court order", now=NOON + 9 * HOUR)
    assert texts(revised.store, NOON + HOUR) == {}
    assert texts(revised.store, NOON + 9 * HOUR) == {OTHER: "Another story altogether."}
    rows = Archive(revised.store).dataset("revisions")
    assert rows is not None
    assert rows.count_rows() == 0


def test_an_article_that_another_page_took_over_has_the_text_of_its_time(press: Press) -> None:
    publish(press, "echo", page_of(1, "echo", published=NOON + HOUR, paragraphs=tell(1)[:6]), NOON)
    publish(press, "daily", page_of(1, published=NOON - HOUR), NOON + 3 * HOUR)
    assert texts(press.store, NOON + HOUR) == {"https://echo.example/world/story-1": tell(1)[5]}
    assert texts(press.store, NOON + 3 * HOUR) == {FIRST: tell(1)[6]}
    assert texts(press.store, NOON + HOUR, source_id="daily") == {}


def test_the_documented_sql_says_the_same(tmp_path: Path) -> None:
    press = Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")
    publish(press, "daily", corrected(1, "The first text said one."), NOON)
    publish(press, "daily", corrected(1, "The second text said two."), NOON + 3 * HOUR)
    connection = duckdb.connect()
    for name in ("articles", "revisions"):
        rows = Archive(press.store).dataset(name)
        assert rows is not None
        connection.register(name, rows.to_table())
    query = snippet("sql", "revisions")
    for moment in (NOON - HOUR, NOON, NOON + 2 * HOUR, NOON + 3 * HOUR, NOON + 9 * HOUR):
        found = connection.sql(query, params={"moment": moment}).to_arrow_table().to_pylist()
        assert {row["url"]: row["text"].split("\n")[-1] for row in found} == texts(press.store, moment)


def test_only_articles_have_a_past(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Only articles can be had as of a moment, not runs"):
        export_rows(FolderStore(tmp_path), "runs", tmp_path / "x", format="csv", as_of=NOON)
