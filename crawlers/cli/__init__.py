"""The `worldwire` command. This module is light: what it needs is loaded when Ctrl-C is no traceback any more."""

from typing import NoReturn

from pipelines.cli import stop_at_once


def main() -> NoReturn:
    """Runs one command and leaves with its exit code."""
    stop_at_once()
    from crawlers.cli.app import make_app
    from pipelines.cli.entry import run_and_leave

    run_and_leave(make_app(), "worldwire")
