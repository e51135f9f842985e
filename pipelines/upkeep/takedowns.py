"""`takedown`: a page, an article with all its copies, or a whole source out of the archive, for good.

First the list of takedowns, so that neither a crawl nor a publisher brings it back; then one journal entry; then the
captures, in which the records become tombstones; then the tables' old versions. Every step repeats safely: a takedown
that was killed is called again.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.archive import Archive, Row, TableRows
from pipelines.capture import (
    Takedowns,
    add_takedowns,
    bury_records,
    capture_keys,
    decoded_payload,
    load_takedowns,
    source_of_key,
)
from pipelines.capture.record import Record, split_http
from pipelines.errors import InputError, ObjectChangedError
from pipelines.model import CopyKind
from pipelines.publish.rows import appearance_row, article_row, signature_of_row
from pipelines.publish.staging import staged_key
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store
from pipelines.syndication import pick_canonical
from pipelines.upkeep.anew import extract_again
from pipelines.urls import canonical_url

logger = logging.getLogger(__name__)

_CANONICAL = re.compile(rb"<link\b[^>]*\brel\s*=\s*[\"']?canonical\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(rb"\bhref\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakedownSummary:
    """Rows and records of captures that went; `replaced_articles` now have the text of another appearance."""

    appearances: int
    articles: int
    replaced_articles: int
    records: int


def takedown(
    settings: ArchiveSettings,
    *,
    url: str | None = None,
    article_id: str | None = None,
    source_id: str | None = None,
    reason: str,
    now: datetime | None = None,
) -> TakedownSummary:
    """Takes down exactly one of: the page at `url`, all appearances of an article, everything of a source.

    Raises InputError if not exactly one is named or there is no such article.
    """
    if sum(named is not None for named in (url, article_id, source_id)) != 1:
        raise InputError("Name exactly one of a URL, an article and a source to take down.")
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    archive = Archive(store)
    archive.open_for_publishing()
    urls, sources = _named(store, archive, url=url, article_id=article_id, source_id=source_id)
    add_takedowns(
        store,
        urls=urls,
        sources=[source_id] if source_id else [],
        reason=reason,
        now=moment,
        article_id=article_id,
    )
    found = _change_tables(store, archive, urls, source_id, moment)
    records = _bury(store, sources, load_takedowns(store), moment)
    archive.remove_leftovers(now=moment)
    archive.vacuum(forget_history=True)
    summary = TakedownSummary(
        appearances=len(found.gone),
        articles=len(found.articles),
        replaced_articles=len(found.replaced),
        records=records,
    )
    logger.info("takedown: %s; reason: %s", summary, reason)
    return summary


def _named(
    store: Store, archive: Archive, *, url: str | None, article_id: str | None, source_id: str | None
) -> tuple[set[str], set[str] | None]:
    """The addresses of what is meant, and the sources whose captures may hold it (None: any).

    An article that an earlier call took out of the tables is known from the list.
    """
    if source_id is not None:
        return set(), {source_id}
    if article_id is None:
        urls = {str(url)}
        rows = _at_addresses(archive, urls)
    else:
        entries = load_takedowns(store).urls.items()
        urls = {listed for listed, entry in entries if entry.get("article_id") == article_id}
        rows = archive.rows_by("appearances", "article_id", {article_id})
        if not rows and not urls:
            raise InputError(f"The archive {archive.store.uri} has no article {article_id!r}.")
    urls |= {str(row[name]) for row in rows for name in ("url", "canonical_url")}
    return urls, {str(row["source_id"]) for row in rows} or None


def _at_addresses(archive: Archive, urls: Collection[str]) -> list[Row]:
    found = {}
    for column in ("url", "canonical_url"):
        for row in archive.rows_by("appearances", column, _spellings(urls)):
            found[str(row["appearance_id"])] = row
    return list(found.values())


def _spellings(urls: Collection[str]) -> set[str]:
    return {spelling for url in urls for spelling in (url, canonical_url(url)) if spelling}


@dataclass(slots=True)
class _Found:
    """`gone`: appearances; `articles`: rows without any appearance left; `replaced`: rows with another canonical."""

    gone: list[Row] = field(default_factory=list)
    articles: list[Row] = field(default_factory=list)
    replaced: list[Row] = field(default_factory=list)
    changed: list[Row] = field(default_factory=list)


def _change_tables(
    store: Store, archive: Archive, urls: Collection[str], source_id: str | None, now: datetime
) -> _Found:
    """Commits an entry even if nothing is to go: after it a publisher that had read the older list commits nothing."""
    while True:
        after = archive.replay()
        gone = (
            archive.rows_by("appearances", "source_id", {source_id})
            if source_id is not None
            else _at_addresses(archive, urls)
        )
        held = _held(archive, urls, source_id)
        found = _plan(store, archive, gone)
        signatures = archive.rows_by("signatures", "appearance_id", {str(row["appearance_id"]) for row in gone})
        rows = {
            "appearances": TableRows(deleted=gone, changed=found.changed),
            "signatures": TableRows(deleted=signatures),
            "articles": TableRows(deleted=found.articles, changed=found.replaced),
            "revisions": TableRows(deleted=_earlier_texts(archive, gone)),
            "quarantine": TableRows(deleted=held),
        }
        try:
            archive.commit(rows, after=after, captures=(), kind="takedown", now=now)
        except ObjectChangedError:
            continue
        return found


def _held(archive: Archive, urls: Collection[str], source_id: str | None) -> list[Row]:
    if source_id is not None:
        return archive.rows_by("quarantine", "source_id", {source_id})
    return archive.rows_by("quarantine", "url", _spellings(urls))


def _earlier_texts(archive: Archive, gone: Sequence[Row]) -> list[Row]:
    """Rows of `revisions` that were made from the pages that go, whichever article they stood in."""
    pages = {(row["source_id"], row["canonical_url"]) for row in gone}
    rows = archive.rows_by("revisions", "canonical_url", {str(url) for _, url in pages})
    return [row for row in rows if (row["source_id"], row["canonical_url"]) in pages]


def _plan(store: Store, archive: Archive, gone: Sequence[Row]) -> _Found:
    """Articles of which nothing is left go; where the canonical appearance goes, one that is left takes its place."""
    found = _Found(gone=list(gone))
    ids = {str(row["appearance_id"]) for row in gone}
    stories = {str(row["story_id"]) for row in gone}
    left: defaultdict[str, list[Row]] = defaultdict(list)
    for row in archive.rows_by("appearances", "story_id", stories):
        if row["appearance_id"] not in ids:
            left[str(row["story_id"])].append(row)
    for article in archive.rows_by("articles", "story_id", stories):
        members = left[str(article["story_id"])]
        taken = {(row["source_id"], row["canonical_url"]) for row in gone}
        if not members:
            found.articles.append(article)
        elif (article["source_id"], article["canonical_url"]) in taken:
            _replace(store, article, members, found)
    return found


def _replace(store: Store, article: Row, members: Sequence[Row], found: _Found) -> None:
    left = {str(row["appearance_id"]): row for row in members}
    while left:
        chosen = pick_canonical([signature_of_row(row) for row in left.values()]).appearance_id
        row = left.pop(chosen)
        fresh = extract_again(store, row)
        if fresh is not None:
            story_id = str(article["story_id"])
            found.replaced.append(article_row(story_id, article, fresh))
            found.changed.append(appearance_row(fresh, story_id, (CopyKind.ORIGINAL, 1.0)))
            return
    found.articles.append(article)


def _bury(store: Store, sources: Collection[str] | None, takedowns: Takedowns, now: datetime) -> int:
    """Turns the records of what was taken down into tombstones, in all captures of the sources (None: of all)."""
    buried = 0
    for key in list(_keys(store, sources)):
        source_id = source_of_key(key)
        with TemporaryDirectory(prefix="worldwire-") as folder:
            path = Path(folder) / "capture"
            store.download(key, path)
            count = bury_records(path, partial(_is_meant, takedowns, source_id), now)
            if count:
                store.put_file(key, path)
                store.delete(staged_key(key))
                buried += count
    return buried


def _is_meant(takedowns: Takedowns, source_id: str, record: Record) -> bool:
    """Whether a record's page was taken down, by its address or by the canonical one that it names."""
    url = record.headers.get("warc-target-uri", "").strip("<>")
    if takedowns.covers(source_id, url):
        return True
    if record.headers.get("warc-type") != "response":
        return False
    named = _CANONICAL.search(_body(record))
    href = _HREF.search(named[0]) if named else None
    canonical = canonical_url(href[1].decode("utf-8", "replace"), url) if href else None
    return canonical is not None and takedowns.covers(source_id, canonical)


def _body(record: Record) -> bytes:
    try:
        _, headers, body = split_http(record.block)
        return decoded_payload(headers, body)
    except (ValueError, InputError):
        return b""


def _keys(store: Store, sources: Collection[str] | None) -> Iterable[str]:
    if sources is None:
        yield from capture_keys(store)
        return
    for source_id in sorted(sources):
        yield from capture_keys(store, source_id=source_id)
