"""Children that are killed, stopped, too slow or orphaned: nothing is lost, nothing lives on, a report in any case."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from crawlers.launch import Launch, crawl_all, new_run
from crawlers.launch.nursery import Child, Nursery
from crawlers.spiders.run import spider_of
from pipelines.capture import read_reports
from pipelines.errors import ConfigurationError, StorageError
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.crawlers.conftest import Crawl, captured_paths, source_of
from tests.local_site import NETWORK, Answer, LocalSite, article

SCRIPT = """
import sys
from pathlib import Path
from crawlers.catalogue import load_catalogue
from crawlers.launch import crawl_all
from pipelines.settings import ArchiveSettings

archive = ArchiveSettings(uri=sys.argv[2], spool=Path(sys.argv[3]))
crawl_all(load_catalogue(Path(sys.argv[1])), archive, workers=2, allow_private=sys.argv[4])
"""


@pytest.fixture
def slow_site(site: LocalSite) -> LocalSite:
    """A site of 30 articles whose pages take a tenth of a second each."""
    for path in site.add_articles(30):
        site.routes[path] = Answer(article(path), delay_seconds=0.1)
    return site


def launch_of(site: LocalSite, archive: ArchiveSettings, time_limit_seconds: float = 60, **keys: object) -> Launch:
    run = new_run(source_of(site), archive, started_at=None, allow_private=NETWORK, dag_run_id="scheduled-1")
    return Launch(source_of(site, concurrency=1), run, print, lambda counts: None, time_limit_seconds)


def when(happened: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def articles_asked(site: LocalSite) -> list[str]:
    return [path for path in site.paths() if path.startswith("/world/")]


def test_a_crawl_that_is_killed_loses_nothing_and_its_pages_are_not_asked_again(
    slow_site: LocalSite, nursery: Nursery, archive: ArchiveSettings, crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[Child] = []
    start = Nursery.start
    monkeypatch.setattr(Nursery, "start", lambda *given: children.append(start(*given)) or children[-1])

    def kill() -> None:
        when(lambda: len(articles_asked(slow_site)) >= 10)
        children[0].send(signal.SIGKILL)

    threading.Thread(target=kill).start()
    report = launch_of(slow_site, archive).run_to_end(nursery)
    assert (report.outcome, report.reason) == ("killed", "the crawl ended with exit code -9")
    assert report.dag_run_id == "scheduled-1"
    assert captured_paths(archive) == []  # still in the spool

    asked_before = articles_asked(slow_site)
    report = crawl()
    assert report.outcome == "ok"
    assert captured_paths(archive) == sorted(set(slow_site.links))
    twice = [path for path in set(asked_before) if articles_asked(slow_site).count(path) > 1]
    assert len(twice) <= 2  # what was on its way when the crawl was killed
    slow_site.forget()
    assert crawl().captured == 0
    assert articles_asked(slow_site) == []


def test_a_crawl_that_is_stopped_stores_what_it_has_and_says_so(
    slow_site: LocalSite, nursery: Nursery, archive: ArchiveSettings, crawl: Crawl
) -> None:
    launch = launch_of(slow_site, archive)

    def stop() -> None:
        when(lambda: len(articles_asked(slow_site)) >= 10)
        launch.stop.set()

    threading.Thread(target=stop).start()
    report = launch.run_to_end(nursery)
    assert (report.outcome, report.reason) == ("killed", "it was told to stop")
    assert report.captured == len(captured_paths(archive)) >= 9
    assert report.captures
    assert [found for _, found in read_reports(open_store(archive.uri))] == [report]
    crawl()
    assert captured_paths(archive) == sorted(slow_site.links)


def test_a_crawl_that_takes_too_long_is_ended(
    slow_site: LocalSite, crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawlers.launch._GRACE_SECONDS", 1.0)
    slow_site.routes["/robots.txt"] = lambda handler: time.sleep(30)
    report = crawl(time_limit_seconds=2)
    assert report.outcome == "killed"
    assert report.ended_at - report.started_at < timedelta(seconds=25)


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_no_child_outlives_its_parent(
    slow_site: LocalSite, archive: ArchiveSettings, tmp_path: Path, crawl: Crawl, how: signal.Signals
) -> None:
    catalogue = tmp_path / "sources.toml"
    home = slow_site.url("/")
    block = f'homepage = "{home}"\nfeeds = ["{home}feed.xml"]\nsitemaps = []\ndelay_seconds = 0\nconcurrency = 1\n'
    catalogue.write_text(f'[[source]]\nid = "local"\nname = "Local"\n{block}')
    command = [sys.executable, "-c", SCRIPT, str(catalogue), archive.uri, str(archive.spool), NETWORK]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    when(lambda: len(articles_asked(slow_site)) >= 5)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) == 2
    os.kill(parent.pid, how)
    parent.wait(120)
    when(lambda: not any(process.is_running() and process.status() != "zombie" for process in family))
    crawl()
    assert captured_paths(archive) == sorted(slow_site.links)
    if how != signal.SIGKILL:
        reports = [report.outcome for _, report in read_reports(open_store(archive.uri))]
        assert reports == ["killed", "ok"]


def test_a_crawl_that_breaks_on_import_is_a_failure_with_its_sentence(
    site: LocalSite, archive: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "feedparser.py").write_text("raise ImportError('this module is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Nursery() as nursery:
        report = launch_of(site, archive).run_to_end(nursery)
    assert (report.outcome, report.reason) == ("failed", "the crawl broke: ImportError: this module is broken")
    assert [found for _, found in read_reports(open_store(archive.uri))] == [report]


def test_crawls_that_cannot_be_started_are_failures_too(
    site: LocalSite, archive: ArchiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pydantic.py").write_text("raise ImportError('this module is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Nursery() as nursery:
        report = launch_of(site, archive).run_to_end(nursery)
    assert (report.outcome, report.reason) == ("failed", "no crawl could be started (exit code 1); the log says why")


def test_a_child_that_is_to_end_before_it_was_forked_ends_once_it_is() -> None:
    pipes = [os.pipe() for _ in range(3)]
    child = Child(*(os.fdopen(reader, encoding="utf-8") for reader, _ in pipes))
    child.send(signal.SIGTERM)
    process = subprocess.Popen(["sleep", "60"], process_group=0)
    os.write(pipes[2][1], f"{process.pid}\n".encode())
    assert process.wait(20) == -signal.SIGTERM
    for _, writer in pipes:
        os.close(writer)
    assert child.wait(20)
    child.messages.close()
    child.log.close()


def test_many_sources_at_once_each_give_a_report_in_their_order(archive: ArchiveSettings) -> None:
    with LocalSite() as one, LocalSite() as two:
        one.add_articles(2)
        two.add_articles(3)
        sources = [source_of(site, id=name) for site, name in ((one, "one"), (two, "two"), (one, "dead"))]
        sources[2] = source_of(one, id="dead", homepage="http://127.0.3.254:9/", feeds=["http://127.0.3.254:9/"])
        told: list[RunReport] = []
        reports = crawl_all(sources, archive, workers=2, allow_private=NETWORK, on_report=told.append)
    assert [(report.source_id, report.outcome, report.captured) for report in reports] == [
        ("one", "ok", 2),
        ("two", "ok", 3),
        ("dead", "failed", 0),
    ]
    assert sorted(told, key=lambda report: report.source_id) == sorted(reports, key=lambda report: report.source_id)


def test_what_is_found_wrong_before_the_first_crawl_ends_everything(site: LocalSite, archive: ArchiveSettings) -> None:
    def find_it_full() -> None:
        raise StorageError("The disk is full.")

    with pytest.raises(StorageError, match="full"):
        crawl_all([source_of(site)], archive, workers=1, allow_private=NETWORK, before=find_it_full)
    assert site.paths() == []


def test_a_wrong_setting_is_one_sentence_before_anything_starts(site: LocalSite, archive: ArchiveSettings) -> None:
    with pytest.raises(ConfigurationError, match="is not a network"):
        crawl_all([source_of(site)], archive, workers=1, allow_private="everything")
    with pytest.raises(ConfigurationError, match="neither a folder nor"):
        crawl_all([source_of(site)], ArchiveSettings(uri="http://x", spool=archive.spool), workers=1, allow_private="")
    assert site.paths() == []


def test_an_archive_that_cannot_be_written_is_an_error_of_the_archive(
    site: LocalSite, nursery: Nursery, tmp_path: Path
) -> None:
    site.add_articles(2)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "captures").write_text("a file is in the way")
    archive = ArchiveSettings(uri=str(tmp_path / "archive"), spool=tmp_path / "spool")
    with pytest.raises(StorageError, match="cannot be written"):
        launch_of(site, archive).run_to_end(nursery)


def test_a_source_with_a_spider_of_its_own_is_crawled_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import crawlers.spiders

    (tmp_path / "odd_news.py").write_text(
        "from crawlers.spiders.news import NewsSpider\n"
        "class OddNews(NewsSpider):\n"
        "    source_id = 'odd-news'\n"
        "    def links(self, response):\n"
        "        return []\n"
    )
    monkeypatch.setattr(crawlers.spiders, "__path__", [*crawlers.spiders.__path__, str(tmp_path)])
    assert spider_of("odd-news").name == "odd-news"
    assert spider_of("other-news").name == "news"


@pytest.mark.slow
def test_scrapys_own_command_line_lists_and_runs_the_spider(
    site: LocalSite, archive: ArchiveSettings, tmp_path: Path
) -> None:
    site.add_articles(2)
    catalogue = tmp_path / "sources.toml"
    home = site.url("/")
    catalogue.write_text(
        f'[[source]]\nid = "local"\nname = "Local"\nhomepage = "{home}"\nfeeds = ["{home}feed.xml"]\nsitemaps = []\n'
        "delay_seconds = 0\n"
    )
    environment = os.environ | {
        "WORLDWIRE_SOURCES": str(catalogue),
        "WORLDWIRE_ARCHIVE": archive.uri,
        "WORLDWIRE_SPOOL": str(archive.spool),
        "WORLDWIRE_ALLOW_PRIVATE": NETWORK,
    }

    def scrapy(*arguments: str) -> str:
        command = [sys.executable, "-m", "scrapy", *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert scrapy("list").split() == ["news", "past-days"]
    scrapy("crawl", "news", "-a", "source=local")
    assert captured_paths(archive) == sorted(site.links)
    assert [report.outcome for _, report in read_reports(open_store(archive.uri))] == ["ok"]
