"""`reextract`: the rows of some days made anew from their captures, without a request to any site.

Stories stay as they are: a better text changes an article's row, the kind of its copies and the sketches, not which
appearances belong together. Old rows stay readable by time travel for as long as the tables' history.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import unified_diff

import pyarrow.compute as pc

from pipelines.archive import Archive, Row, TableRows, appearance_id_of
from pipelines.capture import captures_kept_from, day_of_key
from pipelines.errors import ObjectChangedError
from pipelines.model import CopyKind
from pipelines.pages import open_workers
from pipelines.publish.fresh import Fresh
from pipelines.publish.rows import appearance_row, article_row, signature_row
from pipelines.publish.stories import sign_fresh
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from pipelines.syndication import describe_copy
from pipelines.upkeep.anew import extract_all_again

logger = logging.getLogger(__name__)

_BATCH_ROWS = 500
_MOST_SAMPLES = 20
_SAMPLE_LINES = 40
# What changes with every extraction and says nothing of its quality.
_UNCOMPARED = frozenset({"revision", "extractor", "removed", "modified_at", "schema_version", "fetched_at", "run_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChange:
    """One article whose text would change: the lines that go (-) and come (+)."""

    article_id: str
    url: str
    lines: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ReextractReport:
    """`examined` appearances; `missing`: their capture is gone, of `removed` since its retention has ended.

    `lost`: no article any longer, the row stays as it is.

    `texts` have another title or text. `columns`: in how many articles each column differs.
    """

    examined: int = 0
    missing: int = 0
    removed: int = 0
    lost: int = 0
    texts: int = 0
    articles: int = 0
    words_before: int = 0
    words_after: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    samples: list[TextChange] = field(default_factory=list)
    written: bool = False


def reextract(
    settings: ArchiveSettings,
    *,
    since: date,
    until: date,
    source_id: str | None = None,
    write: bool = False,
    workers: int | None = None,
    now: datetime | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> ReextractReport:
    """What today's extractor makes of the appearances first seen from `since` to `until` (both days included).

    Nothing is changed without `write`; `on_progress` is told how many were examined.
    """
    moment = now or datetime.now(UTC)
    store = open_store(settings.uri)
    archive = Archive(store)
    archive.open_for_publishing()
    report = ReextractReport(written=write)
    kept_from = captures_kept_from(store)
    with open_workers(workers) as pool:
        for rows in _portions(archive, since, until, source_id):
            made = list(extract_all_again(store, rows, pool))
            missing = _captures_without(rows, [row for row, _ in made])
            report.missing += len(missing)
            report.removed += sum(kept_from is not None and day_of_key(key) < kept_from for key in missing)
            report.examined += len(rows)
            report.lost += sum(fresh is None for _, fresh in made)
            fresh_ones = [fresh for _, fresh in made if fresh is not None]
            _compare_or_write(archive, fresh_ones, report, write=write, now=moment)
            if on_progress is not None:
                on_progress(report.examined)
    logger.info("reextracted %d appearances, %d with another text", report.examined, report.texts)
    return report


def _captures_without(rows: Sequence[Row], made: Sequence[Row]) -> list[str]:
    """The captures of the rows of which nothing was made, one a row."""
    found = {str(row["appearance_id"]) for row in made}
    return [str(row["capture_key"]) for row in rows if str(row["appearance_id"]) not in found]


def _portions(archive: Archive, since: date, until: date, source_id: str | None) -> Iterator[list[Row]]:
    rows = archive.dataset("appearances", (since, until))
    if rows is None:
        return
    wanted = (pc.field("first_seen_date") >= since) & (pc.field("first_seen_date") <= until)
    if source_id is not None:
        wanted = wanted & (pc.field("source_id") == source_id)
    ordered = rows.to_table(columns=["appearance_id", "capture_key"], filter=wanted).sort_by("capture_key")
    ids = ordered["appearance_id"].to_pylist()
    for at in range(0, len(ids), _BATCH_ROWS):
        yield archive.rows_by("appearances", "appearance_id", ids[at : at + _BATCH_ROWS])


def _compare_or_write(
    archive: Archive, fresh: Sequence[Fresh], report: ReextractReport, *, write: bool, now: datetime
) -> None:
    counted = False
    while True:
        after = archive.replay()
        current = {
            str(row["appearance_id"]): row
            for row in archive.rows_by("appearances", "appearance_id", {one.appearance_id for one in fresh})
        }
        # A page that was published again meanwhile, or taken down, is no longer what was extracted here.
        valid = [one for one in fresh if current.get(one.appearance_id) == one.known]
        articles = {
            str(row["story_id"]): row
            for row in archive.rows_by("articles", "story_id", {str(_known(one)["story_id"]) for one in valid})
        }
        changes = _Changes(articles, valid)
        if not counted:
            changes.count(report)
            counted = True
        rows = changes.rows()
        if not write or not any(table.changed for table in rows.values()):
            return
        try:
            archive.commit(rows, after=after, captures=(), kind="reextract", now=now)
        except ObjectChangedError:
            continue
        return


def _known(one: Fresh) -> Row:
    assert one.known is not None
    return one.known


class _Changes:
    """Rows that differ from what the tables hold."""

    def __init__(self, articles: Mapping[str, Row], fresh: Sequence[Fresh]) -> None:
        self._articles = articles
        self._fresh = fresh
        self._new_articles: dict[str, tuple[Row, Row]] = {}
        for one in fresh:
            before = articles.get(str(_known(one)["story_id"]))
            if before is not None and _canonical_id(before) == one.appearance_id:
                after = article_row(str(before["story_id"]), before, one)
                if _differences(before, after):
                    self._new_articles[str(before["story_id"])] = (before, after)

    def rows(self) -> dict[str, TableRows]:
        appearances = [row for one in self._fresh if (row := self._appearance(one)) is not None]
        signatures = [
            signature_row(one, sign_fresh(one), str(_known(one)["story_id"]))
            for one in self._fresh
            if _has_new_text(one)
        ]
        return {
            "articles": TableRows(changed=[after for _, after in self._new_articles.values()]),
            "appearances": TableRows(changed=appearances),
            "signatures": TableRows(changed=signatures),
        }

    def _appearance(self, one: Fresh) -> Row | None:
        before = _known(one)
        story_id = str(before["story_id"])
        copy = (CopyKind(str(before["kind"])), float(str(before["similarity"])))
        article = self._new_articles[story_id][1] if story_id in self._new_articles else self._articles.get(story_id)
        if copy[0] is not CopyKind.ORIGINAL and article is not None:
            copy = describe_copy(str(article["text"]), one.page.text)
        after = appearance_row(one, story_id, copy)
        return after if _differences(before, after) else None

    def count(self, report: ReextractReport) -> None:
        report.texts += sum(_has_new_text(one) for one in self._fresh)
        report.articles += len(self._new_articles)
        for before, after in self._new_articles.values():
            report.columns.update(_differences(before, after))
            report.words_before += int(str(before["word_count"]))
            report.words_after += int(str(after["word_count"]))
            if before["text"] != after["text"] and len(report.samples) < _MOST_SAMPLES:
                report.samples.append(_sample(before, after))


def _has_new_text(one: Fresh) -> bool:
    return _known(one)["content_sha256"] != one.sighting.content_sha256


def _canonical_id(article: Row) -> str:
    return appearance_id_of(str(article["source_id"]), str(article["canonical_url"]))


def _differences(before: Row, after: Row) -> list[str]:
    return [name for name in after if name not in _UNCOMPARED and before.get(name) != after[name]]


def _sample(before: Row, after: Row) -> TextChange:
    old, new = str(before["text"]).split("\n"), str(after["text"]).split("\n")
    lines = [line for line in unified_diff(old, new, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]
    return TextChange(article_id=str(before["article_id"]), url=str(before["url"]), lines=tuple(lines[:_SAMPLE_LINES]))
