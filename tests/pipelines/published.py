"""A publish of a small press, and what is in the tables after it."""

from datetime import timedelta
from typing import Any

from pipelines.archive import TABLES, Archive
from pipelines.publish import PublishSummary, publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import Store
from tests.pipelines.small_press import NOON, Press

Rows = dict[str, dict[str, Any]]
_TIMELESS = {"last_published_at", "published_at", "found_at", "journal"}


def publish(press: Press, **values: Any) -> PublishSummary:
    where = ArchiveSettings(uri=press.store.uri, spool=press.spool)
    return publish_new_captures(where, **{"now": NOON + timedelta(hours=1), **values})


def rows(store: Store, table: str) -> Rows:
    """The table's rows by key."""
    found = Archive(store).dataset(table)
    if found is None:
        return {}
    key = TABLES[table].key
    read = found.to_table().to_pylist(maps_as_pydicts="strict")
    by_key = {"/".join(str(row[name]) for name in key): row for row in read}
    assert len(by_key) == len(read), f"{table} has a key twice"
    return by_key


def everything(store: Store) -> dict[str, Rows]:
    """All rows but for the moments and journal numbers of their publishing."""

    def timeless(table: str, row: dict[str, Any]) -> dict[str, Any]:
        gone = _TIMELESS - ({"published_at"} if table in ("articles", "appearances", "signatures") else set())
        return {name: value for name, value in row.items() if name not in gone}

    return {table: {key: timeless(table, row) for key, row in rows(store, table).items()} for table in TABLES}


def stories(store: Store) -> set[frozenset[str]]:
    """Which URLs tell one story."""
    groups: dict[str, set[str]] = {}
    for row in rows(store, "appearances").values():
        groups.setdefault(row["story_id"], set()).add(row["url"])
    return {frozenset(group) for group in groups.values()}


def counts(summary: PublishSummary) -> tuple[int, int, int]:
    return summary.new_articles, summary.new_appearances, summary.revised
