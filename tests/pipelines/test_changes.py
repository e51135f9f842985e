"""The change feed: a reader's copy is the table after every poll, whatever was killed, joined or written meanwhile."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.archive import Archive, Row, TableRows, tables
from pipelines.errors import ConfigurationError, InputError, ObjectChangedError
from pipelines.readers import export_changes, read_changes
from pipelines.store import FolderStore, Store, open_store
from tests.pipelines.conftest import KilledError

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def article(number: int, text: str = "text") -> Row:
    seen = NOW + timedelta(days=number % 2)
    return {"article_id": f"a{number}", "text": text, "first_seen_at": seen, "first_seen_date": seen.date()}


def write(store: Store, *, kind: str = "publish", **rows: list[Row]) -> None:
    """One entry that changes articles, after whatever the archive holds."""
    archive = Archive(store)
    while True:
        try:
            archive.commit(
                {"articles": TableRows(**rows), "receipts": TableRows()},
                after=archive.open_for_publishing(),
                captures=(),
                kind=kind,
                now=NOW,
            )
        except ObjectChangedError:
            continue
        return


class Copy:
    """What a reader keeps who follows the feed of articles."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.version = 0
        self.texts: dict[str, str] = {}
        self.seen: list[tuple[str, str, int]] = []

    def poll(self) -> None:
        changes = read_changes(self._store, "articles", since_version=self.version)
        for batch in changes.batches:
            for row in batch.to_pylist():
                self.seen.append((row["change"], row["article_id"], row["journal"]))
                if row["change"] == "removed":
                    self.texts.pop(row["article_id"], None)
                else:
                    self.texts[row["article_id"]] = row["text"]
        self.version = changes.version


def table(store: Store) -> dict[str, str]:
    rows = Archive(store).dataset("articles")
    return {} if rows is None else {row["article_id"]: row["text"] for row in rows.to_table().to_pylist()}


def test_a_reader_is_given_what_is_new_changed_and_removed_and_the_version_to_go_on_from(store: Store) -> None:
    copy = Copy(store)
    store.put("captures/none", b"")
    copy.poll()
    assert (copy.version, copy.seen) == (0, [])
    write(store, added=[article(1), article(2), article(3)])
    copy.poll()
    assert (copy.version, sorted(copy.texts)) == (1, ["a1", "a2", "a3"])
    write(store, changed=[article(1, "new")], kind="publish")
    write(store, deleted=[article(3)], kind="takedown")
    copy.seen.clear()
    copy.poll()
    assert copy.seen == [("removed", "a3", 3), ("put", "a1", 2)]
    assert copy.texts == {"a1": "new", "a2": "text"}
    copy.seen.clear()
    copy.poll()
    assert copy.seen == []


def test_joining_files_replays_nothing(store: Store) -> None:
    copy = Copy(store)
    for number in range(4):
        write(store, added=[article(number)])
    copy.poll()
    copy.seen.clear()
    archive = Archive(store)
    archive.open_for_publishing()
    assert archive.compact(most_files=1) > 0
    archive.vacuum(forget_history=True)
    copy.poll()
    assert copy.seen == []
    write(store, changed=[article(1, "new")])
    copy.poll()
    assert copy.seen == [("put", "a1", 5)]
    assert copy.texts == table(store)


Entry = tuple[dict[int, bool], int | None]
entries = st.tuples(st.dictionaries(st.integers(0, 3), st.booleans(), max_size=3), st.none() | st.integers(0, 3))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(st.tuples(entries, st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_a_copy_is_the_table_after_every_poll_whatever_is_killed_or_joined(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    history: list[tuple[Entry, bool, bool]],
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("archive"))
    Archive(store).open_for_publishing()
    copy = Copy(store)
    for at, ((changes, dies_after), joins, polls) in enumerate(history):
        known = table(store)
        put = [article(number, f"entry {at}") for number, kept in changes.items() if kept]
        gone = [article(number) for number, kept in changes.items() if not kept and f"a{number}" in known]
        with monkeypatch.context() as patch:
            patch.setattr(tables, "commit_entry", _dying(tables.commit_entry, dies_after))
            try:
                write(
                    store,
                    added=[row for row in put if row["article_id"] not in known],
                    changed=[row for row in put if row["article_id"] in known],
                    deleted=gone,
                )
            except KilledError:
                copy.poll()  # between the tables of one entry
        archive = Archive(store)
        archive.open_for_publishing()
        if joins:
            archive.compact(most_files=1)
        if polls:
            copy.poll()
            assert copy.texts == table(store)
    copy.poll()
    assert copy.texts == table(store)
    assert len(copy.seen) == len(set(copy.seen)), "nothing is replayed"


def _dying(commit: Any, dies_after: int | None) -> Any:
    done = 0

    def dying(*args: Any) -> None:
        nonlocal done
        if done == dies_after:
            raise KilledError
        done += 1
        commit(*args)

    return dying


def test_polling_while_others_publish_misses_nothing_and_repeats_nothing(store: Store) -> None:
    write(store, added=[article(number) for number in range(3)])
    copy, done = Copy(store), Event()

    def publish(writer: int) -> None:
        other = open_store(store.uri)
        for number in range(2):
            write(other, added=[article(10 * (writer + 1) + number)], changed=[article(number, f"{writer} {number}")])
        write(other, deleted=[article(10 * (writer + 1))], kind="takedown")

    def poll() -> None:
        while not done.is_set():
            copy.poll()

    with ThreadPoolExecutor(3) as pool:
        polling = pool.submit(poll)
        for writing in [pool.submit(publish, writer) for writer in range(2)]:
            writing.result()
        done.set()
        polling.result()
    copy.poll()
    assert copy.texts == table(store)
    assert copy.version == 7
    assert len(copy.seen) == len(set(copy.seen))


def test_the_export_has_removed_rows_first_with_their_key_and_day(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    write(store, added=[article(1), article(2)])
    write(store, changed=[article(1, "new")], deleted=[article(2)], kind="takedown")
    output = tmp_path / "changes.jsonl"
    assert export_changes(store, "articles", output, format="jsonl", since_version=1) == (2, 2)
    gone, put = map(json.loads, output.read_text("utf-8").splitlines())
    assert {name: value for name, value in gone.items() if value is not None} == {
        "change": "removed",
        "article_id": "a2",
        "first_seen_date": "2026-11-24",
        "journal": 2,
    }
    assert (put["change"], put["article_id"], put["text"], put["journal"]) == ("put", "a1", "new", 2)
    for kind in ("csv", "parquet"):
        assert export_changes(store, "articles", tmp_path / kind, format=kind, since_version=0) == (1, 2)  # type: ignore[arg-type]


def test_a_version_that_never_was_and_a_table_without_changes_are_named(archive_folder: Path) -> None:
    store = open_store(str(archive_folder))
    write(store, added=[article(1)])
    with pytest.raises(InputError, match="is at version 1; it never was at 7"):
        read_changes(store, "articles", since_version=7)
    with pytest.raises(ConfigurationError, match="table signatures keeps no changes; those that do are articles"):
        read_changes(store, "signatures")


def test_removals_hold_no_content(store: Store) -> None:
    write(store, added=[article(1, "a secret")])
    write(store, deleted=[article(1, "a secret")], kind="takedown")
    rows = Archive(store).dataset("removals")
    assert rows is not None
    assert rows.to_table().to_pylist() == [
        {
            "table_name": "articles",
            "row_id": "a1",
            "first_seen_date": date(2026, 11, 25),
            "why": "takedown",
            "removed_at": NOW,
            "journal": 2,
            "removed_date": NOW.date(),
        }
    ]
