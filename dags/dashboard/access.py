"""Who may see the pages, and what a browser may do with them."""

import re
from collections.abc import Awaitable, Callable

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request, Response, status

DAG = "publish_articles"  # it makes what the pages show

# Everything comes from here, nothing runs but our one script, nobody else frames us.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; connect-src 'self';"
    " base-uri 'self'; form-action 'none'; frame-ancestors 'self'"
)
# A captured page is a stranger: no script, no form, no link, no request, an origin of its own. Inline styles may stay.
RAW_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

# Elements for which a browser may connect before it looks at the policy: `link` (preconnect, dns-prefetch) and frames
# (seen in Chromium 156). One letter makes each unknown, in UTF-8 and UTF-16 alike, and moves no byte.
_CONNECTING = re.compile(
    rb"(<\x00?l\x00?)i(?=\x00?n\x00?k)|(<\x00?(?:i\x00?)?f\x00?r\x00?a\x00?)m(?=\x00?e)", re.IGNORECASE
)


def make_harmless(page: bytes) -> bytes:
    """The captured page, with what RAW_POLICY cannot stop made unknown to a browser."""
    return _CONNECTING.sub(lambda found: (found[1] or found[2]) + b"y", page)


def as_web_page(content_type: str) -> str:
    """The page's own type where that is a web page, so that its charset holds; else plain text, which runs nothing."""
    kind = content_type.split(";", 1)[0].strip().lower()
    is_clean = all(" " <= char < "\x7f" for char in content_type)
    return content_type if is_clean and kind in ("text/html", "application/xhtml+xml") else "text/plain"


def require_viewer(user: BaseUser = Depends(get_user)) -> BaseUser:  # noqa: B008 - FastAPI's way
    """Whoever may see the DAG `publish_articles`; 401 without a login, 403 without that permission.

    Airflow knows permissions on a view too, but under FabAuthManager nobody has one, not even the role Admin.
    """
    team = DagModel.get_team_name(DAG) if conf.getboolean("core", "multi_team") else None
    if not get_auth_manager().is_authorized_dag(method="GET", details=DagDetails(DAG, team), user=user):
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"The newsroom is for those who may see the DAG {DAG}.")
    return user


async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Middleware: the same headers on every answer, errors too."""
    response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
    response.headers.setdefault("Cache-Control", "private, no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
