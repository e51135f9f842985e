"""Archives that older worldwires wrote are read as they are and published on; that of a newer one is refused."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawlers.cli.app import make_app
from pipelines.archive import SCHEMA_VERSION, TABLES, tables
from pipelines.cli.entry import run_app
from pipelines.errors import InputError
from pipelines.publish import publish_new_captures
from pipelines.readers import export_rows, find_story, read_as_of, read_changes, read_rows
from pipelines.settings import ArchiveSettings
from pipelines.store import Store
from tests.pipelines.conftest import ARCHIVES
from tests.pipelines.small_press import NOON, Press, page_of

VERSIONS = range(1, SCHEMA_VERSION)
LATER = NOON + timedelta(days=1)


def rows(store: Store, table: str) -> list[dict[str, Any]]:
    return [row for batch in read_rows(store, table) for row in batch.to_pylist(maps_as_pydicts="strict")]


def known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def test_an_archive_of_each_older_version_is_kept() -> None:
    kept = {int(path.name.removeprefix("schema-").removesuffix(".tar.xz")) for path in ARCHIVES.glob("*.tar.xz")}
    assert kept >= set(VERSIONS), "run python -m tests.archives.make before the schema version is raised"


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_read_as_it_is(archived: Callable[[int], Store], version: int, tmp_path: Path) -> None:
    store = archived(version)
    before = sorted(found.key for found in store.list(""))
    articles = {row["canonical_url"].rpartition("/")[2]: row for row in rows(store, "articles")}
    assert sorted(articles) == ["story-1", "story-2"]
    assert articles["story-2"]["revision"] == 2
    assert articles["story-2"]["text"].endswith("This report was corrected on Friday.")
    assert {row["schema_version"] for row in articles.values()} == {version}
    for table in TABLES:
        assert all(row.keys() == set(TABLES[table].schema.names) for row in rows(store, table))
    story = find_story(store, articles["story-1"]["article_id"])
    assert [one.source_id for one in story.appearances] == ["daily", "echo"]
    assert [row["article_id"] for batch in read_as_of(store, NOON) for row in batch.to_pylist()] == [
        articles["story-1"]["article_id"]
    ]
    for kind in ("csv", "jsonl", "parquet"):
        assert export_rows(store, "articles", tmp_path / kind, format=kind) == 2  # type: ignore[arg-type]
    assert sorted(found.key for found in store.list("")) == before, "reading writes nothing"


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_published_on_and_keeps_changes_from_then_on(
    archived: Callable[[int], Store], version: int, tmp_path: Path
) -> None:
    store = archived(version)
    before = {table: [known(row) for row in rows(store, table)] for table in ("articles", "appearances", "runs")}
    with pytest.raises(InputError, match="written by an older worldwire and keeps no changes yet; `worldwire compact`"):
        read_changes(store, "articles")
    where = ArchiveSettings(uri=store.uri, spool=tmp_path / "spool")
    publish_new_captures(where, now=LATER)
    first = read_changes(store, "articles")
    assert sorted(row["article_id"] for batch in first.batches for row in batch.to_pylist()) == sorted(
        row["article_id"] for row in before["articles"]
    )
    Press(store=store, spool=where.spool).capture("daily", [page_of(9)], run="r9", started_at=LATER)
    publish_new_captures(where, now=LATER + timedelta(hours=1))
    after = read_changes(store, "articles", since_version=first.version)
    assert [row["url"] for batch in after.batches for row in batch.to_pylist()] == [page_of(9).url]
    for table, old in before.items():
        now = [known(row) for row in rows(store, table)]
        assert all(row in now for row in old), f"{table} lost a row"


def test_that_of_a_newer_worldwire_is_refused_by_every_command_in_one_sentence(
    archived: Callable[[int], Store],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uri = archived(VERSIONS[-1]).uri
    monkeypatch.setattr(tables, "SCHEMA_VERSION", 1)
    sources = tmp_path / "sources.toml"
    sources.write_text('[[source]]\nid = "x"\nname = "X"\nhomepage = "https://x.example/"\n')
    for command in (
        ("run", "--sources", sources),
        ("publish",),
        ("export", "-o", tmp_path / "x.jsonl"),
        ("export", "--since-version", 0, "-o", tmp_path / "x.jsonl"),
        ("export", "--as-of", "2026-11-20", "-o", tmp_path / "x.jsonl"),
        ("status",),
        ("compact",),
    ):
        code = run_app(make_app(), [*map(str, command), "--archive", uri], name="worldwire")
        said = capsys.readouterr()
        assert code == 3, command
        assert said.err == (
            f"The archive {uri} has schema version {VERSIONS[-1]} and this worldwire knows 1;"
            " install a newer worldwire.\n"
        ), command
    assert not (tmp_path / "x.jsonl").exists()
