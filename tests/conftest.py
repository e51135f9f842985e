"""What all tests share: a folder archive, a fixed moment, and no way to the internet."""

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

_LOCAL = ("127.", "::1", "localhost")


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
