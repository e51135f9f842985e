"""`airflow backfill create` with a real Airflow: every day is a run of its own, and takes the articles of that day."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipelines.capture import capture_keys, read_pages
from pipelines.model import RawPage
from pipelines.store import open_store
from tests.dags.standalone import Standalone, started
from tests.local_site import NETWORK, Answer, LocalSite, article, text

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")
OUTSIDE = ("2026-02-28", "2026-03-04")
PATIENCE = 400


def path_of(day: str, number: int) -> str:
    return f"/world/{day.replace('-', '/')}/the-council-met-again-today-{number}"


def add_days(site: LocalSite) -> None:
    """A site whose sitemap, which only robots.txt names, holds articles of days long past: no ordinary crawl's."""
    paths = {path_of(day, number): day for day in (*DAYS, *OUTSIDE) for number in range(2)}
    site.routes |= {path: Answer(article(path)) for path in paths}
    urls = "".join(f"<url><loc>{site.url(path)}</loc><lastmod>{day}</lastmod></url>" for path, day in paths.items())
    sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    site.routes["/map.xml"] = Answer(sitemap.encode(), content_type="application/xml")
    site.routes["/robots.txt"] = text(f"User-agent: *\nSitemap: {site.url('/map.xml')}\n")


def backfill(standalone: Standalone, *words: str) -> None:
    """As an operator does it beside the running Airflow: SQLite may refuse a writer whom another has overtaken."""
    standalone.wait_until(lambda: is_taken(standalone, *words), PATIENCE)


def is_taken(standalone: Standalone, *words: str) -> bool:
    """Whether Airflow took the command; an attempt that it refused may have begun a backfill, which ends by itself."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "WORLDWIRE"))}
    given = ["backfill", "create", "--dag-id", "backfill_days", "--from-date", DAYS[0], "--to-date", DAYS[-1], *words]
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *given],
        env=inherited | {"AIRFLOW_HOME": str(standalone.folder / "run/airflow")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 or "database is locked" in said or "Another backfill is running" in said, said
    return done.returncode == 0


def runs(standalone: Standalone) -> dict[str, str]:
    """The state of the backfills' run of each day."""
    found = standalone.api("/dags/backfill_days/dagRuns?run_type=backfill&limit=100")["dag_runs"]
    return {run["logical_date"][:10]: run["state"] for run in found}


def is_idle(standalone: Standalone) -> bool:
    """Whether the rounds of the start are over. SQLite refuses a writer that another has overtaken, as many do then."""
    found = standalone.api("/dags/~/dagRuns?limit=100")["dag_runs"]
    return bool(found) and all(run["state"] in ("success", "failed") for run in found)


def captured(standalone: Standalone) -> Counter[str]:
    store = open_store(str(standalone.archive))
    pages = [page for key in capture_keys(store) for page in read_pages(store, key)]
    return Counter("/" + page.url.split("/", 3)[3] for page in pages if isinstance(page, RawPage))


def test_a_backfill_takes_each_day_once_and_again_takes_nothing_new(tmp_path: Path) -> None:
    with LocalSite() as site:
        add_days(site)
        sources = tmp_path / "sources.toml"
        sources.write_text(
            f'[[source]]\nid = "local"\nname = "Local"\nhomepage = "{site.url("/")}"\n'
            "feeds = []\ndelay_seconds = 0.05\n"
        )
        given = {"WORLDWIRE_ALLOW_PRIVATE": NETWORK}
        with started(tmp_path, "--sources", str(sources), **given) as standalone:
            standalone.wait_until(lambda: (tmp_path / "run/airflow/passwords.json").exists(), PATIENCE)
            standalone.wait_until(lambda: "login admin, password" in standalone.said(), PATIENCE)
            standalone.wait_until(lambda: is_idle(standalone), PATIENCE)
            backfill(standalone, "--max-active-runs", "1")
            standalone.wait_until(lambda: all_done(standalone), PATIENCE)
            assert sorted(runs(standalone)) == sorted(DAYS)
            wanted = Counter(path_of(day, number) for day in DAYS for number in range(2))
            assert captured(standalone) == wanted
            site.forget()
            standalone.wait_until(lambda: is_idle(standalone), PATIENCE)
            backfill(standalone, "--reprocess-behavior", "completed")
            standalone.wait_until(lambda: all_done(standalone), PATIENCE)
            assert captured(standalone) == wanted
            assert "/map.xml" in site.paths()
            assert not [path for path in site.paths() if path.startswith("/world/")], "known pages are not asked again"


def all_done(standalone: Standalone) -> bool:
    """Whether all backfills are over, and none of their runs failed."""
    assert "failed" not in runs(standalone).values()
    found = standalone.api("/backfills?dag_id=backfill_days")["backfills"]
    return all(backfill["completed_at"] is not None for backfill in found)
