"""Readers: rows by date and source; exports that are whole, and safe to open."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.archive import Archive, TableRows
from pipelines.errors import ConfigurationError, InputError, StorageUnavailableError
from pipelines.readers import EXPORT_FORMATS, RowRange, csv_cell, export_rows, read_rows
from pipelines.store import FolderStore, Store, open_store


def article(number: int, day: int, source: str = "a-paper", **more: Any) -> dict[str, Any]:
    moment = datetime(2026, 11, day, 6, 30, tzinfo=UTC)
    return {
        "article_id": f"article-{number}",
        "source_id": source,
        "title": f"Title {number}",
        "authors": ["Ada B."],
        "published_at": moment,
        "first_seen_at": moment,
        "first_seen_date": moment.date(),
        "text": "First paragraph.\nSecond paragraph.",
        "word_count": 4,
        "removed": {"comments": 2},
        **more,
    }


def published(store: Store, *rows: dict[str, Any]) -> Archive:
    archive = Archive(store)
    last = archive.open_for_publishing()
    for number, row in enumerate(rows, last):
        archive.commit(
            {"articles": TableRows(added=[row])},
            after=number,
            captures=[f"captures/{number}"],
            kind="publish",
            now=datetime(2026, 11, 20, tzinfo=UTC),
        )
    return archive


def ids(store: Store, **bounds: Any) -> list[str]:
    return [row["article_id"] for batch in read_rows(store, "articles", **bounds) for row in batch.to_pylist()]


def test_rows_come_oldest_day_first_and_both_ends_of_a_range_count(store: Store) -> None:
    published(store, article(1, 12), article(2, 10), article(3, 11, source="b-paper"))
    assert ids(store) == ["article-2", "article-3", "article-1"]
    assert ids(store, since=date(2026, 11, 11)) == ["article-3", "article-1"]
    assert ids(store, until=date(2026, 11, 11)) == ["article-2", "article-3"]
    assert ids(store, since=date(2026, 11, 11), until=date(2026, 11, 11)) == ["article-3"]
    assert ids(store, source_id="b-paper") == ["article-3"]
    assert ids(store, source_id="nobody") == []


def test_an_archive_without_articles_has_no_rows_and_no_archive_is_an_error(store: Store) -> None:
    with pytest.raises(StorageUnavailableError, match="There is no archive at"):
        list(read_rows(store, "articles"))
    store.put("captures/date=2026-11-10/source=a/x-1.warc.gz", b"")
    assert list(read_rows(store, "articles")) == []


def test_a_folder_of_something_else_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not ours")
    with pytest.raises(StorageUnavailableError, match="There is no archive at"):
        list(read_rows(FolderStore(tmp_path), "articles"))
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "one.warc.gz").write_bytes(b"")
    assert list(read_rows(FolderStore(tmp_path), "articles")) == []


@pytest.mark.usefixtures("s3_environment")
def test_a_bucket_that_does_not_exist_is_named() -> None:
    with pytest.raises(StorageUnavailableError, match=r"bucket 'nowhere-at-all'.*does not exist"):
        list(read_rows(open_store("s3://nowhere-at-all/x"), "articles"))


def test_jsonl_has_an_object_a_line(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    published(store, article(1, 10, title="Zürich 東京"), article(2, 11))
    output = tmp_path / "articles.jsonl"
    assert export_rows(store, "articles", output, format="jsonl") == 2
    first, second = map(json.loads, output.read_text("utf-8").splitlines())
    assert (first["title"], first["published_at"], first["removed"]) == (
        "Zürich 東京",
        "2026-11-10T06:30:00Z",
        {"comments": 2},
    )
    assert second["text"] == "First paragraph.\nSecond paragraph."
    assert second["canonical_url"] is None


def test_parquet_has_the_tables_own_types(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    archive = published(store, article(1, 10), article(2, 11))
    output = tmp_path / "articles.parquet"
    assert export_rows(store, "articles", output, format="parquet", rows=RowRange(since=date(2026, 11, 11))) == 1
    rows = archive.dataset("articles")
    assert rows is not None
    assert pq.read_schema(output).equals(rows.schema)
    assert pq.read_table(output)["article_id"].to_pylist() == ["article-2"]


def test_csv_runs_no_formula(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    published(store, article(1, 10, title='=HYPERLINK("http://x","y")'), article(2, 11, title="-1 day, and counting"))
    output = tmp_path / "articles.csv"
    assert export_rows(store, "articles", output, format="csv") == 2
    with output.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["title"] == '\'=HYPERLINK("http://x","y")'
    assert second["title"] == "'-1 day, and counting"
    assert (first["authors"], first["word_count"], first["first_seen_date"]) == ('["Ada B."]', "4", "2026-11-10")


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HOSTILE = (
    "=cmd|' /C calc'!A0",
    "  @SUM(1+1)*cmd|x",
    "\t=1+1",
    "\r\n=1+1",
    "+49 30 1234",
    "＝１＋１",
    "\ufeff=1+1",
    "\xa0\u200b@SUM(1)",
    "\u202e=1+1",
    'He said "no", then: "=1+1"\n-2+3',
    "one\u2028line\u0085or\x0b\x0ctwo",
    "nul \x00 escape \x1b[31m bell \x07",
    "\u202egnp.exe",
    "</script><script>alert(1)</script>",
    "\ufeffmark",
    "'already quoted",
    "",
    " ",
)


def runs(cell: str) -> bool:
    """Whether a spreadsheet might take the cell for a formula."""
    return cell[:1] in ("\t", "\r", "\n") or cell.lstrip(" \xa0\u200b\u202e\ufeff").startswith(FORMULA_STARTS)


def test_hostile_titles_come_back_as_they_are_one_row_each(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    archive = Archive(store)
    rows = [article(number, 10, title=title, authors=[title]) for number, title in enumerate(HOSTILE)]
    after = archive.open_for_publishing()
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    archive.commit({"articles": TableRows(added=rows)}, after=after, captures=(), kind="publish", now=moment)
    for kind in EXPORT_FORMATS:
        assert export_rows(store, "articles", tmp_path / kind, format=kind) == len(HOSTILE)  # type: ignore[arg-type]
    with (tmp_path / "jsonl").open("rb") as lines:
        assert [json.loads(line)["title"] for line in lines] == list(HOSTILE)
    assert pq.read_table(tmp_path / "parquet")["title"].to_pylist() == list(HOSTILE)
    with (tmp_path / "csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["title"].removeprefix("'") for row in found] == [title.removeprefix("'") for title in HOSTILE]
    assert [json.loads(row["authors"]) for row in found] == [[title] for title in HOSTILE]
    assert not [cell for row in found for cell in row.values() if runs(cell)]


@given(st.text())
def test_a_csv_cell_never_starts_as_a_formula_and_loses_nothing(text: str) -> None:
    cell = csv_cell(text)
    assert not runs(cell)
    assert cell.removeprefix("'") in (text, text.removeprefix("'"))


def test_numbers_below_zero_stay_numbers() -> None:
    assert csv_cell(-3) == "-3"


def test_an_empty_table_is_exported_as_an_empty_file_of_its_kind(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    published(store)
    kinds: dict[Any, Callable[[bytes], bool]] = {
        "jsonl": lambda body: body == b"",
        "csv": lambda body: body.startswith(b"article_id,story_id,") and body.count(b"\n") == 1,
        "parquet": lambda body: pq.read_table(io.BytesIO(body)).num_rows == 0,
    }
    for kind, is_right in kinds.items():
        output = tmp_path / f"empty.{kind}"
        assert export_rows(store, "articles", output, format=kind) == 0
        assert is_right(output.read_bytes())


def test_an_export_that_is_stopped_leaves_what_was_there_before(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    published(store, article(1, 10), article(2, 11))
    output = tmp_path / "articles.jsonl"
    output.write_text("yesterday's export\n")

    def stopped(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_rows(store, "articles", output, format="jsonl", on_rows=stopped)
    assert output.read_text() == "yesterday's export\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["articles.jsonl"]


def test_a_place_that_cannot_be_written_is_the_users_mistake(archive_folder: Path, tmp_path: Path) -> None:
    store = open_store(str(archive_folder))
    published(store, article(1, 10))
    with pytest.raises(InputError, match="is a folder"):
        export_rows(store, "articles", tmp_path, format="jsonl")
    with pytest.raises(InputError, match=r"nowhere/x\.jsonl cannot be written: No such file or directory"):
        export_rows(store, "articles", tmp_path / "nowhere" / "x.jsonl", format="jsonl")


def test_an_unknown_table_is_answered_with_those_there_are(archive_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no table 'article'; it has revisions, articles, appearances"):
        list(read_rows(open_store(str(archive_folder)), "article"))
