"""Debian's Chromium with somebody logged in to Airflow."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_TIMEOUT_MS = 120_000


class Browser:
    """One window of one width."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._context = context
        self._url = url

    def open(self, path: str) -> Page:
        page = self._context.new_page()
        page.goto(self._url + path, wait_until="domcontentloaded")
        return page

    def open_in_airflow(self, path: str) -> Page:
        """A page of Airflow's own, which is there when its menu is."""
        page = self.open(path)
        page.get_by_text("Newsroom").first.wait_for()
        return page

    def newsroom_paths(self) -> list[str]:
        """One of each kind of page, found by following links from the first."""
        start = self.open("/newsroom/")
        source = start.locator("tbody th a").first.get_attribute("href") or ""
        page = self.open(f"/newsroom/{source}")
        page.locator("#dropped [data-load]:not([aria-busy])").wait_for()
        article = page.locator('a[href^="articles/"]').first.get_attribute("href") or ""
        story = page.locator('a[href^="stories/"]').first.get_attribute("href") or ""
        trace = self.open(f"/newsroom/{article}").locator('a[href^="pages/"]').first.get_attribute("href") or ""
        dear = [f"{source}/dropped", f"{source}/template", trace.replace("pages/", "blocks/")]
        return ["", "?state=well", source, article, story, trace, *dear, "archive", "sources/nobody"]


@contextmanager
def open_browser(
    url: str,
    password: str,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    obeys_policy: bool = False,
) -> Iterator[Browser]:
    """Somebody who is logged in to Airflow."""
    with open_context(width=width, scheme=scheme, obeys_policy=obeys_policy) as context:
        login = {"username": "admin", "password": password}
        token = context.request.post(f"{url}/auth/token", data=login).json()["access_token"]
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
        yield Browser(context, url)


@contextmanager
def open_context(
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    obeys_policy: bool = False,
    has_scripts: bool = True,
) -> Iterator[BrowserContext]:
    """A page's policy of content is not obeyed unless asked for, since axe is put into the page from outside."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            bypass_csp=not obeys_policy,
            java_script_enabled=has_scripts,
        )
        context.set_default_timeout(_TIMEOUT_MS)
        yield context
        chromium.close()


def serious_faults(page: Page) -> list[Any]:
    """What axe finds, as rule and elements; a captured page in its frame is not ours to judge."""
    found = Axe().run(page, options={"iframes": False}).response["violations"]
    return [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
