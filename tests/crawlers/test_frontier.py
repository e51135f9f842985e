"""The frontier: nothing twice, corrections seen, small on disk, safe for two writers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.frontier import WINDOW, Frontier, Role, Visit, frontier_key, load_frontier, save_frontier
from crawlers.frontier.saved import frontier_from_bytes, frontier_to_bytes
from crawlers.frontier.visits import Visits
from pipelines.errors import SchemaTooNewError, StorageError
from pipelines.store import FolderStore

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def due(frontier: Frontier, now: datetime) -> list[str]:
    return [visit.url for visit in frontier.due_articles(now)]


def some_visit(url: str) -> Visit:
    return Visit(url=url, first_seen_at=NOW, fetched_at=NOW, next_visit_at=NOW, status=200)


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
    body = frontier_to_bytes(frontier, NOW)
    assert b"a.example/old" not in body
    again = frontier_from_bytes(body, "x")
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
frontiers = st.builds(
    Frontier,
    st.builds(Visits.of, st.lists(visits, max_size=5, unique_by=lambda visit: visit.url)),
    st.lists(st.integers(0, 2**64 - 1), max_size=3),
)


@given(frontiers, frontiers)
def test_merging_is_commutative_and_repeats_safely(one: Frontier, two: Frontier) -> None:
    assert frontier_to_bytes(one.merge(two), NOW) == frontier_to_bytes(two.merge(one), NOW)
    assert frontier_to_bytes(one.merge(two).merge(two), NOW) == frontier_to_bytes(one.merge(two), NOW)


steps = st.tuples(
    st.sampled_from(["link", "answer", "failure", "alias", "feed"]),
    st.sampled_from([f"https://a.example/{n}" for n in range(4)]),
    st.integers(0, 30),
)


def take(frontier: Frontier, step: tuple[str, str, int]) -> None:
    what, url, days = step
    now = NOW + timedelta(days=days)
    if what == "link":
        frontier.record_link(url, now, found_in="https://a.example/feed", title="Ein Titel – 新闻", published_at=now)
    elif what == "answer":
        frontier.record_answer(url, now, status=200, etag='"e"', payload_sha256="s")
    elif what == "failure":
        frontier.record_failure(url, now, status=503)
    elif what == "alias":
        frontier.record_alias(url, now, status=301)
    else:
        frontier.record_index(url, now, role=Role.FEED, status=200, found_in="https://a.example/home")


@given(st.lists(steps, max_size=12), st.integers(0, 12))
def test_what_was_saved_in_between_makes_no_difference(done: list[tuple[str, str, int]], saved_after: int) -> None:
    whole, parted = Frontier(), Frontier()
    for at, step in enumerate(done):
        if at == saved_after:
            parted = frontier_from_bytes(frontier_to_bytes(parted, NOW), "x")
        take(whole, step)
        take(parted, step)
    for url in {step[1] for step in done}:
        assert parted.visit(url) == whole.visit(url)
    for days in (0, 1, 40):
        assert parted.due_articles(NOW + timedelta(days=days)) == whole.due_articles(NOW + timedelta(days=days))
    feeds = {feed.url for feed in whole.indexes(Role.FEED, "https://a.example/home")}
    assert {feed.url for feed in parted.indexes(Role.FEED, "https://a.example/home")} == feeds
    assert frontier_to_bytes(parted, NOW) == frontier_to_bytes(whole, NOW)


def test_a_snapshot_stays_as_it_was() -> None:
    frontier = Frontier()
    frontier.record_link("https://a.example/1", NOW)
    before = frontier.snapshot()
    frontier.record_answer("https://a.example/1", NOW, status=200)
    assert due(before, NOW) == ["https://a.example/1"]
    assert due(frontier, NOW) == []


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
    body = frontier_to_bytes(Frontier(Visits.of([some_visit("https://a.example/1")])), NOW)
    table = pq.read_table(pa.BufferReader(body))
    target = pa.BufferOutputStream()
    pq.write_table(table.set_column(table.column_names.index("role"), "role", [["oracle"]]), target)
    store.put(frontier_key("a"), target.getvalue().to_pybytes())
    with pytest.raises(StorageError, match="no URL is a 'oracle'"):
        load_frontier(store, "a")
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({"url": ["x"]}).replace_schema_metadata({"worldwire_version": "99"}), target)
    store.put(frontier_key("a"), target.getvalue().to_pybytes())
    with pytest.raises(SchemaTooNewError, match="newer worldwire"):
        load_frontier(store, "a")
