"""The page "Newsroom" inside Airflow's UI: how every source is, read only, behind Airflow's own login.

Every part of Airflow loads this module as a plugin, so it imports nothing; the pages are built at the first request.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/newsroom"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


async def newsroom(scope: Scope, receive: Any, send: Any) -> None:
    """The ASGI application."""
    await _pages()(scope, receive, send)


@cache
def _pages() -> App:
    from dags.dashboard.app import make_app

    return make_app()


class WorldwirePlugin(AirflowPlugin):
    """Entry point `airflow.plugins`."""

    name = "worldwire"
    fastapi_apps = [{"app": newsroom, "url_prefix": PREFIX, "name": "worldwire newsroom"}]  # noqa: RUF012 - Airflow's way
    external_views = [  # noqa: RUF012
        {
            "name": "Newsroom",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "newsroom",
            "nav_top_level": True,
            "icon": f"{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{PREFIX}/static/icon-dark.svg",
        }
    ]
