"""The commands that need no crawler; `crawlers.cli` mounts them beside its own as `worldwire`.

Without Scrapy installed they work as `python -m pipelines.cli export …`. This module is light: what the commands need
is loaded when Ctrl-C is no traceback any more.
"""

import contextlib
import os
import signal
from types import FrameType
from typing import NoReturn


def stop_at_once() -> None:
    """Until a command runs, Ctrl-C and SIGTERM end the process with one word: nothing was begun."""
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # nohup and shells' & have it ignored
        signal.signal(signal.SIGINT, _leave)


def main() -> NoReturn:
    """Runs one command of this package and leaves with its exit code."""
    stop_at_once()
    from pipelines.cli.app import make_app
    from pipelines.cli.entry import run_and_leave

    run_and_leave(make_app(), "python -m pipelines.cli")


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, b"Stopped.\n")
    os._exit(128 + number)
