"""One captured page: where it lies, what became of it, and what today's extractor makes of each of its blocks."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.archive import Archive
from pipelines.capture import day_of_key, decoded_body, read_page_at
from pipelines.errors import InputError
from pipelines.model import Dropped, RawPage
from pipelines.newsroom.looking import open_lookers
from pipelines.newsroom.rows import Row
from pipelines.store import Store
from pipelines.template import Template, load_template

if TYPE_CHECKING:
    from pipelines.extract import ExplainedBlock

_MOST_BLOCKS = 1500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What today's extractor says of a page: an article with `title` and `words`, or `dropped`; and of its blocks."""

    dropped: Dropped | None
    title: str | None = None
    words: int = 0
    blocks: "tuple[ExplainedBlock, ...]" = ()

    @property
    def kept(self) -> int:
        """How many blocks are part of the article."""
        return sum(block.is_kept for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageView:
    """`appearance` and `held` are the rows that the page has, None where it has none."""

    page: RawPage
    appearance: Row | None
    held: Row | None


def view_page(store: Store, key: str, offset: int) -> PageView:
    """The page whose record is at that byte of a capture. Raises InputError, ObjectNotFoundError."""
    return PageView(
        page=read_page_at(store, key, offset),
        appearance=_row(store, "appearances", key, offset),
        held=_row(store, "quarantine", key, offset),
    )


def judge_page(store: Store, key: str, offset: int) -> Verdict:
    """What today's extractor makes of it. Raises InputError, ObjectNotFoundError, BusyError."""
    page = read_page_at(store, key, offset)
    template = load_template(store, page.source.id)
    with open_lookers() as workers:
        seen = workers.look(page, partial(judge, template=template))
    return Verdict(seen) if isinstance(seen, Dropped) else seen


def judge(page: RawPage, template: Template) -> Verdict:
    """Runs in a worker."""
    from pipelines.extract import explain_page
    from pipelines.pages import draft, finish

    made = finish(draft(page), template)
    try:
        blocks = tuple(explain_page(decoded_body(page), page.url)[:_MOST_BLOCKS])
    except InputError:
        blocks = ()
    if isinstance(made, Dropped):
        return Verdict(dropped=made, blocks=blocks)
    return Verdict(None, made.page.facts.title, len(made.page.text.split()), blocks)


def _row(store: Store, name: str, key: str, offset: int) -> Row | None:
    table = Archive(store).dataset(name)
    if table is None:
        return None
    wanted = (pc.field("capture_key") == key) & (pc.field("capture_offset") == offset)
    if name == "quarantine":
        wanted = wanted & (pc.field("capture_date") == pa.scalar(day_of_key(key), pa.date32()))
    rows = table.to_table(filter=wanted).to_pylist()
    return rows[0] if rows else None
