"""The newsroom's pages: GET only, each behind `require_viewer`, each from what the archive holds.

/                       every source in one row
/sources/ID             one source
/sources/ID/task        to the mapped task in Airflow that ran its last crawl
/articles/ID            clean text beside the captured page;  /articles/ID/raw is that page
/stories/ID             where a story ran
/archive                tables, files, growth
/static/NAME            our own style, script and icons
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from dags.dashboard import tasks
from dags.dashboard.access import RAW_POLICY, as_web_page, harden, make_harmless, require_viewer
from dags.dashboard.remembered import Remembered
from dags.dashboard.words import page
from pipelines.errors import InputError, WorldwireError
from pipelines.newsroom import SourceFigures, find_article, list_sources, list_tables, view_source
from pipelines.readers import find_story
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store

T = TypeVar("T")

_STATIC = Path(__file__).parent / "static"
_STATIC_FILES = {path.name: path for path in _STATIC.iterdir() if path.is_file()}


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
    app.add_exception_handler(WorldwireError, _say_archive_error)
    _sources.renew()  # Airflow's menu has just asked for our icon; the table follows when somebody clicks on it
    return app


@router.get("/")
def show_sources(request: Request) -> Response:
    sources, found_at = _sources.get()
    return _show(request, "sources.html", sources=sources, found_at=found_at, now=_now())


@router.get("/sources/{source_id}")
def show_source(request: Request, source_id: str) -> Response:
    view = _or_404(view_source(_store(), source_id, now=_now()), "source", source_id)
    return _show(request, "source.html", view=view, now=_now())


@router.get("/sources/{source_id}/task")
def go_to_task(request: Request, source_id: str) -> Response:
    view = _or_404(view_source(_store(), source_id, now=_now()), "source", source_id)
    run = next((run["dag_run_id"] for run in view.runs if run["dag_run_id"]), None)
    path = _or_404(tasks.path_of_crawl(run, source_id) if run else None, "crawl in this Airflow of", source_id)
    return RedirectResponse(_airflow_root(request) + path, status.HTTP_303_SEE_OTHER)


@router.get("/articles/{article_id}")
def show_article(request: Request, article_id: str) -> Response:
    found = _or_404(find_article(_store(), article_id), "article", article_id)
    return _show(request, "article.html", article=found.row)


@router.get("/articles/{article_id}/raw")
def show_captured_page(request: Request, article_id: str) -> Response:
    found = _or_404(find_article(_store(), article_id, with_page=True), "article", article_id)
    if found.page is None:
        return _show(request, "message.html", 404, title="The page is not there", text=found.why_no_page)
    headers = {"Content-Security-Policy": RAW_POLICY}
    return Response(make_harmless(found.page), media_type=as_web_page(found.content_type), headers=headers)


@router.get("/stories/{story_id}")
def show_story(request: Request, story_id: str) -> Response:
    try:
        story = find_story(_store(), story_id)
    except InputError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no story {story_id}.") from error
    return _show(request, "story.html", story=story)


@router.get("/archive")
def show_archive(request: Request) -> Response:
    return _show(request, "archive.html", tables=_tables.get(), uri=_settings().uri)


@router.get("/static/{name}")
def give_file(name: str) -> Response:
    path = _or_404(_STATIC_FILES.get(name), "file", name)
    return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})


def _show(request: Request, template: str, status_code: int = 200, **values: object) -> HTMLResponse:
    return HTMLResponse(page(template, root=str(request.scope.get("root_path", "")), **values), status_code)


def _settings() -> ArchiveSettings:
    return ArchiveSettings.from_env()


def _store() -> Store:
    return open_store(_settings().uri)


def _now() -> datetime:
    return datetime.now(UTC)


def _find_sources() -> tuple[list[SourceFigures], datetime]:
    now = _now()
    return list_sources(_store(), now=now), now


_sources = Remembered(_find_sources)
_tables = Remembered(lambda: list_tables(_store(), now=_now()))


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


async def _say_archive_error(request: Request, error: Exception) -> Response:
    return _show(request, "message.html", 503, title="The archive cannot be read", text=str(error))
