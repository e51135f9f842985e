"""What is wrong with an archive, in sentences; nothing if each captured page is published once and all else agrees.

The checker trusts no receipt: it reads every capture, every object and every table, and compares.
"""

import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from crawlers.frontier import Frontier, load_frontier
from pipelines.archive import TABLES, Archive, JournalEntry, appearance_id_of, read_entry
from pipelines.capture import REPORT_SUFFIX, WARC_SUFFIX, read_pages, run_of_key, source_of_key
from pipelines.capture.record import MemberReader, RecordError, parse_record
from pipelines.errors import WorldwireError
from pipelines.model import Dropped, RawPage
from pipelines.store import Store
from pipelines.urls import canonical_url

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
# Moments and numbers of a publish, and what depends on which run captured a page.
_OF_ITS_PUBLISH = {"last_published_at", "found_at", "journal", "removed_at", "removed_date"}
_OF_ITS_RUN = {
    "journal",
    "run_id",
    "capture_key",
    "capture_offset",
    "first_seen_at",
    "fetched_at",
    "first_seen_date",
    "story_id",
    "article_id",
}


def damage(store: Store, spool: Path | None = None) -> list[str]:
    """All that is wrong, in sentences."""
    try:
        tables = read_tables(store)
        captures = {key: list(read_pages(store, key)) for key in keys_of(store, WARC_SUFFIX)}
    except (WorldwireError, OSError, ValueError) as error:
        return [f"the archive cannot be read: {error}", *damaged_objects(store)]
    return [
        *damaged_objects(store),
        *_spooled(spool),
        *_unpublished_pages(captures, tables),
        *_doubled_rows(tables),
        *_dangling_rows(captures, tables),
        *_wrong_receipts(store, captures, tables),
        *_wrong_runs(tables),
        *_wrong_journal(store, tables),
    ]


def lost_pages(store: Store, expected: Iterable[str]) -> list[str]:
    """Pages of the world that the archive lacks, and what the frontiers do not know of the captures."""
    wrong = []
    captured: defaultdict[str, set[str]] = defaultdict(set)
    for key in keys_of(store, WARC_SUFFIX):
        for page in read_pages(store, key):
            if isinstance(page, RawPage):
                captured[page.source.id].add(page.requested_url)
    found = {url for urls in captured.values() for url in urls}
    wrong += [f"{url} was never captured" for url in sorted(set(expected) - found)]
    for source_id, urls in captured.items():
        frontier = load_frontier(store, source_id)
        wrong += [
            f"the frontier does not know that {url} was fetched" for url in sorted(urls) if _unknown(frontier, url)
        ]
    return wrong


def _unknown(frontier: Frontier, url: str) -> bool:
    visit = frontier.visit(url)
    return visit is None or visit.visits == 0 or visit.payload_sha256 is None


def spooled_pages(spool: Path) -> set[tuple[str, str]]:
    """Address and digest of every page that lies whole in the spool: nothing of it may be lost."""
    found = set()
    for path in spool.glob(f"*/captures/*/*/*{WARC_SUFFIX}"):
        with path.open("rb") as file:
            reader = MemberReader(file)
            try:
                while (member := reader.next_member()) is not None:
                    record = parse_record(*member)
                    if record.headers.get("warc-type") == "response":
                        found.add((record.headers["warc-target-uri"], record.headers["warc-payload-digest"]))
            except RecordError:
                continue
    return found


def captured_pages(store: Store) -> set[tuple[str, str]]:
    """Address and digest of every page in the captures."""
    pages = (page for key in keys_of(store, WARC_SUFFIX) for page in read_pages(store, key))
    return {
        (page.url, f"sha256:{hashlib.sha256(page.body).hexdigest()}") for page in pages if isinstance(page, RawPage)
    }


def keys_of(store: Store, suffix: str = "", prefix: str = "captures/") -> list[str]:
    return [found.key for found in store.list(prefix) if found.key.endswith(suffix)]


def read_tables(store: Store) -> Tables:
    """All rows of all tables."""
    archive = Archive(store)
    found = {name: archive.dataset(name) for name in TABLES}
    return {
        name: [] if rows is None else rows.to_table().to_pylist(maps_as_pydicts="strict")
        for name, rows in found.items()
    }


