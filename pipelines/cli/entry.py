"""From the arguments to an exit code: one sentence for what goes wrong, never a traceback for a user's mistake.

0 done · 1 some sources failed or are ill · 2 the command line or a file of the user is wrong · 3 storage ·
130 stopped by Ctrl-C (143 by SIGTERM)
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipelines.cli.terminal import complain
from pipelines.errors import WorldwireError
from pipelines.without_pandas import do_without_pandas

INTERRUPTED = 130
TERMINATED = 143
_BROKEN_PIPE = 141


class _Terminated(KeyboardInterrupt):
    """SIGTERM: ends as Ctrl-C does, so that children and half-written files go."""


class Commands(TyperGroup):
    """Says one sentence when a command is stopped; typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as cause:
            complain(str(cause) or "Stopped.")
            raise typer.Exit(TERMINATED if isinstance(cause, _Terminated) else INTERRUPTED) from cause


@contextmanager
def stopping_says(sentence: str) -> Iterator[None]:
    """What the user is told who stops what runs within."""
    try:
        yield
    except KeyboardInterrupt as cause:
        raise type(cause)(sentence) from cause


def new_app(summary: str) -> typer.Typer:
    """An application without commands yet, that shows its help when called without one."""
    return typer.Typer(
        cls=Commands,
        help=summary,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run_app(app: typer.Typer, arguments: Sequence[str], *, name: str) -> int:
    """Runs one command and gives its exit code."""
    try:
        result = typer.main.get_command(app).main(list(arguments), prog_name=name, standalone_mode=False)
    except WorldwireError as error:
        complain(str(error))
        return error.exit_code
    except TyperException as error:
        complain(f"{error.format_message()} (See {name} --help.)")
        return 2
    except SystemExit:  # typer's answer to a reader of our output that has gone
        return _BROKEN_PIPE
    return result if isinstance(result, int) else 0


def run_and_leave(app: typer.Typer, name: str) -> NoReturn:
    """What the installed command does.

    Leaves without the interpreter's own shutdown: native threads of deltalake have been seen to abort there, after all
    work was done, and the exit code must be right.
    """
    signal.signal(signal.SIGTERM, _end)
    do_without_pandas()
    # Read where Arrow is imported: what its own allocator once had stays with it, a quarter of a publish's memory.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    code = run_app(app, sys.argv[1:], name=name)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated
