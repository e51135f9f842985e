"""One page, whatever it is, to a value: the only place where an unforeseen error is not an error."""

import errno
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pipelines.extract import Draft, draft_page, dropped, finish_page
from pipelines.model import Dropped, DropReason, RawPage
from pipelines.pages.check import check_page
from pipelines.pages.sighting import Sighting, see, sign_sighting, unsigned
from pipelines.pages.staged import StagedPage, StagedRow, stage_page
from pipelines.signatures import sign_all
from pipelines.template import Template

logger = logging.getLogger(__name__)

NO_ROOM = frozenset({errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS})  # of the disk, not the page

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
    drafts = [row.made() for row in rows]
    return _sign(drafts, [finish(page, template) for page in drafts])


def _sign(drafts: Sequence[Draft | Dropped], finished: Sequence[Sighting | Dropped]) -> list[Sighting | Dropped]:
    """What was made of the drafts, signed all at once: alone a text takes twice as long."""
    seen = [one for one in finished if isinstance(one, Sighting)]
    try:
        signatures = iter(sign_all([unsigned(one) for one in seen]))
    except Exception:  # one of them, which must not cost the others
        logger.warning("a text cannot be signed; each is signed alone", exc_info=True)
        return [_sign_alone(page, one) for page, one in zip(drafts, finished, strict=True)]
    return [replace(one, signature=next(signatures)) if isinstance(one, Sighting) else one for one in finished]


def _sign_alone(page: Draft | Dropped, finished: Sighting | Dropped) -> Sighting | Dropped:
    if isinstance(finished, Dropped) or isinstance(page, Dropped):
        return finished
    return _guarded(page.page, lambda: replace(finished, signature=sign_sighting(finished)))


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
