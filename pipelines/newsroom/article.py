"""An article beside the page from which it was made."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.archive import Archive
from pipelines.capture import decoded_body, read_page, read_page_at
from pipelines.errors import InputError, StorageError
from pipelines.model import CaptureRef, RawPage
from pipelines.newsroom.rows import Row
from pipelines.store import Store

_MAX_PAGE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """`row` is the article's; `page` the body as it was captured, decoded, or None with the reason in `why_no_page`."""

    row: Row
    page: bytes | None
    content_type: str
    why_no_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedBody:
    """A page's body as it was captured, decoded; None with the reason in `why_not`."""

    body: bytes | None
    content_type: str = ""
    why_not: str = ""


def find_article(store: Store, article_id: str, *, with_page: bool = False) -> ArticlePage | None:
    """The article of that id, None if there is none; the page is read only where it is asked for."""
    found = Archive(store).rows_by("articles", "article_id", {article_id})
    if not found:
        return None
    row = found[0]
    if not with_page:
        return ArticlePage(row=row, page=None, content_type="")
    ref = CaptureRef(
        key=str(row["capture_key"]), offset=int(str(row["capture_offset"])), payload_sha256=str(row["payload_sha256"])
    )
    found_body = _body_of(lambda: read_page(store, ref))
    return ArticlePage(
        row=row, page=found_body.body, content_type=found_body.content_type, why_no_page=found_body.why_not
    )


def read_body(store: Store, key: str, offset: int) -> CapturedBody:
    """The body of the page whose record is at that byte of a capture."""
    return _body_of(lambda: read_page_at(store, key, offset))


def _body_of(read: Callable[[], RawPage]) -> CapturedBody:
    try:
        page = read()
        body = decoded_body(page, _MAX_PAGE_BYTES)
    except (InputError, StorageError) as error:
        return CapturedBody(body=None, why_not=str(error))
    return CapturedBody(body=body, content_type=page.header("content-type") or "text/html")
