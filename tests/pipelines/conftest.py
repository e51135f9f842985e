"""Stores to test on: a folder, a bucket on moto's S3 server, and a bucket on a real one (Ceph)."""

import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipelines.archive import tables
from pipelines.store import FolderStore, Store, open_store
from tests.ceph import Ceph
from tests.pipelines.small_press import Press

ARCHIVES = Path(__file__).parents[1] / "archives"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of moto's S3 server, for the whole session."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The standard AWS variables pointed at moto's server; gives the name of a new, empty bucket."""
    return _new_bucket(
        monkeypatch,
        {
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "not-a-real-secret",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": s3_endpoint,
        },
    )


@pytest.fixture
def ceph_environment(ceph: Ceph, monkeypatch: pytest.MonkeyPatch) -> str:
    """The standard AWS variables pointed at the real server; gives the name of a new, empty bucket."""
    return _new_bucket(monkeypatch, ceph.environment)


def _new_bucket(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> str:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{uuid4().hex[:12]}"
    boto3.session.Session().client("s3").create_bucket(Bucket=bucket)
    return bucket


@pytest.fixture(
    params=["folder", pytest.param("s3", marks=pytest.mark.s3), pytest.param("ceph", marks=pytest.mark.ceph)]
)
def archive_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty archive: a folder, then a bucket on each server."""
    return empty_archive(request, tmp_path)


def empty_archive(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "archive")
    bucket = request.getfixturevalue("s3_environment" if request.param == "s3" else "ceph_environment")
    return f"s3://{bucket}/news/archive"


@pytest.fixture
def store(archive_uri: str) -> Store:
    """An empty store of each kind."""
    return open_store(archive_uri)


@pytest.fixture(
    params=[
        "folder",
        pytest.param("s3", marks=[pytest.mark.s3, pytest.mark.servers]),
        pytest.param("ceph", marks=pytest.mark.ceph),
    ]
)
def whole_archive_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """As `archive_uri`, for tests of whole publishes: on S3 each takes seconds, and `make test` leaves them out."""
    return empty_archive(request, tmp_path)


@pytest.fixture
def press(whole_archive_uri: str, tmp_path: Path) -> Press:
    """A press that captures into an empty archive of each kind."""
    return Press(store=open_store(whole_archive_uri), spool=tmp_path / "spool")


@pytest.fixture
def store_press(store: Store, tmp_path: Path) -> Press:
    """The same into each kind of store that `make test` has time for."""
    return Press(store=store, spool=tmp_path / "spool")


@pytest.fixture
def folder_press(tmp_path: Path) -> Press:
    return Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")


@pytest.fixture
def drafts_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishers and upkeep draft pages in this process, which is quick to start."""
    # Not every test below this folder has to wait for these.
    from pipelines.publish import driver, quarantine
    from pipelines.upkeep import reextraction
    from tests.inline_workers import open_inline_workers

    for module in (driver, quarantine, reextraction):
        monkeypatch.setattr(module, "open_workers", open_inline_workers)


@pytest.fixture
def archived(tmp_path: Path) -> Callable[[int], Store]:
    """Unpacks the archive that a worldwire of that schema version wrote."""

    def unpack(version: int) -> Store:
        folder = tmp_path / f"schema-{version}"
        with tarfile.open(ARCHIVES / f"schema-{version}.tar.xz") as packed:
            packed.extractall(folder, filter="data")
        return open_store(str(folder))

    return unpack


class KilledError(BaseException):
    """Stands for a kill: no `except Exception` sees it."""


class DyingStore:
    """A store that is killed at its `dies_at`-th call, before or after the call is done."""

    def __init__(self, store: Store, dies_at: int, *, after: bool) -> None:
        self._store = store
        self._dies_at = dies_at
        self._after = after
        self.calls = 0

    def note(self, call: Callable[[], Any]) -> Any:
        self.calls += 1
        dies = self.calls == self._dies_at
        if dies and not self._after:
            raise KilledError
        try:
            return call()
        finally:
            if dies:
                raise KilledError

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("get", "put", "put_if", "put_file", "delete", "download", "get_range", "list"):
            return found
        return lambda *args, **values: self.note(lambda: found(*args, **values))


class Deaths:
    """Runs something on a store that dies at the n-th call; commits of tables, which go past the store, count too."""

    def __init__(self) -> None:
        self.dying: DyingStore | None = None

    def survived(self, act: Callable[[Store], object], store: Store, dies_at: int, *, after: bool) -> bool:
        """Whether it came to its end before the n-th call."""
        self.dying = DyingStore(store, dies_at, after=after)
        try:
            act(self.dying)  # type: ignore[arg-type]
        except KilledError:
            return False
        finally:
            self.dying = None
        return True

    def noted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **values: Any) -> Any:
            return self.dying.note(lambda: call(*args, **values)) if self.dying else call(*args, **values)

        return counted


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """Kills at every call of storage and every commit of a table."""
    made = Deaths()
    monkeypatch.setattr(tables, "write_deltalake", made.noted(tables.write_deltalake))
    return made
