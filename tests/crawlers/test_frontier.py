"""The frontier: nothing twice, corrections seen, small on disk, safe for two writers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.frontier import WINDOW, Frontier, Visit, frontier_key, load_frontier, save_frontier
from pipelines.errors import SchemaTooNewError, StorageError
from pipelines.store import FolderStore

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def due(frontier: Frontier, now: datetime) -> list[str]:
    return [visit.url for visit in frontier.due_articles(now)]


def test_a_page_once_fetched_is_not_due_until_its_revisit() -> None:
    frontier = Frontier()
    frontier.record_link("https://a.example/1", NOW, title="One", published_at=NOW)
    assert due(frontier, NOW) == ["https://a.example/1"]
    frontier.record_answer("https://a.example/1", NOW, status=200, etag='"e"', payload_sha256="s")
    assert due(frontier, NOW + timedelta(hours=1)) == []
    assert due(frontier, NOW + timedelta(hours=7)) == ["https://a.example/1"]
    frontier.record_answer("https://a.example/1", NOW + timedelta(hours=7), status=304)
    visit = frontier.visit("https://a.example/1")
    assert visit is not None
    assert (visit.etag, visit.payload_sha256, visit.visits) == ('"e"', "s", 2)
    frontier.record_answer("https://a.example/1", NOW + timedelta(hours=40), status=304)
    assert due(frontier, NOW + timedelta(days=10)) == []


def test_a_page_that_fails_is_tried_again_later_and_then_given_up() -> None:
    frontier, moment, tries = Frontier(), NOW, 0
    frontier.record_link("https://a.example/1", NOW)
    for _ in range(20):
        if due(frontier, moment):
            tries += 1
            frontier.record_failure("https://a.example/1", moment, status=503)
        moment += timedelta(hours=13)
    assert tries == 4


def test_old_pages_are_remembered_by_hash_alone() -> None:
    frontier = Frontier()
    frontier.record_answer("https://a.example/old", NOW - WINDOW - timedelta(days=1), status=200)
    frontier.record_answer("https://a.example/new", NOW, status=200)
    body = frontier.to_bytes(NOW)
    assert b"a.example/old" not in body
    again = Frontier.from_bytes(body, "x")
    assert again.seen("https://a.example/old")
    assert again.visit("https://a.example/old") is None
    again.record_link("https://a.example/old", NOW)
    assert due(again, NOW) == []
    assert again.visit("https://a.example/new") == frontier.visit("https://a.example/new")


visits = st.builds(
    Visit,
    url=st.sampled_from([f"https://a.example/{n}" for n in range(5)]),
    first_seen_at=st.sampled_from([NOW - timedelta(hours=n) for n in range(3)]),
    fetched_at=st.sampled_from([NOW + timedelta(hours=n) for n in range(3)]),
    next_visit_at=st.just(NOW),
    status=st.sampled_from([200, 304, 503]),
    visits=st.integers(0, 3),
)
frontiers = st.builds(Frontier, st.lists(visits, max_size=5), st.lists(st.integers(0, 2**64 - 1), max_size=3))


@given(frontiers, frontiers)
def test_merging_is_commutative_and_repeats_safely(one: Frontier, two: Frontier) -> None:
    assert one.merge(two).to_bytes(NOW) == two.merge(one).to_bytes(NOW)
    assert one.merge(two).merge(two).to_bytes(NOW) == one.merge(two).to_bytes(NOW)


def test_two_crawls_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    one, two = load_frontier(store, "a"), load_frontier(store, "a")
    one.record_answer("https://a.example/1", NOW, status=200)
    two.record_answer("https://a.example/2", NOW, status=200)
    save_frontier(store, "a", one, NOW)
    save_frontier(store, "a", two, NOW)
    saved = load_frontier(store, "a")
    assert saved.seen("https://a.example/1")
    assert saved.seen("https://a.example/2")


def test_a_frontier_of_a_newer_version_or_none_at_all_is_one_sentence(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put(frontier_key("a"), b"not parquet")
    with pytest.raises(StorageError, match="state/a/frontier"):
        load_frontier(store, "a")
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({"url": ["x"]}).replace_schema_metadata({"worldwire_version": "99"}), target)
    store.put(frontier_key("a"), target.getvalue().to_pybytes())
    with pytest.raises(SchemaTooNewError, match="newer worldwire"):
        load_frontier(store, "a")
