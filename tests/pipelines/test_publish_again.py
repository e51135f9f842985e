"""Publishing that is killed, comes twice at once, in portions or in any order: the rows are the same."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipelines.archive import Archive
from pipelines.publish import driver
from pipelines.store import FolderStore, Store, open_store
from tests.pipelines.published import everything, publish, rows, stories
from tests.pipelines.small_press import NOON, Press, page_of, tell


def _small_world(press: Press) -> None:
    press.capture("daily", [page_of(1), page_of(2), page_of(1, paragraphs=tell(1)[:6])])
    press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1)), page_of(4, "echo", status=500)])


def _copy_of(press: Press, folder: Path) -> Press:
    copy = Press(store=FolderStore(folder), spool=press.spool)
    for found in press.store.list("captures/"):
        copy.store.put(found.key, press.store.get(found.key).body)
    return copy


@pytest.mark.usefixtures("drafts_inline")
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


@pytest.mark.usefixtures("drafts_inline")
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


@pytest.mark.usefixtures("drafts_inline")
def test_two_publishers_at_once_make_one_story_of_one(store_press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BATCH_PAGES", 2)
    store_press.capture("daily", [page_of(n) for n in range(1, 5)])
    store_press.capture("echo", [page_of(n, "echo", published=NOON + timedelta(hours=1)) for n in range(1, 5)])
    with ThreadPoolExecutor(3) as publishers:
        summaries = [one.result() for one in [publishers.submit(publish, store_press) for _ in range(3)]]
    assert Counter(row["kind"] for row in rows(store_press.store, "appearances").values()) == {
        "original": 4,
        "verbatim": 4,
    }
    assert len(rows(store_press.store, "articles")) == 4
    assert sum(one.new_articles for one in summaries) == 4, "each article was counted by one of them"
    assert sum(one.new_appearances for one in summaries) == 8
    runs = rows(store_press.store, "runs")
    assert {(run["pages"], run["new_appearances"], run["published_captures"]) for run in runs.values()} == {(4, 4, 1)}


@pytest.mark.usefixtures("drafts_inline")
def test_a_capture_larger_than_a_batch_is_published_in_parts(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BATCH_PAGES", 3)
    (key,) = press.capture("daily", [page_of(n) for n in range(1, 9)])
    assert publish(press).new_articles == 8
    assert Archive(press.store).position == 3
    receipt = rows(press.store, "receipts")[key]
    assert (receipt["pages"], receipt["articles"], receipt["complete"]) == (8, 8, True)
    (run,) = rows(press.store, "runs").values()
    assert (run["pages"], run["published_captures"]) == (8, 1)


@pytest.mark.usefixtures("drafts_inline")
def test_each_capture_is_fetched_once_and_no_draft_that_the_publish_stored_itself(
    folder_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    open_file = FolderStore.open_file

    def noted(store: FolderStore, key: str) -> Any:
        opened.append(key)
        return open_file(store, key)

    monkeypatch.setattr(FolderStore, "open_file", noted)
    captures = [
        *folder_press.capture("daily", [page_of(n) for n in range(1, 4)]),
        *folder_press.capture("echo", [page_of(4, "echo")]),
    ]
    publish(folder_press)
    assert sorted(opened) == sorted(captures)


@pytest.mark.usefixtures("drafts_inline")
def test_of_long_pages_a_batch_takes_fewer(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page_of(n) for n in range(1, 9)]
    shortest = min(len(" ".join(tell(n))) for n in range(1, 9))
    monkeypatch.setattr(driver, "BATCH_PAGES", 10)
    monkeypatch.setattr(driver, "_CHARS_A_PAGE", shortest // 7)
    press.capture("daily", pages)
    assert publish(press).new_articles == 8
    assert Archive(press.store).position == 4, "ten sevenths of a page are reached with the second of them"


def test_a_batch_is_larger_where_more_is_stored_and_is_bounded() -> None:
    assert [driver.batch_pages(stored) for stored in (0, 250_000, 1_000_000, 30_000_000)] == [
        1_000,
        1_000,
        4_000,
        4_000,
    ]


def test_the_rows_of_a_table_are_counted_by_its_log(store_press: Press) -> None:
    archive = Archive(store_press.store)
    assert archive.count_rows("signatures") == 0
    store_press.capture("daily", [page_of(n) for n in range(1, 4)])
    store_press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1))])
    publish(store_press)
    archive = Archive(store_press.store)
    archive.replay()
    assert (archive.count_rows("signatures"), archive.count_rows("articles")) == (4, 3)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(5)),
    then=st.lists(st.sampled_from(["wait", "publish", "publish twice", "die"]), min_size=5, max_size=5),
    dies_at=st.integers(10, 90),
)
@example(order=[2, 1, 0, 4, 3], then=["publish", "die", "publish twice", "die", "publish"], dies_at=40)
@pytest.mark.usefixtures("drafts_inline")
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