def same_captures(tables: Tables) -> Any:
    """What must be equal after any publish of the same captures: all rows, but for the moments of the publish."""
    return {name: _sorted(name, rows, _OF_ITS_PUBLISH | _moments(name)) for name, rows in tables.items()}


def same_world(tables: Tables) -> Any:
    """What must be equal after any crawl and publish of the same pages: all that does not depend on the run."""
    stories: defaultdict[str, set[str]] = defaultdict(set)
    for row in tables["appearances"]:
        stories[row["story_id"]].add(row["url"])
    return {
        **{name: _sorted(name, tables[name], _OF_ITS_RUN | {"revision"}) for name in ("articles", "appearances")},
        "stories": sorted(sorted(urls) for urls in stories.values()),
    }


def differences(expected: Any, found: Any) -> list[str]:
    """Where two of these differ, in a few words each."""
    wrong = []
    for name, rows in expected.items():
        missing = [row for row in rows if row not in found[name]]
        extra = [row for row in found[name] if row not in rows]
        wrong += [f"{name} lacks {_short(row)}" for row in missing] + [f"{name} has {_short(row)}" for row in extra]
        if not missing and not extra and len(rows) != len(found[name]):
            wrong.append(f"{name} has a row twice")
    return wrong


def objects_of(store: Store) -> dict[str, bytes]:
    """All objects, but for what is staged."""
    return {found.key: store.get(found.key).body for found in store.list("") if not found.key.startswith("staged/")}


