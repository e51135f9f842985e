"""What all tests share: a folder archive, a fixed moment, and no way to the internet."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.ceph import Ceph, is_installed

_LOCAL = ("127.", "::1", "localhost")
_AIRFLOW = ("test_backfill_create.py", "test_celery.py", "test_standalone.py")

# A busy machine may take its time for one example.
settings.register_profile("worldwire", deadline=None)
settings.load_profile("worldwire")


def pytest_configure() -> None:
    """Commands that the tests stop by Ctrl-C must not inherit that it is ignored, as in a shell's background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _FileAfterFile(LoadFileScheduling):
    """A file is one process's, and so is all that starts an Airflow, which alone takes up to 4 GB.

    Marks of `--dist loadgroup` would say so too, but pytest 9.2 has them overlooked (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "airflow" if file.endswith(_AIRFLOW) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _FileAfterFile | None:
    """For `make services`; None leaves it to xdist."""
    return _FileAfterFile(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections of this process to anything but this machine fail."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> Any:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(host).startswith(_LOCAL):
            raise AssertionError(f"a test tried to connect to {host}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that sets up its log does so for its own test: else the next one finds others' lines in its errors."""
    root = logging.getLogger()
    handlers, level = set(root.handlers), root.level
    yield
    for handler in set(root.handlers) - handlers:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def now() -> datetime:
    """The moment at which the tests' world stands."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def archive_folder(tmp_path: Path) -> Path:
    """An empty folder archive."""
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """A real S3 server for the whole session. Only CI must have one."""
    if not is_installed():
        if os.environ.get("CI"):
            pytest.fail("Ceph is not installed here, and CI must test on it")
        pytest.skip("Ceph is not installed: apt-get install ceph-mon ceph-mgr ceph-osd radosgw")
    server = Ceph(tmp_path_factory.mktemp("ceph"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
