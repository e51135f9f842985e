"""One page at a time, in processes of their own: drafted, then finished, checked, recognised and signed.

    RawPage ─► draft ─► StagedPage            dear, knows the page alone
    StagedRow + template ─► Sighting          cheap, knows the site
    PageWorkers                               the processes, under limits of time and memory

A page that fails is a Dropped and costs only itself. Nothing here knows of tables: a worker loads neither DuckDB nor
deltalake.
"""

from pipelines.pages.check import check_page, held
from pipelines.pages.one_page import NO_ROOM, draft, draft_staged, finish, finish_rows
from pipelines.pages.sighting import Sighting, see, sign_sighting, unsigned
from pipelines.pages.staged import StagedPage, StagedRow, stage_page, unpack_marks
from pipelines.pages.workers import PAGE_SECONDS, PageWorkers, open_workers

__all__ = [
    "NO_ROOM",
    "PAGE_SECONDS",
    "PageWorkers",
    "Sighting",
    "StagedPage",
    "StagedRow",
    "check_page",
    "draft",
    "draft_staged",
    "finish",
    "finish_rows",
    "held",
    "open_workers",
    "see",
    "sign_sighting",
    "stage_page",
    "unpack_marks",
    "unsigned",
]