def rewritten(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Objects that went or changed, and new journal entries."""
    changed = [f"{key} was rewritten" for key in before if before[key] != after.get(key)]
    return changed + [f"{key} is new" for key in sorted(after.keys() - before.keys()) if key.startswith("journal/")]


def _short(row: Any) -> str:
    if isinstance(row, dict):
        row = {name: value for name, value in row.items() if name not in ("text", "shingles", "bands")}
    return str(row)[:1200]


def _moments(table: str) -> set[str]:
    return {"published_at"} if table == "receipts" else set()


def _sorted(name: str, rows: Sequence[Row], without: set[str]) -> list[Row]:
    kept = [{column: value for column, value in row.items() if column not in without} for row in rows]
    first = [column for column in (*TABLES[name].key, "url") if column not in without]
    return sorted(kept, key=lambda row: [str(row.get(column)) for column in first])


def damaged_objects(store: Store) -> list[str]:
    """Objects that are not whole: every one is read as what its name says."""
    wrong = []
    for found in store.list(""):
        try:
            _read_object(store, found.key)
        except (WorldwireError, OSError, ValueError) as error:
            wrong.append(f"{found.key} is damaged: {' '.join(str(error).split())[:200]}")
    return wrong


def _read_object(store: Store, key: str) -> None:
    if key.endswith(".parquet"):
        pq.read_table(io.BytesIO(store.get(key).body))
    elif key.endswith(WARC_SUFFIX):
        for page in read_pages(store, key):
            if isinstance(page, Dropped):
                raise ValueError(f"record at byte {page.capture.offset}: {page.detail}")
    elif "/_delta_log/" in key and key.endswith(".json"):
        for line in store.get(key).body.splitlines():
            json.loads(line)
    elif key.endswith(".json"):
        json.loads(store.get(key).body)


def _spooled(spool: Path | None) -> Iterator[str]:
    for path in spool.rglob("*") if spool else ():
        if path.is_file():
            yield f"{path.name} is still in the spool"


def _unpublished_pages(captures: Mapping[str, Sequence[RawPage | Dropped]], tables: Tables) -> Iterator[str]:
    published = Counter(row["appearance_id"] for row in tables["appearances"])
    for source_id, url in {(page.source.id, page.url) for page in _whole(captures) if page.status == 200}:
        count = published[appearance_id_of(source_id, canonical_url(url) or url)]
        if count != 1:
            yield f"{url} was captured and is published {count} times"


def _whole(captures: Mapping[str, Sequence[RawPage | Dropped]]) -> Iterator[RawPage]:
    for pages in captures.values():
        yield from (page for page in pages if isinstance(page, RawPage))


def _doubled_rows(tables: Tables) -> Iterator[str]:
    for name, rows in tables.items():
        for key, count in Counter(tuple(str(row[column]) for column in TABLES[name].key) for row in rows).items():
            if count > 1:
                yield f"{name} has {'/'.join(key)} {count} times"
    for url, count in Counter((row["source_id"], row["url"]) for row in tables["appearances"]).items():
        if count > 1:
            yield f"appearances has {url} {count} times"
    for story, count in Counter(row["story_id"] for row in tables["articles"]).items():
        if count > 1:
            yield f"the story {story} has {count} articles"


def _dangling_rows(captures: Mapping[str, Sequence[RawPage | Dropped]], tables: Tables) -> Iterator[str]:
    """Rows of different tables that do not belong together, and rows whose page is not where they say."""
    places = {
        (page.capture.key, page.capture.offset, page.capture.payload_sha256)
        for page in _whole(captures)
        if page.capture
    }
    for name in ("articles", "appearances"):
        for row in tables[name]:
            if (row["capture_key"], row["capture_offset"], row["payload_sha256"]) not in places:
                yield f"{name}: the page of {row['url']} does not lie where it says, in {row['capture_key']}"
    articles = {row["article_id"]: row["story_id"] for row in tables["articles"]}
    for row in tables["appearances"]:
        if articles.get(row["article_id"]) != row["story_id"]:
            yield f"the appearance {row['url']} names the article {row['article_id']} of another story, or of none"
    left = articles.keys() - {row["article_id"] for row in tables["appearances"]}
    yield from (f"the article {one} has no appearance" for one in sorted(left))
    signed = Counter(row["appearance_id"] for row in tables["signatures"])
    for row in tables["appearances"]:
        if signed[row["appearance_id"]] != 1:
            yield f"the appearance {row['url']} has {signed[row['appearance_id']]} signatures"


def _wrong_receipts(store: Store, captures: Mapping[str, Sequence[RawPage | Dropped]], tables: Tables) -> Iterator[str]:
    receipts = {row["capture_key"]: row for row in tables["receipts"]}
    due = {*captures, *keys_of(store, REPORT_SUFFIX)}
    yield from (f"{key} has no receipt" for key in sorted(due - receipts.keys()))
    yield from (f"the receipt of {key} is of no object" for key in sorted(receipts.keys() - due))
    for key, row in receipts.items():
        pages = len(captures.get(key, ()))
        if not row["complete"] or row["pages"] != pages or row["articles"] + row["dropped"] != pages:
            said = {name: row[name] for name in ("complete", "pages", "articles", "dropped")}
            yield f"the receipt of {key} says {said}; there are {pages}"


def _wrong_runs(tables: Tables) -> Iterator[str]:
    totals: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in tables["receipts"]:
        key = row["capture_key"]
        counted = {name: row[name] for name in ("pages", "articles", "dropped")}
        totals[source_of_key(key), run_of_key(key)].update(counted | {"captures": key.endswith(WARC_SUFFIX)})
    for row in tables["runs"]:
        total = totals.pop((row["source_id"], row["run_id"]), Counter())
        said = (row["pages"], row["extracted"], sum(row["dropped"].values()), row["published_captures"])
        if said != (total["pages"], total["articles"], total["dropped"], total["captures"]):
            yield f"the run {row['run_id']} says {said} and its receipts {dict(total)}"
    yield from (f"the run {run_id} of {source_id} has receipts and no row" for source_id, run_id in totals)
    for column, rows in (("new_appearances", tables["appearances"]), ("new_articles", tables["articles"])):
        said = sum(row[column] for row in tables["runs"])
        if said != len(rows):
            yield f"the runs say {said} {column}, the table has {len(rows)}"


def _wrong_journal(store: Store, tables: Tables) -> Iterator[str]:
    position = Archive(store).position
    entries: dict[int, JournalEntry] = {}
    while (entry := read_entry(store, len(entries) + 1)) is not None:
        entries[entry.number] = entry
    if position != len(entries):
        yield f"the tables are at entry {position} of {len(entries)}"
    for row in tables["receipts"]:
        if row["journal"] not in entries or row["capture_key"] not in entries[row["journal"]].captures:
            yield f"the receipt of {row['capture_key']} names entry {row['journal']}, which does not name it"
    named = {key for entry in entries.values() for key in entry.captures}
    yield from (
        f"{key} is in the journal and has no receipt"
        for key in sorted(named - {row["capture_key"] for row in tables["receipts"]})
    )
