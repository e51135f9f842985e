"""The whole way: run, kill, run, export. Each page of the demo world is in the archive once, whatever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from crawlers.demo import DemoWorld

WORLDWIRE = [sys.executable, "-c", "from crawlers.cli import main; main()"]


@pytest.fixture
def world() -> Iterator[DemoWorld]:
    with DemoWorld(sites=3) as world:
        yield world


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def archive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the archive is to be: a folder that is not there yet, an empty bucket."""
    if request.param == "folder":
        return str(tmp_path / "archive")
    use_s3(monkeypatch, request.getfixturevalue("s3_server"))
    bucket = f"news-{uuid4().hex[:8]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/world"


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    values = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret", "AWS_ENDPOINT_URL": endpoint}
    for name, value in (values | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)


class Newsroom:
    """A user at the terminal, with the demo world's catalogue and one archive."""

    def __init__(self, world: DemoWorld, archive: str, folder: Path) -> None:
        self.world, self.archive, self.folder = world, archive, folder
        self.catalogue = folder / "sources.toml"
        self.catalogue.write_text(world.catalogue)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("WORLDWIRE_")}
        self.environment |= {
            "WORLDWIRE_ALLOW_PRIVATE": world.allow_private,
            "WORLDWIRE_SPOOL": str(folder / "spool"),
            "WORLDWIRE_ARCHIVE": archive,
            "WORLDWIRE_SOURCES": str(self.catalogue),
        }

    def worldwire(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*WORLDWIRE, *arguments], env=self.environment, capture_output=True, text=True, check=False, timeout=240
        )

    def run(self) -> dict[str, Any]:
        done = self.worldwire("run", "--json")
        assert done.returncode == 0, done.stderr
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary

    def run_and_kill(self, is_time: Callable[[], bool]) -> None:
        """Starts a run and kills it without warning as soon as it is time."""
        process = subprocess.Popen(
            [*WORLDWIRE, "run", "--delay", "0.1"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while not is_time() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run ended before it was to be killed"

    def exported(self, table: str) -> list[dict[str, Any]]:
        output = self.folder / f"{table}.jsonl"
        done = self.worldwire("export", "--table", table, "--format", "jsonl", "-o", str(output))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in output.read_text("utf-8").splitlines()]

    def check_archive(self) -> None:
        """Every page that is out is there once, every story has one article, with the page's own text and time."""
        truth = {page["url"]: page for page in self.world.truth[: self.world.shown()]}
        appearances = self.exported("appearances")
        articles = self.exported("articles")
        assert sorted(row["url"] for row in appearances) == sorted(truth)
        assert sorted(row["story_id"] for row in articles) == sorted({row["story_id"] for row in appearances})
        for row in articles:
            page = truth[row["url"]]
            assert row["title"] == page["title"]
            assert row["published_at"] == page["published"].replace("+00:00", "Z")

    def asked_articles(self) -> int:
        urls = {page["url"] for page in self.world.truth}
        return sum(count for url, count in self.world.stats().paths.items() if url in urls)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_article_is_there_once(world: DemoWorld, archive: str, tmp_path: Path) -> None:
    newsroom = Newsroom(world, archive, tmp_path)
    newsroom.run_and_kill(lambda: newsroom.asked_articles() >= 8)
    first = newsroom.run()
    assert first["published"]["new_appearances"] == world.shown()
    newsroom.check_archive()

    world.forget()
    again = newsroom.run()
    assert newsroom.asked_articles() == 0
    assert (again["published"]["pages"], again["published"]["new_appearances"]) == (0, 0)

    before = world.shown()
    fresh = world.advance() - before
    assert fresh > 0
    assert newsroom.run()["published"]["new_appearances"] == fresh
    assert newsroom.asked_articles() == fresh
    newsroom.check_archive()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_while_publishing_nothing_is_lost_or_doubled(world: DemoWorld, tmp_path: Path) -> None:
    newsroom = Newsroom(world, str(tmp_path / "archive"), tmp_path)
    newsroom.run_and_kill(lambda: any((tmp_path / "archive" / "staged").rglob("*.parquet")))
    newsroom.run()
    newsroom.check_archive()


def test_a_bucket_that_does_not_exist_is_one_sentence(
    world: DemoWorld, s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_s3(monkeypatch, s3_server)
    newsroom = Newsroom(world, "s3://nowhere-at-all/world", tmp_path)
    for command in ("run", "crawl", "publish", "status"):
        done = newsroom.worldwire(command)
        assert done.returncode == 3, command
        assert (done.stdout, done.stderr) == (
            "",
            "The bucket 'nowhere-at-all' of the archive s3://nowhere-at-all/world does not exist.\n",
        )
        assert "not-a-real-secret" not in done.stderr
    assert newsroom.asked_articles() == 0
