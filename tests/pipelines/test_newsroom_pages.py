"""What the newsroom makes anew from captures: dropped pages, a template's lines, blocks, word differences."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive import Archive
from pipelines.errors import InputError
from pipelines.model import Dropped, RawPage
from pipelines.newsroom import (
    compare_copy,
    dropped,
    judge_page,
    learned,
    list_dropped,
    looking,
    page,
    read_body,
    story,
    view_page,
    view_template,
)
from pipelines.newsroom.looking import BusyError, open_lookers
from pipelines.publish import driver, publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from tests.inline_workers import open_inline_workers
from tests.pipelines.small_press import NOON, Page, Press, page_of, tell

LATER = NOON + timedelta(hours=2)
SIGN_UP = "Sign the petition of the harbour pilots today, it takes one minute of your time."


@pytest.fixture
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "open_workers", open_inline_workers)
    for module in (dropped, learned, page, story):
        monkeypatch.setattr(module, "open_lookers", open_inline_workers)


@pytest.fixture
def press(tmp_path: Path, _inline: None) -> Press:
    return Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")


def published(press: Press) -> Press:
    settings = ArchiveSettings(uri=press.store.uri, spool=press.spool)
    publish_new_captures(settings, now=NOON + timedelta(hours=1))
    return press


def signed(story_number: int) -> Page:
    return page_of(story_number, paragraphs=[*tell(story_number), SIGN_UP])


def test_each_dropped_page_is_listed_with_its_reason(press: Press) -> None:
    press.capture(
        "daily",
        [
            page_of(1),
            page_of(2, status=404),
            page_of(3, content_type="application/pdf"),
            page_of(4, paragraphs=["Too little."]),
        ],
    )
    found = list_dropped(published(press).store, "daily", now=LATER)

    assert [(one.url[-7:], one.reason, one.page_id is not None) for one in found.pages] == [
        ("story-4", "text_too_short", True),
        ("story-3", "not_html", False),
        ("story-2", "status_not_ok", False),
    ]
    assert (found.counted, found.is_all) == (3, True)
    assert found.pages[-1].at == NOON + timedelta(seconds=1)


def test_a_source_that_drops_nothing_costs_no_look_at_captures(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    press.capture("daily", [page_of(1)])
    published(press)
    monkeypatch.setattr(dropped, "read_pages", lambda *_: pytest.fail("a capture was read"))

    assert list_dropped(press.store, "daily", now=LATER).pages == ()


def test_captures_that_are_gone_are_no_error(press: Press) -> None:
    keys = press.capture("daily", [page_of(2, status=404)])
    published(press).store.delete(keys[0])

    found = list_dropped(press.store, "daily", now=LATER)

    assert (found.pages, found.counted, found.is_all) == ((), 1, False)


def test_the_search_for_dropped_pages_is_bounded(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropped, "_MOST_PAGES", 2)
    press.capture("daily", [page_of(number, status=404) for number in range(5)])

    found = list_dropped(published(press).store, "daily", now=LATER)

    assert (len(found.pages), found.counted, found.is_all) == (2, 5, False)


def test_what_a_site_repeats_is_shown_with_place_and_count(press: Press) -> None:
    press.capture("daily", [signed(number) for number in range(8)])

    found = view_template(published(press).store, "daily")

    assert found is not None
    assert (found.pages, found.captures, found.first_day) == (8, 1, NOON.date())
    (line,) = (one for one in found.lines if one.text == SIGN_UP)
    assert (line.pages, line.first_day, line.last_day) == (8, NOON.date(), NOON.date())
    assert "article" in line.place


def test_nothing_is_learned_of_a_source_without_pages(press: Press) -> None:
    assert view_template(press.store, "nobody") is None


def test_a_page_says_what_became_of_it(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(1), page_of(4, paragraphs=["Too little."]), page_of(2, status=404)])
    store = published(press).store
    offsets = {one.url[-7:]: one.capture_offset for one in list_dropped(store, "daily", now=LATER).pages}
    (row,) = Archive(store).rows_by("appearances", "capture_key", {key})

    article = view_page(store, key, int(str(row["capture_offset"])))
    held = view_page(store, key, offsets["story-4"])
    gone = view_page(store, key, offsets["story-2"])

    assert article.appearance is not None
    assert article.appearance["title"] == "Council of Astmore hears about case 1"
    assert held.held is not None
    assert held.held["reason"] == "text_too_short"
    assert (gone.page.status, gone.appearance, gone.held) == (404, None, None)


def test_each_block_of_a_page_says_whether_it_is_kept(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(1), page_of(2, status=404)])
    store = published(press).store
    (row,) = Archive(store).rows_by("appearances", "capture_key", {key})

    verdict = judge_page(store, key, int(str(row["capture_offset"])))

    assert verdict.dropped is None
    assert verdict.title == "Council of Astmore hears about case 1"
    assert verdict.kept == 7
    assert verdict.blocks[0].text == "Home"
    assert not verdict.blocks[0].is_kept


def test_a_place_without_a_page_is_one_sentence(press: Press) -> None:
    (key,) = press.capture("daily", [page_of(1)])

    with pytest.raises(InputError, match=f"{key} has no record at byte 3"):
        view_page(press.store, key, 3)
    assert "has no record" in read_body(press.store, key, 3).why_not


def test_a_copy_is_compared_word_by_word(press: Press) -> None:
    told = tell(5)
    cut = [*told[:3], told[3].replace("council", "parliament"), *told[4:6]]
    press.capture("agency", [page_of(5, "agency")], agency=True)
    press.capture(
        "daily", [page_of(5, paragraphs=cut, published=NOON + timedelta(minutes=30))], started_at=NOON, run="r2"
    )
    rows = {str(row["source_id"]): row for row in _appearances(published(press))}

    pieces = compare_copy(press.store, str(rows["daily"]["story_id"]), str(rows["daily"]["appearance_id"]))

    assert ("gone", "council") in pieces
    assert ("new", "parliament") in pieces


def test_there_is_no_difference_to_a_copy_that_is_not_there(press: Press) -> None:
    press.capture("daily", [page_of(5)])
    (row,) = _appearances(published(press))

    with pytest.raises(InputError, match="has no copy nobody"):
        compare_copy(press.store, str(row["story_id"]), "nobody")


def test_real_workers_end_when_nobody_needs_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(looking, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(looking, "PAGE_SECONDS", 1.5)
    press = Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")
    (key,) = press.capture("daily", [page_of(1)])
    (first,) = (one for one in _pages(press, key))

    with open_lookers() as workers:
        assert workers.look(first, _url) == first.url
        assert isinstance(workers.look(first, _never_ends), Dropped)

    looking._lookers._end.join(10)
    assert looking._lookers._workers is None


def test_one_reader_at_a_time_looks_at_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(looking, "_lookers", lookers := looking._Lookers())

    with lookers._turn, pytest.raises(BusyError), open_lookers():
        pass


def _url(one: RawPage) -> str:
    return one.url


def _never_ends(one: RawPage) -> str:
    while True:
        pass


def _pages(press: Press, key: str) -> Iterator[RawPage]:
    from pipelines.capture import read_pages

    for one in read_pages(press.store, key):
        assert isinstance(one, RawPage)
        yield one


def _appearances(press: Press) -> list[dict[str, Any]]:
    table = Archive(press.store).dataset("appearances")
    assert table is not None
    rows: list[dict[str, Any]] = table.to_table().to_pylist()
    return rows
