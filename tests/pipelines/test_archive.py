"""The archive's tables: what a journal entry says is in all of them once, whoever is killed when."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.archive import STAGED_ROWS, TABLES, Archive, Row, TableRows, entry_key
from pipelines.errors import (
    ConfigurationError,
    ObjectChangedError,
    SchemaTooNewError,
    StorageError,
    StorageUnavailableError,
)
from pipelines.store import FolderStore, Store, open_store

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
DAY = NOW.date()


def article(number: int, text: str = "text", day: int = 0) -> Row:
    seen = NOW + timedelta(days=day)
    return {
        "article_id": f"a{number}",
        "text": text,
        "tags": ["x", "y"],
        "removed": {"player": 2},
        "first_seen_at": seen,
        "first_seen_date": seen.date(),
    }


def receipt(key: str, *, complete: bool = True) -> Row:
    return {"capture_key": key, "source_id": "s", "complete": complete, "capture_date": DAY}


def opened(store: Store) -> tuple[Archive, int]:
    archive = Archive(store)
    return archive, archive.open_for_publishing()


def publish(store: Store, rows: Mapping[str, TableRows], captures: Sequence[str] = ()) -> None:
    archive, after = opened(store)
    archive.commit(rows, after=after, captures=captures, kind="publish", now=NOW)


def rows_of(store: Store, table: str) -> list[dict[str, Any]]:
    found = Archive(store).dataset(table)
    assert found is not None
    rows = found.to_table().to_pylist(maps_as_pydicts="strict")
    return sorted(rows, key=lambda row: str(row[TABLES[table].key[0]]))


def test_what_was_committed_is_what_is_read(store: Store) -> None:
    publish(store, {"articles": TableRows(added=[article(1), article(2)])}, ["c1"])
    rows = rows_of(store, "articles")
    assert [row["article_id"] for row in rows] == ["a1", "a2"]
    assert {name: rows[0][name] for name in article(1)} == article(1)
    assert Archive(store).position == 1
    assert list(store.list(STAGED_ROWS)) == []


def test_a_changed_row_replaces_the_one_with_its_key_and_a_deleted_one_goes(store: Store) -> None:
    publish(store, {"articles": TableRows(added=[article(1), article(2), article(3, day=-1)])})
    publish(
        store, {"articles": TableRows(added=[article(4)], changed=[article(1, "new")], deleted=[article(3, day=-1)])}
    )
    assert [(row["article_id"], row["text"]) for row in rows_of(store, "articles")] == [
        ("a1", "new"),
        ("a2", "text"),
        ("a4", "text"),
    ]


def test_rows_are_found_by_their_ids(store: Store) -> None:
    publish(store, {"articles": TableRows(added=[article(n, day=-n) for n in range(5)])})
    archive = Archive(store)
    assert [row["article_id"] for row in archive.rows_by("articles", "article_id", ["a3", "zz"])] == ["a3"]
    assert archive.rows_by("articles", "article_id", []) == []
    assert Archive(open_store(store.uri)).rows_by("articles", "article_id", ["a1"], ["text"]) == [{"text": "text"}]


def test_an_empty_archive_has_no_rows_and_is_not_made_by_reading(tmp_path: Path) -> None:
    archive = Archive(FolderStore(tmp_path / "none"))
    assert archive.dataset("articles") is None
    assert archive.receipts(DAY) == {}
    assert archive.last_published_at() is None
    assert not (tmp_path / "none").exists()


def test_whoever_read_an_older_state_commits_nothing(store: Store) -> None:
    (first, after), (second, same) = opened(store), opened(store)
    assert after == same == 0
    first.commit({"articles": TableRows(added=[article(1)])}, after=0, captures=["c"], kind="publish", now=NOW)
    with pytest.raises(ObjectChangedError):
        second.commit({"articles": TableRows(added=[article(1)])}, after=0, captures=["c"], kind="publish", now=NOW)
    assert list(store.list(STAGED_ROWS)) == []
    assert second.replay() == 1
    assert len(rows_of(store, "articles")) == 1
    assert len(second.rows_by("articles", "article_id", ["a1"])) == 1, "the loser reads what the winner wrote"


def test_many_writers_at_once_lose_nothing_and_double_nothing(store: Store) -> None:
    Archive(store).open_for_publishing()

    def write(number: int) -> None:
        archive = Archive(open_store(store.uri))
        while True:
            after = archive.open_for_publishing()
            rows = {
                "articles": TableRows(added=[article(number)]),
                "receipts": TableRows(changed=[receipt("shared"), receipt(f"c{number}")]),
            }
            try:
                archive.commit(rows, after=after, captures=[f"c{number}"], kind="publish", now=NOW)
            except ObjectChangedError:
                continue
            return

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(write, range(8)))
    assert [row["article_id"] for row in rows_of(store, "articles")] == [f"a{n}" for n in range(8)]
    assert len(Archive(store).receipts(DAY)) == 9
    assert Archive(store).position == 8


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_commit_killed_at_any_call_is_whole_or_nothing(tmp_path: Path, deaths: Any, after: bool) -> None:
    def entry(number: int) -> dict[str, TableRows]:
        return {
            "articles": TableRows(added=[article(10 + number)], changed=[article(1, f"changed by {number}")]),
            "appearances": TableRows(
                changed=[{"appearance_id": "p", "title": str(number), "first_seen_date": DAY}],
            ),
            "receipts": TableRows(added=[receipt(f"c{number}")]),
        }

    store = FolderStore(tmp_path / "archive")
    publish(store, {"articles": TableRows(added=[article(1)])})
    whole = nothing = 0
    for dies_at in range(1, 60):
        before = Archive(store).position
        with_receipt = len(Archive(store).receipts(DAY))
        rows, captures = entry(dies_at), [f"c{dies_at}"]
        survived = deaths.survived(lambda dying: publish(dying, rows, captures), store, dies_at, after=after)  # noqa: B023
        position = Archive(store)
        position.open_for_publishing()
        applied = position.position - before
        assert applied in (0, 1)
        texts = {row["article_id"]: row["text"] for row in rows_of(store, "articles")}
        assert (f"a{10 + dies_at}" in texts) == bool(applied)
        assert (texts["a1"] == f"changed by {dies_at}") == bool(applied)
        assert len(position.receipts(DAY)) - with_receipt == applied
        assert len(texts) == len(rows_of(store, "articles")), "no key twice"
        whole, nothing = whole + applied, nothing + (1 - applied)
        if survived:
            break
    else:
        pytest.fail("never survived")
    assert whole > 5
    assert nothing > 3
    position.remove_leftovers(now=NOW)
    assert list(store.list(STAGED_ROWS)) == []


def test_leftovers_go_and_the_sleeper_they_belong_to_commits_nothing(store: Store) -> None:
    archive, after = opened(store)
    store.put(f"{STAGED_ROWS}sleeper/articles.added.parquet", b"x")
    assert archive.remove_leftovers(now=NOW) == 1
    with pytest.raises(ObjectChangedError):
        archive.commit({"articles": TableRows(added=[article(1)])}, after=after, captures=(), kind="publish", now=NOW)
    assert archive.remove_leftovers(now=NOW) == 0


def make_of_version(store: Store, version: int, schema: pa.Schema) -> None:
    DeltaTable.create(
        store.table_uri("articles"),
        schema,
        partition_by=["first_seen_date"],
        configuration={"worldwire.schemaVersion": str(version)},
        storage_options=store.table_options(),
        raise_if_key_not_exists=False,
    )


def test_a_newer_archive_is_refused_in_one_sentence(store: Store) -> None:
    make_of_version(store, 99, TABLES["articles"].schema)
    with pytest.raises(SchemaTooNewError, match=r"schema version 99 and this worldwire knows \d+; install a newer"):
        Archive(store).dataset("articles")
    with pytest.raises(SchemaTooNewError):
        Archive(store).open_for_publishing()


def test_a_newer_journal_is_refused_in_one_sentence(store: Store) -> None:
    archive, _ = opened(store)
    store.put(entry_key(1), b'{"format": 99}')
    with pytest.raises(SchemaTooNewError, match="newer worldwire"):
        archive.replay()
    store.put(entry_key(1), b"{}")
    with pytest.raises(StorageError, match="not a journal entry"):
        archive.replay()


def test_columns_that_an_older_archive_lacks_are_added_and_read_as_unknown(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    spec = TABLES["articles"]
    make_of_version(store, 0, spec.schema.remove(spec.schema.get_field_index("opt_out")))
    assert Archive(store).rows_by("articles", "article_id", ["a1"]) == []
    publish(store, {"articles": TableRows(added=[article(1) | {"opt_out": ["noai"]}])})
    assert rows_of(store, "articles")[0]["opt_out"] == ["noai"]


def test_a_missing_bucket_is_one_sentence(s3_environment: str) -> None:
    with pytest.raises(StorageUnavailableError, match=r"bucket 'no-such-bucket'.*does not exist"):
        opened(open_store("s3://no-such-bucket/x"))


def test_an_unwritable_folder_is_one_sentence() -> None:
    with pytest.raises(StorageError, match="archive /proc/no/archive cannot be used"):
        opened(open_store("/proc/no/archive"))


def test_a_table_that_does_not_exist_is_named(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="no table 'authors'; it has revisions, articles, appearances"):
        Archive(store).dataset("authors")


def test_many_small_commits_are_joined_and_say_the_same(store: Store) -> None:
    archive, after = opened(store)
    for number in range(6):
        rows = {"articles": TableRows(added=[article(number), article(100 + number, day=-1)])}
        archive.commit(rows, after=after + number, captures=(), kind="publish", now=NOW)
    before = rows_of(store, "articles")
    assert archive.compact(most_files=6) == 0
    assert archive.compact(most_files=5) == 12
    assert rows_of(store, "articles") == before
    assert archive.compact(most_files=5) == 0
    archive.commit({"articles": TableRows(changed=[article(1, "new")])}, after=6, captures=(), kind="publish", now=NOW)
    assert len(rows_of(store, "articles")) == len(before)


def test_opening_costs_no_more_after_many_commits(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    archive, _ = opened(store)
    for number in range(45):
        archive.commit(
            {"receipts": TableRows(added=[receipt(f"c{number}")])}, after=number, captures=(), kind="publish", now=NOW
        )
    assert len(list((tmp_path / "archive/tables/receipts/_delta_log").glob("*.checkpoint.parquet"))) == 2


def test_other_readers_read_the_same_rows(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    publish(store, {"articles": TableRows(added=[article(n, day=-n) for n in range(3)])})
    publish(store, {"articles": TableRows(changed=[article(1, "new", day=-1)])})
    table = DeltaTable(store.table_uri("articles"))
    frame = pd.DataFrame(table.to_pandas(columns=["article_id", "text"])).sort_values("article_id")
    assert frame["text"].tolist() == ["text", "new", "text"]
    chosen = table.to_pandas(columns=["text"], filters=[("article_id", "=", "a1")])
    assert chosen["text"].tolist() == ["new"], "a changed row is found by a filter on its strings"
    files = table.file_uris()
    query = duckdb.connect().sql(f"select article_id, text, removed['player'] from read_parquet({files}) order by 1")
    assert query.fetchall() == [("a0", "text", 2), ("a1", "new", 2), ("a2", "text", 2)]
    history = [commit.get("worldwireJournal") for commit in table.history()]
    assert history[:2] == [2, 1], "each commit names its journal entry"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=4), max_size=5))
def test_the_tables_hold_what_the_entries_add_up_to(
    tmp_path_factory: pytest.TempPathFactory, entries: list[list[tuple[int, bool]]]
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("archive"))
    archive, after = opened(store)
    expected: dict[str, str] = {}
    for number, entry in enumerate(entries):
        changes = dict(entry)
        changed = [article(one, f"entry {number}") for one, kept in changes.items() if kept]
        deleted = [article(one) for one, kept in changes.items() if not kept]
        rows = {"articles": TableRows(changed=changed, deleted=deleted)}
        archive.commit(rows, after=after + number, captures=(), kind="publish", now=NOW)
        for one, kept in changes.items():
            expected.pop(f"a{one}", None)
            if kept:
                expected[f"a{one}"] = f"entry {number}"
    assert {row["article_id"]: row["text"] for row in rows_of(store, "articles")} == expected
