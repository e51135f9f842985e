"""The newsroom's pages: GET only, each behind `require_viewer`, each from what the archive holds.

/                       every source in one row;  ?state=ill for some of them
/sources/ID             one source
/sources/ID/dropped     its pages that gave no article, one by one
/sources/ID/template    what is learned of its template
/sources/ID/task        to the mapped task in Airflow that ran its last crawl;  ?run=ID for an earlier one
/articles/ID            clean text beside the captured page;  /articles/ID/raw is that page
/pages/BYTE/KEY         a captured page;  /raw/BYTE/KEY is that page,  /blocks/BYTE/KEY what becomes of its blocks
/stories/ID             where a story ran;  /stories/ID/copies/ID is how a copy differs
/archive                tables, files, growth
/static/NAME            our own style, scripts and icons
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from dags.dashboard import tasks
from dags.dashboard.access import RAW_POLICY, as_web_page, harden, make_harmless, require_viewer
from dags.dashboard.remembered import Remembered, RememberedBy
from dags.dashboard.sources import STATES, FoundSources
from dags.dashboard.words import page
from pipelines.errors import InputError, ObjectNotFoundError, WorldwireError
from pipelines.newsroom import (
    ArchiveFigures,
    BusyError,
    DroppedPages,
    LearnedTemplate,
    SourceView,
    compare_copy,
    find_article,
    judge_page,
    list_dropped,
    list_sources_apart,
    read_body,
    view_archive,
    view_page,
    view_source,
    view_template,
)
from pipelines.readers import find_story
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store

T = TypeVar("T")

_PATIENCE = 0.5  # seconds that a reader waits before there is a page that says so, and follows by itself

_STATIC = FilePath(__file__).parent / "static"
_STATIC_FILES = {path.name: path for path in _STATIC.iterdir() if path.is_file()}
_CAPTURE_KEY = re.compile(r"captures/date=\d{4}-\d\d-\d\d/source=[\w-]+/[\w-]+\.warc\.gz", re.ASCII)

Byte = Annotated[int, Path(ge=0, lt=2**63)]

router = APIRouter()


def make_app() -> FastAPI:
    app = FastAPI(
        title="worldwire newsroom",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(require_viewer)],
    )
    app.include_router(router)
    app.middleware("http")(harden)
    app.add_exception_handler(StarletteHTTPException, _say_error)
    app.add_exception_handler(RequestValidationError, _say_no_such_page)
    app.add_exception_handler(WorldwireError, _say_archive_error)
    _sources.renew()  # Airflow's menu has just asked for our icon; the table follows when somebody clicks on it
    return app


@router.get("/")
def show_sources(request: Request, state: Annotated[str, Query()] = "") -> Response:
    found = _sources.get_within(_PATIENCE)
    if found is None:
        return _show(request, "waiting.html", title="Sources")
    chosen = state if state in STATES else ""
    return _show(request, "sources.html", main=found.main(chosen), found_at=found.found_at, now=_now())


@router.get("/sources/{source_id}")
def show_source(request: Request, source_id: str) -> Response:
    found = _source_views.get_within(source_id, _PATIENCE)
    if found is None:
        return _show(request, "waiting.html", title=source_id)
    view = _or_404(found.view, "source", source_id)
    return _show(request, "source.html", view=view, found_at=found.found_at, now=_now())


@router.get("/sources/{source_id}/dropped")
def show_dropped(request: Request, source_id: str) -> Response:
    source, dropped = _source(source_id), _dropped.get(source_id)
    return _show(request, "dropped.html", source_id=source.source_id, dropped=dropped, uri=_settings().uri)


@router.get("/sources/{source_id}/template")
def show_template(request: Request, source_id: str) -> Response:
    return _show(request, "template.html", source_id=_source(source_id).source_id, learned=_templates.get(source_id))


@router.get("/sources/{source_id}/task")
def go_to_task(request: Request, source_id: str, run: Annotated[str, Query()] = "") -> Response:
    run = run or next((one["dag_run_id"] for one in _source(source_id).runs if one["dag_run_id"]), "")
    path = _or_404(tasks.path_of_crawl(run, source_id) if run else None, "crawl in this Airflow of", source_id)
    return RedirectResponse(_airflow_root(request) + path, status.HTTP_303_SEE_OTHER)


@router.get("/articles/{article_id}")
def show_article(request: Request, article_id: str) -> Response:
    found = _or_404(find_article(_store(), article_id), "article", article_id)
    return _show(request, "article.html", article=found.row)


@router.get("/articles/{article_id}/raw")
def show_captured_page(request: Request, article_id: str) -> Response:
    found = _or_404(find_article(_store(), article_id, with_page=True), "article", article_id)
    return _caged(request, found.page, found.content_type, found.why_no_page)


@router.get("/pages/{offset}/{key:path}")
def show_page(request: Request, offset: Byte, key: str) -> Response:
    view = view_page(_store(), _capture_key(key), offset)
    return _show(request, "page.html", view=view, key=key, offset=offset, uri=_settings().uri)


@router.get("/blocks/{offset}/{key:path}")
def show_blocks(request: Request, offset: Byte, key: str) -> Response:
    verdict = judge_page(_store(), _capture_key(key), offset)
    return _show(request, "blocks.html", verdict=verdict, key=key, offset=offset)


@router.get("/raw/{offset}/{key:path}")
def show_raw_page(request: Request, offset: Byte, key: str) -> Response:
    found = read_body(_store(), _capture_key(key), offset)
    return _caged(request, found.body, found.content_type, found.why_not)


@router.get("/stories/{story_id}")
def show_story(request: Request, story_id: str) -> Response:
    return _show(request, "story.html", story=find_story(_store(), story_id))


@router.get("/stories/{story_id}/copies/{appearance_id}")
def show_copy(request: Request, story_id: str, appearance_id: str) -> Response:
    pieces = compare_copy(_store(), story_id, appearance_id)
    return _show(request, "copy.html", pieces=pieces, story_id=story_id)


@router.get("/archive")
def show_archive(request: Request) -> Response:
    found = _archive.get_within(_PATIENCE)
    if found is None:
        return _show(request, "waiting.html", title="Archive")
    archive, found_at = found
    return _show(request, "archive.html", archive=archive, uri=_settings().uri, found_at=found_at, now=_now())


@router.get("/static/{name}")
def give_file(name: str) -> Response:
    path = _or_404(_STATIC_FILES.get(name), "file", name)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})


def _show(request: Request, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
    return HTMLResponse(page(template, root=str(request.scope.get("root_path", "")), **values), status_code)


def _caged(request: Request, body: bytes | None, content_type: str, why_not: str) -> Response:
    if body is None:
        return _show(request, "message.html", 404, title="The page is not there", text=why_not)
    headers = {"Content-Security-Policy": RAW_POLICY}
    return Response(make_harmless(body), media_type=as_web_page(content_type), headers=headers)


def _settings() -> ArchiveSettings:
    return ArchiveSettings.from_env()


def _store() -> Store:
    return open_store(_settings().uri)


def _now() -> datetime:
    return datetime.now(UTC)


def _find_sources() -> FoundSources:
    now = _now()
    return FoundSources(list_sources_apart(_settings().uri, now=now), now)


def _find_archive() -> tuple[ArchiveFigures, datetime]:
    now = _now()
    return view_archive(_store(), now=now), now


@dataclass(frozen=True, slots=True)
class _FoundSource:
    """`view` is None for a source that the archive does not know."""

    view: SourceView | None
    found_at: datetime


def _find_source(source_id: str) -> _FoundSource:
    now = _now()
    return _FoundSource(view_source(_store(), source_id, now=now), now)


def _find_dropped(source_id: str) -> DroppedPages:
    return list_dropped(_store(), source_id, now=_now())


def _find_template(source_id: str) -> LearnedTemplate | None:
    return view_template(_store(), source_id)


_sources = Remembered(_find_sources)
_archive = Remembered(_find_archive)
_source_views = RememberedBy(_find_source, fresh_seconds=20, stale_seconds=600)
_dropped = RememberedBy(_find_dropped, fresh_seconds=120, stale_seconds=120)
_templates = RememberedBy(_find_template, fresh_seconds=600, stale_seconds=600)


def _source(source_id: str) -> SourceView:
    return _or_404(_source_views.get(source_id).view, "source", source_id)


def _capture_key(key: str) -> str:
    """The key, if it can only be a capture's."""
    return _or_404(key if _CAPTURE_KEY.fullmatch(key) else None, "capture", key)


def _airflow_root(request: Request) -> str:
    """Where Airflow's UI starts, without a slash at its end: the newsroom is mounted one step below it."""
    return str(request.scope.get("root_path", "")).rsplit("/", 1)[0]


def _or_404(found: T | None, what: str, name: str) -> T:
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no {what} {name}.")
    return found


async def _say_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    titles = {401: "Log in first", 403: "Not for you", 404: "Not found"}
    title = titles.get(error.status_code, "That did not work")
    answer = _show(request, "message.html", error.status_code, title=title, text=str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _say_no_such_page(request: Request, error: Exception) -> Response:
    return _show(request, "message.html", 404, title="Not found", text="There is no such page.")


async def _say_archive_error(request: Request, error: Exception) -> Response:
    status_code, title = 503, "The archive cannot be read"
    if isinstance(error, InputError | ObjectNotFoundError):
        status_code, title = 404, "Not found"
    elif isinstance(error, BusyError):
        title = "One moment"
    return _show(request, "message.html", status_code, title=title, text=str(error))
