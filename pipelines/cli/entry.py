"""From the arguments to an exit code: one sentence for what goes wrong, never a traceback for a user's mistake.

0 done · 1 some sources failed or are ill · 2 the command line or a file of the user is wrong · 3 storage ·
130 stopped by Ctrl-C (143 by SIGTERM)
"""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pipelines.cli.terminal import claim_streams, complain
from pipelines.errors import WorldwireError
from pipelines.memory import FRUGAL_ALLOCATORS
from pipelines.without_pandas import do_without_pandas

INTERRUPTED = 130
TERMINATED = 143
_BROKEN_PIPE = 141


class _Terminated(KeyboardInterrupt):
    """SIGTERM: ends as Ctrl-C does, so that children and half-written files go."""


class _StoppedError(WorldwireError):
    """A command was stopped."""

    def __init__(self, cause: KeyboardInterrupt) -> None:
        super().__init__(str(cause) or "Stopped.")
        self.exit_code = TERMINATED if isinstance(cause, _Terminated) else INTERRUPTED


@contextmanager
def _stopping_is_told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as cause:
        raise _StoppedError(cause) from cause


class Commands(TyperGroup):
    """Says one sentence when a command is stopped, where typer would end without a word; wraps help as paragraphs."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        with _stopping_is_told():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _stopping_is_told():
            return super().invoke(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None and command.help:
            command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", command.help)  # rich would keep the docstring's lines
        return command


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
        return _complained(error)
    except TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", name)
        complain(f"{error.format_message().replace('Value error, ', '')} (See {command} --help.)")
        return 2
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            return _complained(_StoppedError(abort.__context__))
        complain("Nobody answered, so nothing was done; --yes does not ask.")
        return 2
    except SystemExit:  # typer's answer to a reader of our output that has gone
        return _BROKEN_PIPE
    return result if isinstance(result, int) else 0


def run_and_leave(app: typer.Typer, name: str) -> NoReturn:
    """What the installed command does.

    Leaves without the interpreter's own shutdown: native threads of deltalake have been seen to abort there, after all
    work was done, and the exit code must be right.
    """
    do_without_pandas()
    for variable, value in FRUGAL_ALLOCATORS.items():
        os.environ.setdefault(variable, value)
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        claim_streams()
        code = run_app(app, sys.argv[1:], name=name)
        code = code or _flushed()
    except WorldwireError as error:
        code = _complained(error)
    except KeyboardInterrupt as cause:
        code = _complained(_StoppedError(cause))
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _flushed() -> int:
    """The exit code of what was still to be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _BROKEN_PIPE
    return 0


def _complained(error: WorldwireError) -> int:
    complain(str(error))
    return error.exit_code


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated
