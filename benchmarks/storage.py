"""What an archive costs on object storage, per 10 000 articles: objects, bytes and requests, and what compaction saves.

    python -m benchmarks.storage --shared FOLDER [--pages 600] [--publishes 4]

FOLDER holds the measuring sets; their pages, varied (`page_captures`), are put into a bucket of moto's server and
published in several portions, as crawls bring them. Requests are counted by a proxy before the server: those of boto3
and those of deltalake. The last row is the archive once the history of its tables (30 days) has passed.
"""

import argparse
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from rich.console import Console
from rich.table import Table
from werkzeug.serving import WSGIRequestHandler

from benchmarks.page_captures import STARTED_AT, write_captures
from pipelines.archive import Archive
from pipelines.capture import capture_keys
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import Store, open_store
from pipelines.upkeep import compact
from tests.torture.fault_proxy import FaultProxy, S3Request

BUCKET = "bench"
PER = 10_000
_LISTED = ("captures", "tables", "journal", "state")


@dataclass(slots=True)
class Line:
    """Requests of one step, and the objects and bytes that there are after it, by the first part of their key."""

    name: str
    requests: Counter[str]
    read_requests: int = 0
    objects: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--shared", type=Path, required=True)
    words.add_argument("--pages", type=int, default=600)
    words.add_argument("--publishes", type=int, default=4)
    given = words.parse_args()
    folders = sorted(path.parent for path in (given.shared / "extraction-dev").glob("*/pages.jsonl.gz"))
    if not folders:
        sys.exit(f"{given.shared} has no extraction-dev/*/pages.jsonl.gz")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.disable_nagle_algorithm = True
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_REGION": "us-east-1"}
        os.environ.update({**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://{host}:{port}"})
        with tempfile.TemporaryDirectory(prefix="worldwire-bench-") as name:
            show(measure(Path(name), folders, given.pages, given.publishes), given.publishes)
    finally:
        server.stop()
    return 0


def measure(folder: Path, folders: Sequence[Path], pages: int, publishes: int) -> tuple[list[Line], int]:
    """The steps in their order, and how many articles there are."""
    local = open_store(str(folder / "local"))
    write_captures(local, folder / "spool", folders, pages)
    boto3.session.Session().client("s3").create_bucket(Bucket=BUCKET)
    settings = ArchiveSettings(uri=f"s3://{BUCKET}/news", spool=folder / "spool")
    direct = open_store(settings.uri)
    keys = list(capture_keys(local))
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        os.environ["AWS_ENDPOINT_URL"] = proxy.endpoint
        lines = [Line("publish", Counter())]
        for portion in range(publishes):
            for key in keys[portion::publishes]:
                direct.put(key, local.get(key).body)
            at = len(proxy.done)
            publish_new_captures(settings, now=STARTED_AT + timedelta(hours=1 + portion))
            lines[0].requests += requests_since(proxy, at)
        articles = look(lines[0], direct, proxy, settings)
        at = len(proxy.done)
        compact(settings, now=STARTED_AT + timedelta(days=1))
        lines.append(Line("compact", requests_since(proxy, at)))
        look(lines[1], direct, proxy, settings)
        at = len(proxy.done)
        Archive(open_store(settings.uri)).vacuum(forget_history=True)
        lines.append(Line("30 days later", requests_since(proxy, at)))
        look(lines[2], direct, proxy, settings)
    return lines, articles


def look(line: Line, direct: Store, proxy: FaultProxy, settings: ArchiveSettings) -> int:
    """Counts objects, and the requests of reading all articles; gives how many articles there are."""
    for found in direct.list(""):
        first = found.key.split("/")[0]
        line.objects[first] += 1
        line.sizes[first] += found.size_bytes
    at = len(proxy.done)
    rows = Archive(open_store(settings.uri)).dataset("articles")
    count = 0 if rows is None else rows.to_table().num_rows
    line.read_requests = sum(requests_since(proxy, at).values())
    return int(count)


def requests_since(proxy: FaultProxy, at: int) -> Counter[str]:
    return Counter(_kind(request) for request, _ in proxy.done[at:])


def _kind(request: S3Request) -> str:
    """As they are charged for: writes and listings, reads; deleting is free."""
    if request.method == "DELETE" or (request.method == "POST" and "delete" in request.target):
        return "delete"
    return "write" if request.is_write or request.is_listing else "read"


def show(measured: tuple[list[Line], int], publishes: int) -> None:
    lines, articles = measured
    _print(lines, 1, f"{articles} articles in {lines[0].objects['captures']} captures, {publishes} publishes")
    _print(lines, PER / articles, f"the same per {PER} articles, if they came in captures and publishes of that size")


def _print(lines: Sequence[Line], scale: float, title: str) -> None:
    table = Table(title=title)
    columns = ["after", "writes and lists", "reads", "deletes", "reads of all articles"]
    for column in [*columns, *(f"{name}: objects" for name in _LISTED), *(f"{name}: MB" for name in _LISTED)]:
        table.add_column(column, justify="left" if column == "after" else "right")
    for line in lines:
        requests = [f"{line.requests[kind] * scale:.0f}" for kind in ("write", "read", "delete")]
        objects = [f"{line.objects[name] * scale:.0f}" for name in _LISTED]
        sizes = [f"{line.sizes[name] * scale / 1e6:.1f}" for name in _LISTED]
        table.add_row(line.name, *requests, f"{line.read_requests * scale:.0f}", *objects, *sizes)
    Console(width=180).print(table)


if __name__ == "__main__":
    sys.exit(main())
