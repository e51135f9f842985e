"""The crawl's commands, run as a user runs them, against the demo world."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lxml.html
import psutil
import pytest

from crawlers.catalogue import load_catalogue
from crawlers.cli.app import make_app
from crawlers.cli.newcomer import _country, homepage_of, source_id_of
from crawlers.demo import DemoWorld
from pipelines.cli.entry import run_app
from pipelines.errors import ConfigurationError

WORLDWIRE = [sys.executable, "-c", "from crawlers.cli import main; main()"]
SILENT = '[[source]]\nid = "silent"\nname = "Silent"\nhomepage = "http://127.0.2.99:9/"\ndelay_seconds = 0\n'
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def world() -> Iterator[DemoWorld]:
    with DemoWorld(sites=2) as world:
        yield world


@pytest.fixture
def environment(world: DemoWorld, tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WORLDWIRE_", "AWS_"))}
    return kept | {"WORLDWIRE_ALLOW_PRIVATE": world.allow_private, "WORLDWIRE_SPOOL": str(tmp_path / "spool")}


@pytest.fixture
def worldwire(environment: dict[str, str]) -> Command:
    """The command in a process of its own: what it prints, what it ends with."""

    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*WORLDWIRE, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=environment | more,
            timeout=240,
        )

    return run


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command in this process, for those that start nothing."""
    for name in ("WORLDWIRE_ARCHIVE", "WORLDWIRE_SOURCES"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = run_app(make_app(), [str(argument) for argument in arguments], name="worldwire")
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def catalogue(world: DemoWorld, tmp_path: Path) -> Path:
    path = tmp_path / "sources.toml"
    path.write_text(world.catalogue)
    return path


@pytest.fixture
def half_silent(world: DemoWorld, tmp_path: Path) -> Path:
    """One source that answers, and one whose host does not."""
    first = world.catalogue.split("[[source]]")[1]
    path = tmp_path / "half.toml"
    path.write_text(f"[politeness]\ndelay_seconds = 0.02\n\n[[source]]{first}\n{SILENT}")
    return path


def test_a_silent_source_costs_only_itself(worldwire: Command, half_silent: Path, tmp_path: Path) -> None:
    done = worldwire("run", "--sources", half_silent, "--archive", tmp_path / "archive")
    assert done.returncode == 1
    assert "1 of 2 sources failed: silent." in done.stderr
    assert "Traceback" not in done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("silent"))
    assert "failed" in row
    assert "does not answer: connection refused or broken" in row
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("meridian-wire"))
    assert " ok " in row
    status = worldwire("status", "--archive", tmp_path / "archive", "--json")
    assert status.returncode == 1
    assert {health["source_id"]: health["state"] for health in json.loads(status.stdout)} == {
        "meridian-wire": "well",
        "silent": "ill",
    }


def test_crawl_fetches_and_publish_makes_articles(worldwire: Command, catalogue: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    crawled = worldwire(
        "crawl", "-s", catalogue, "--source", "corvane-courier", "--json", WORLDWIRE_ARCHIVE=str(archive)
    )
    assert crawled.returncode == 0
    (report,) = json.loads(crawled.stdout)
    assert (report["source_id"], report["outcome"]) == ("corvane-courier", "ok")
    published = worldwire("publish", "-a", archive, "--json")
    assert published.returncode == 0
    summary = json.loads(published.stdout)
    assert summary["new_appearances"] == report["captured"] > 0
    assert json.loads(worldwire("publish", "-a", archive, "--json").stdout)["pages"] == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ctrl_c_ends_every_child_at_once_and_loses_nothing(
    environment: dict[str, str], worldwire: Command, world: DemoWorld, catalogue: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    command = [*WORLDWIRE, "run", "-s", str(catalogue), "-a", str(archive), "--delay", "0.5"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    watched = psutil.Process(process.pid)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "spool").rglob("*.warc.gz")) and time.monotonic() < deadline:
        time.sleep(0.1)
    children = watched.children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, complaints = process.communicate(timeout=120)
    assert time.monotonic() - began < 60  # seconds on an idle machine
    assert process.returncode == 130
    assert "Stopped. What was fetched so far is kept; the next run stores and publishes it.\n" in complaints
    assert "Traceback" not in complaints
    assert psutil.wait_procs(children, timeout=30)[1] == []
    again = worldwire("run", "-s", catalogue, "-a", archive, "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["published"]["new_appearances"] == world.shown()


def test_sources_list_shows_the_catalogue(here: Any, catalogue: Path) -> None:
    code, out, _ = here("sources", "list", "-s", catalogue)
    assert code == 0
    assert "meridian-wire" in out
    assert out.splitlines()[-1] == "2 sources"
    assert [source["id"] for source in json.loads(here("sources", "list", "-s", catalogue, "--json")[1])] == [
        "meridian-wire",
        "corvane-courier",
    ]


def test_the_catalogue_that_comes_with_worldwire_is_free_of_mistakes(here: Any) -> None:
    assert here("sources", "list", "-s", "world")[0] == 0


@pytest.mark.slow
def test_sources_check_says_who_answers(worldwire: Command, half_silent: Path) -> None:
    done = worldwire("sources", "check", "-s", half_silent)
    assert done.returncode == 1
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("meridian-wire"))
    assert "well" in row
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("silent"))
    assert "does not answer" in row
    assert "1 of 2 sources give no articles: silent." in done.stderr


@pytest.mark.slow
def test_sources_add_finds_what_a_site_has(worldwire: Command, world: DemoWorld, tmp_path: Path) -> None:
    new = tmp_path / "new.toml"
    done = worldwire("sources", "add", world.bases[1], "--write", new)
    assert done.returncode == 0, done.stderr
    (source,) = load_catalogue(new)
    assert source.name == "The Corvane Courier"
    assert source.languages == ("en",)
    assert source.feeds == (f"{world.bases[1]}/feeds/all.rss",)
    titles = {page["title"] for page in world.truth if page["url"].startswith(world.bases[1])}
    assert sum(title in done.stdout for title in titles) == 5
    again = worldwire("sources", "add", world.bases[1], "--write", new)
    assert again.returncode == 2
    assert "already; give another id with --id" in again.stderr
    assert len(load_catalogue(new)) == 1


@pytest.mark.slow
def test_sources_add_of_a_site_that_does_not_answer_writes_nothing(worldwire: Command, tmp_path: Path) -> None:
    done = worldwire("sources", "add", "http://127.0.2.99:9/", "--write", tmp_path / "new.toml")
    assert done.returncode == 1
    assert "does not answer: connection refused or broken." in done.stderr
    without_scheme = worldwire("sources", "add", "127.0.2.99:9")
    assert without_scheme.stderr.endswith("; if it has no https, give http://127.0.2.99:9.\n")
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "-a", "{tmp}/x"), 2, "No catalogue is named: give --sources FILE"),
        (("run", "-s", "{tmp}/nowhere.toml", "-a", "{tmp}/x"), 2, "nowhere.toml does not exist"),
        (("run", "-s", "{tmp}/wrong.toml", "-a", "{tmp}/x"), 2, "source 'a': unknown key 'feed'; did you mean 'feeds'"),
        (("run", "-s", "{catalogue}"), 2, "No archive is named"),
        (("run", "-s", "{catalogue}", "-a", "{tmp}/x", "--source", "meridian"), 2, "did you mean 'meridian-wire'?"),
        (("run", "-s", "{catalogue}", "-a", "{tmp}/x", "--delay", "-1"), 2, "--delay"),
        (("run", "-s", "{catalogue}", "-a", "/proc/nowhere"), 3, "/proc/nowhere cannot be"),
        (("crawl", "-s", "{catalogue}", "-a", "gs://bucket"), 2, "neither a folder nor of the form s3://"),
        (("sources", "list"), 2, "No catalogue is named"),
        (("sources", "add", "ftp://x"), 2, "is not the address of a web site"),
        (("sources", "add", "https://x.example", "--id", "A Paper"), 2, 'the id "A Paper" must be of lower-case'),
        (("sources", "add", "https://x.example", "--write", "{tmp}"), 2, "is a folder; name a file in it"),
        (
            ("sources", "add", "https://x.example", "--write", "{tmp}/no/x.toml"),
            2,
            "cannot be written: there is no folder",
        ),
        (("backfill", "{tmp}/nowhere.warc.gz", "-a", "{tmp}/x"), 2, "does not exist"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    here: Any, catalogue: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    (tmp_path / "wrong.toml").write_text(
        '[[source]]\nid = "a"\nname = "A"\nhomepage = "https://example.com/"\nfeed = ["https://example.com/rss"]\n'
    )
    ended, out, err = here(*(argument.format(tmp=tmp_path, catalogue=catalogue) for argument in arguments))
    assert (ended, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_a_spool_that_cannot_be_made_is_named_before_a_site_is_asked(
    worldwire: Command, catalogue: Path, tmp_path: Path, world: DemoWorld
) -> None:
    done = worldwire("crawl", "-s", catalogue, "-a", tmp_path / "x", WORLDWIRE_SPOOL=str(catalogue / "spool"))
    assert done.returncode == 3
    assert done.stderr == f"The spool {catalogue}/spool cannot be made: Not a directory.\n"


def test_a_region_that_is_no_countrys_is_left_out_of_a_new_source() -> None:
    for locale, country in (("en_UK", "GB"), ("en-gb", "GB"), ("es_419", None), ("en_EU", None)):
        tree = lxml.html.document_fromstring(f'<meta property="og:locale" content="{locale}"><p>x</p>')
        assert _country("https://x.example/", [tree]) == country
    assert _country("https://x.co.uk/", []) == "GB"


def test_a_network_that_is_none_is_the_users_mistake(worldwire: Command, catalogue: Path, tmp_path: Path) -> None:
    done = worldwire("crawl", "-s", catalogue, "-a", tmp_path / "x", WORLDWIRE_ALLOW_PRIVATE="everything")
    assert done.returncode == 2
    assert "WORLDWIRE_ALLOW_PRIVATE" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_page_comes_quickly_and_names_every_command(environment: dict[str, str]) -> None:
    before = psutil.Process().cpu_times()
    done = subprocess.run([*WORLDWIRE, "--help"], env=environment, capture_output=True, text=True, check=True)
    after = psutil.Process().cpu_times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 2.0  # 0.6 s where nothing else runs
    for command in ("run", "crawl", "publish", "backfill", "sources", "export", "status", "story", "trace", "extract"):
        assert f" {command} " in done.stdout


@pytest.mark.parametrize(
    ("address", "source_id"),
    [
        ("https://www.bbc.co.uk/news", "bbc"),
        ("https://news.sky.com/", "news-sky"),
        ("https://example.com", "example"),
        ("http://127.0.0.1:8000/", "site-127-0-0-1"),
        ("https://münchen.de/", "xn-mnchen-3ya"),
    ],
)
def test_an_id_is_made_from_the_host(address: str, source_id: str) -> None:
    assert source_id_of(homepage_of(address)) == source_id


def test_an_address_without_scheme_is_taken_as_https() -> None:
    assert homepage_of("news.example") == "https://news.example/"
    with pytest.raises(ConfigurationError, match="is not the address of a web site"):
        homepage_of("mailto:a@b.example")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name WARC files, or days by --since and --until."),
        (("--since", "2026-11-20"), "Give both --since and --until."),
        (("--since", "2026-11-20", "--until", "2026-11-19"), "--since 2026-11-20 is after --until 2026-11-19."),
        (("x.warc.gz", "--until", "2026-11-19"), "Give either WARC files or --since and --until, not both."),
    ],
)
def test_a_backfill_needs_files_or_days(here: Any, arguments: tuple[str, ...], sentence: str) -> None:
    code, _, said = here("backfill", *arguments, "--archive", "nowhere")
    assert (code, said.strip()) == (2, sentence)


def test_a_backfill_of_days_crawls_sitemaps_and_publishes(worldwire: Command, world: DemoWorld, tmp_path: Path) -> None:
    catalogue = tmp_path / "sources.toml"
    catalogue.write_text(world.catalogue)
    first = worldwire(
        "backfill", "-s", catalogue, "-a", tmp_path / "a", "--since", "1990-01-01", "--until", "1990-01-31"
    )
    assert first.returncode == 0, first.stderr
    days = ("--since", "2020-01-01", "--until", "2030-12-31", "--json")
    told = json.loads(worldwire("backfill", "-s", catalogue, "-a", tmp_path / "a", *days).stdout)
    captured = sum(report["captured"] for report in told["sources"])
    assert captured > 5
    assert told["published"]["new_appearances"] == captured
