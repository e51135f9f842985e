"""One page, whatever it is, to a value: the only place where an unforeseen error is not an error."""

import errno
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pipelines.extract import Draft, draft_page, finish_page
from pipelines.model import CaptureRef, Dropped, DropReason, RawPage
from pipelines.publish.checks import check_page
from pipelines.publish.sightings import Sighting, see, sign_sighting
from pipelines.publish.staging import StagedPage, StagedRow, stage_page
from pipelines.template import Template

logger = logging.getLogger(__name__)

NO_ROOM = frozenset({errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS})  # of the disk, not the page
_NO_CAPTURE = CaptureRef(key="", offset=0, payload_sha256="")

Made = TypeVar("Made")


def draft(page: RawPage) -> Draft | Dropped:
    """The page's draft; runs in a worker."""
    return _guarded(page, lambda: draft_page(page))


def draft_staged(page: RawPage) -> StagedPage:
    """The row that holds the page's draft; runs in a worker."""
    return stage_page(draft(page))


def each_of(pages: Sequence[RawPage | Dropped], work: Callable[[RawPage], Made]) -> list[Made | Dropped]:
    """What `work` makes of each page; runs in a worker."""
    return [page if isinstance(page, Dropped) else work(page) for page in pages]


def finish(page: Draft | Dropped, template: Template) -> Sighting | Dropped:
    """The article of a draft, recognised."""
    return page if isinstance(page, Dropped) else _guarded(page.page, lambda: _finish(page, template))


def finish_rows(rows: Sequence[StagedRow], template: Template) -> list[Sighting | Dropped]:
    """The articles of staged drafts of one site, recognised and signed; runs in a worker."""
    return [_finish_row(row.made(), template) for row in rows]


def dropped(page: RawPage, reason: DropReason, detail: str) -> Dropped:
    """The page as one that gives no article."""
    return Dropped(
        source_id=page.source.id,
        run_id=page.run_id,
        url=page.url,
        capture=page.capture or _NO_CAPTURE,
        stage="extract",
        reason=reason,
        detail=detail,
    )


def _finish_row(page: Draft | Dropped, template: Template) -> Sighting | Dropped:
    seen = finish(page, template)
    if isinstance(seen, Dropped) or isinstance(page, Dropped):
        return seen
    return _guarded(page.page, lambda: replace(seen, signature=sign_sighting(seen)))


def _finish(page: Draft, template: Template) -> Sighting | Dropped:
    article = finish_page(page, template)
    if isinstance(article, Dropped):
        return article
    return check_page(article) or see(article)


def _guarded(page: RawPage, make: Callable[[], Made]) -> Made | Dropped:
    try:
        return make()
    except Exception as error:  # whatever it is, it must not stop the pages around it
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        logger.warning("%s cannot be extracted", page.url, exc_info=True)
        return dropped(page, DropReason.ERROR, f"{type(error).__name__}: {error}"[:300])
