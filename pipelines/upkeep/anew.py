"""Rows -> the same pages extracted anew from their captures."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pipelines.archive import Row
from pipelines.capture import read_page, read_pages
from pipelines.errors import InputError, ObjectNotFoundError
from pipelines.model import CaptureRef, Dropped, RawPage
from pipelines.pages import PageWorkers, Sighting, draft, finish
from pipelines.publish.fresh import Fresh
from pipelines.store import Store
from pipelines.template import Template, load_template


def extract_again(store: Store, row: Row) -> Fresh | None:
    """One appearance as its capture gives it today; None if the capture is gone or gives no article."""
    try:
        page = read_page(store, _ref(row))
    except (InputError, ObjectNotFoundError):
        return None
    made = finish(draft(page), load_template(store, page.source.id))
    return None if isinstance(made, Dropped) else as_fresh(made, row)


def extract_all_again(store: Store, rows: Iterable[Row], workers: PageWorkers) -> Iterator[tuple[Row, Fresh | None]]:
    """Many appearances, each capture read once. Rows whose capture is gone are left out."""
    captures: defaultdict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        captures[str(row["capture_key"])][int(str(row["capture_offset"]))] = row
    templates: dict[str, Template] = {}
    for row, made in workers.draft(_pages(store, captures)):
        source_id = str(row["source_id"])
        if source_id not in templates:
            templates = {source_id: load_template(store, source_id)}
        article = finish(made, templates[source_id])
        yield row, None if isinstance(article, Dropped) else as_fresh(article, row)


def _pages(store: Store, captures: dict[str, dict[int, Row]]) -> Iterator[tuple[Row, RawPage | Dropped]]:
    for key in sorted(captures, key=lambda key: (key.split("/")[2], key)):
        wanted = captures[key]
        try:
            for page in read_pages(store, key):
                row = wanted.get(page.capture.offset) if page.capture is not None else None
                if row is not None:
                    yield row, page
        except ObjectNotFoundError:
            continue


def as_fresh(made: Sighting, row: Row) -> Fresh:
    """What was made under the row's identity: extraction may read another canonical URL today, the row stays itself."""
    values: dict[str, Any] = row
    kept = replace(made, canonical_url=values["canonical_url"], appearance_id=values["appearance_id"])
    is_changed = made.content_sha256 != row["content_sha256"]
    revision = values["revision"] + is_changed
    return Fresh(sighting=kept, known=row, revision=revision, first_seen_at=values["first_seen_at"])


def _ref(row: Row) -> CaptureRef:
    values: dict[str, Any] = row
    return CaptureRef(
        key=values["capture_key"], offset=values["capture_offset"], payload_sha256=values["payload_sha256"]
    )
