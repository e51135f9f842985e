"""docs/article-fields.md and the code's schemas say the same, and so does a published archive."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.archive import SCHEMA_VERSION, TABLES, Archive
from pipelines.extract import EXTRACTOR
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from pipelines.upkeep import takedown
from tests.pipelines.small_press import NOON, Press, page_of, tell

DOC = (Path(__file__).parents[2] / "docs" / "article-fields.md").read_text("utf-8")
TYPES = {
    pa.string(): "string",
    pa.timestamp("us", tz="UTC"): "time",
    pa.date32(): "day",
    pa.int32(): "integer",
    pa.int64(): "integer",
    pa.float64(): "number",
    pa.bool_(): "yes/no",
    pa.binary(): "bytes",
    pa.list_(pa.string()): "strings",
    pa.list_(pa.int64()): "integers",
    pa.map_(pa.string(), pa.int64()): "counts",
}


def documented(table: str) -> dict[str, list[str]]:
    """The cells behind each column's name, in the order of the page."""
    section = DOC.split(f"\n## {table}\n")[1].split("\n## ")[0]
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in section.splitlines() if line.startswith("| ")]
    assert rows[0] == ["column", "type", "null", "meaning", "from", "example"]
    return {cells[0]: cells[1:] for cells in rows[1:]}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_documented_in_its_order_with_its_type(table: str) -> None:
    fields = documented(table)
    schema = TABLES[table].schema
    if table == "revisions":
        fields |= documented("articles")
    assert {name: cells[0] for name, cells in fields.items()} == {field.name: TYPES[field.type] for field in schema}
    assert list(fields) == schema.names
    assert all(len(cells) == 5 and all(cells) for cells in fields.values())


def test_the_page_names_the_tables_and_the_schema_version() -> None:
    assert set(re.findall(r"^## (\w+)$", DOC, re.MULTILINE)) == set(TABLES)
    assert f"Schema version {SCHEMA_VERSION}." in DOC


def test_examples_have_the_form_of_what_is_written() -> None:
    examples = {f"{table}.{name}": cells[4].strip("`") for table in TABLES for name, cells in documented(table).items()}
    assert form(examples["articles.extractor"]) == form(examples["quarantine.extractor"]) == form(EXTRACTOR)
    runs = {example for name, example in examples.items() if name.endswith(".run_id")}
    assert {form(example) for example in runs} == {form(f"{NOON:%Y%m%dT%H%M%S}-1f2e3a4b")}
    assert examples["articles.published_found_in"] == "json-ld datePublished"


def form(text: str) -> str:
    """The text with each run of digits as one."""
    return re.sub(r"[\d.]+", "0", text)


@pytest.mark.usefixtures("drafts_inline")
def test_what_is_never_null_is_not_null_in_a_published_archive(tmp_path: Path) -> None:
    press = Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")
    where = ArchiveSettings(uri=press.store.uri, spool=press.spool)

    def publish() -> None:
        publish_new_captures(where, now=NOON + timedelta(days=1))

    press.capture("daily", [page_of(1), page_of(3, paragraphs=["Short."]), page_of(5)], report=False)
    press.capture("echo", [page_of(1, "echo", published=None, paragraphs=tell(1)[:5])])
    press.capture("left", [page_of(7, "left", paragraphs=tell(7)[:4])])
    press.capture("right", [page_of(7, "right", paragraphs=tell(7)[3:])])
    publish()
    press.capture("daily", [page_of(1, paragraphs=tell(1)[:6])], run="r2", started_at=NOON + timedelta(hours=5))
    press.capture("whole", [page_of(7, "whole", published=NOON - timedelta(hours=1))], run="r2")
    publish()
    takedown(where, url="https://daily.example/world/story-5", reason="asked", now=NOON + timedelta(days=1))
    for name in TABLES:
        rows = Archive(press.store).dataset(name)
        assert rows is not None
        table = rows.to_table()
        assert table.num_rows, name
        fields = documented("articles") | documented(name) if name == "revisions" else documented(name)
        never = [column for column, cells in fields.items() if cells[1] == "never"]
        assert {column for column in never if table[column].null_count} == set(), name
    seen = {row["first_seen_at"] for row in rows_of(press, "appearances")}
    assert {row["first_seen_at"] for row in rows_of(press, "articles")} <= seen


def rows_of(press: Press, table: str) -> list[dict[str, Any]]:
    rows = Archive(press.store).dataset(table)
    assert rows is not None
    found: list[dict[str, Any]] = rows.to_table().to_pylist()
    return found
