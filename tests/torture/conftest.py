"""One world, one nursery of victims and one undisturbed archive for all experiments."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from werkzeug.serving import WSGIRequestHandler

from crawlers.launch.nursery import Nursery
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture.checker import read_tables
from tests.torture.victims import TortureNursery, Victims
from tests.torture.world import SmallWorld, Undisturbed, make_world, new_archive


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with TortureNursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def victims(nursery: Nursery) -> Victims:
    return Victims(nursery)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    made = make_world(tmp_path_factory.mktemp("world"))
    with made.demo:
        yield made


@pytest.fixture(scope="session")
def undisturbed(world: SmallWorld, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Crawled and published without a fault, in the same steps as the experiments."""
    archive = new_archive(tmp_path_factory.mktemp("undisturbed"))
    victims = Victims(nursery)
    calls = world.crawl(victims, archive)
    began = time.monotonic()
    publish = victims.publish(archive).end()
    assert publish.outcome == "done", publish.outcome
    return Undisturbed(
        archive=archive,
        captures=Path(archive.uri),
        tables=read_tables(open_store(archive.uri)),
        crawl_calls=min(calls),
        publish_calls=publish.told["calls"],
        publish_seconds=time.monotonic() - began,
    )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of moto's S3 server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each of thousands of requests
    WSGIRequestHandler.disable_nagle_algorithm = True  # moto's answers would wait for acknowledgements
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket on moto's server, which the standard AWS variables name."""
    return new_bucket(monkeypatch, s3_server, {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-secret"})


def new_bucket(monkeypatch: pytest.MonkeyPatch, endpoint: str, keys: Mapping[str, str]) -> str:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**region, **keys, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{uuid4().hex[:12]}"
    boto3.session.Session().client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def bucket_environment(bucket: str) -> dict[str, str]:
    """The AWS variables of the bucket, for a child."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture
def s3_archive(bucket: str, tmp_path: Path) -> ArchiveSettings:
    """An empty archive in a bucket."""
    return ArchiveSettings(uri=f"s3://{bucket}/news", spool=tmp_path / "spool")


@pytest.fixture
def archive(tmp_path: Path) -> ArchiveSettings:
    return new_archive(tmp_path)
