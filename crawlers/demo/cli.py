"""`python -m crawlers.demo`: serve the world until told to stop.

The folder gets `sources.toml` (the catalogue), `truth.json` (what a perfect crawl would archive) and `started_at`: a
world that is started again in the same folder goes on with the same pages.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from crawlers.demo.serve import DemoWorld
from crawlers.demo.sites import SITES
from pipelines.errors import InputError, WorldwireError

DEFAULT_PORT = 8790


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after SIGINT or SIGTERM, 2 if the world could not begin."""
    wanted = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        started_at = _started_at(wanted.folder)
        with DemoWorld(
            port=wanted.port,
            sites=wanted.sites,
            seed=wanted.seed,
            started_at=started_at,
            clock=lambda: datetime.now(UTC),
        ) as world:
            _describe(world, wanted.folder)
            print(f"{len(world.bases)} sites, {len(world.truth)} pages, {world.shown()} of them out", flush=True)
            print(f"WORLDWIRE_ALLOW_PRIVATE={world.allow_private} lets the crawler in; front page: {world.bases[0]}/")
            print("ready", flush=True)
            stop.wait()
    except WorldwireError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m crawlers.demo", description="Serve a small world of news sites on loopback addresses."
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="one port for all sites (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, required=True, help="where sources.toml and truth.json are written")
    parser.add_argument(
        "--sites",
        type=int,
        choices=range(1, len(SITES) + 1),
        default=len(SITES),
        help="how many (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, another choice of copies and times")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def _started_at(folder: Path) -> datetime:
    """When the world of this folder began; a new one begins now. Raises InputError for a folder that is of no use."""
    mark = folder / "started_at"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if mark.exists():
            return datetime.fromisoformat(mark.read_text(encoding="utf-8").strip())
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        _write(mark, now.isoformat() + "\n")
    except (OSError, ValueError) as cause:
        raise InputError(f"The demo world cannot use the folder {folder}: {cause}.") from cause
    return now


def _describe(world: DemoWorld, folder: Path) -> None:
    """Write the world's catalogue and truth. Raises InputError."""
    try:
        _write(folder / "sources.toml", world.catalogue)
        _write(folder / "truth.json", json.dumps(world.truth, ensure_ascii=False, indent=1))
    except OSError as cause:
        raise InputError(f"The demo world cannot write to the folder {folder}: {cause}.") from cause


def _write(path: Path, text: str) -> None:
    """The whole file or nothing: others may be waiting for it."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
