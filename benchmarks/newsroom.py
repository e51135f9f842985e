"""The newsroom with 500 sources and 90 days of runs, measured in Chromium: `python -m benchmarks.newsroom`.

First paint is the browser's own `first-contentful-paint`; "whole" is when the table or the charts are there. Needs the
extra `airflow`, Playwright and Debian's chromium. The server has the pages alone, without the rest of Airflow.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import BrowserContext

from benchmarks.newsroom_world import fill, source_id
from tests.dags.browser import open_context
from tests.dags.newsroom_world import serve

_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_ROUNDS = 7
_FRESH_SECONDS = 31  # after which the table of sources is found anew


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--sources", type=int, default=500)
    words.add_argument("--days", type=int, default=90)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsroom-") as name:
        folder = Path(name)
        runs = fill(folder / "archive", sources=given.sources, days=given.days, now=datetime.now(UTC))
        print(f"{given.sources} sources, {given.days} days, {runs:,} runs\n")
        print("| page | first paint, ms: middle | most | whole, ms: middle | most |\n|---|---|---|---|---|")
        with _served(folder) as (context, url):
            _measure(context, url)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[BrowserContext, str]]:
    with serve(folder, folder / "archive") as url, open_context(obeys_policy=True) as context:
        yield context, f"{url}/newsroom/"


def _measure(context: BrowserContext, url: str) -> None:
    sources = [source_id(number) for number in range(0, 14 * _ROUNDS, 14)]

    def show(label: str, paths: list[str], selector: str, before: Callable[[], None] = lambda: None) -> None:
        found = []
        for path in paths:
            before()
            found.append(_open(context, url + path, selector))
        paints, wholes = zip(*found, strict=True)
        middle, most = statistics.median, max
        print(
            f"| {label} | {middle(paints):.0f} | {most(paints):.0f} | {middle(wholes):.0f} | {most(wholes):.0f} |",
            flush=True,
        )

    show("all sources, the first reader since the server started", [""], "#sources")
    show("all sources", [""] * _ROUNDS, "#sources")
    show("all sources, while they are found anew", [""] * 3, "#sources", lambda: time.sleep(_FRESH_SECONDS))
    show("those that are ill", ["?state=ill"] * _ROUNDS, "#sources")
    show("a source that nobody has looked at", [f"sources/{one}" for one in sources], ".chart")
    show("a source, again", [f"sources/{sources[-1]}"] * _ROUNDS, ".chart")
    show("archive, the first reader", ["archive"], ".chart")
    show("archive", ["archive"] * _ROUNDS, ".chart")


def _open(context: BrowserContext, url: str, selector: str) -> tuple[float, float]:
    """Milliseconds until the first paint, and until what was asked for is there."""
    page = context.new_page()
    paint: float | None = None
    begun = time.perf_counter()
    page.goto(url, wait_until="domcontentloaded")
    while paint is None:
        paint = page.evaluate(_PAINT)
    page.locator(selector).first.wait_for()
    whole = (time.perf_counter() - begun) * 1000
    page.close()
    return float(paint), whole


if __name__ == "__main__":
    main()
