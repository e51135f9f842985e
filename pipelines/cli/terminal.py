"""How the command line speaks: results on standard output, progress and complaints on standard error.

On a terminal progress is a bar, in a log it is plain lines. Text from the web is shown without its control characters:
a title must not move the cursor or reverse the line.
"""

import json
import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pipelines.log_lines import LineFormatter

if TYPE_CHECKING:  # rich is loaded when something is shown: `--help` need not wait for it
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text

_LOG_COLUMNS = 200  # a log has no width; rich would cut tables at 80
_LINE_SECONDS = 5.0
_STYLES = {"well": "green", "quiet": "yellow", "ill": "bold red", "off": "dim", "ok": "green", "partial": "yellow"}
_STYLES |= {"failed": "bold red", "killed": "bold red"}


def console(*, stderr: bool = False) -> "Console":
    """A console on one of the two streams; colours and width as the terminal, if it is one, has them."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _LOG_COLUMNS)


def printable(text: object) -> str:
    """The text on one line, without control, direction and other unseen characters."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()


def styled(word: str) -> "Text":
    """A state or outcome in its colour."""
    from rich.text import Text

    return Text(printable(word), style=_STYLES.get(word, ""))


def say(text: str) -> None:
    """One line of result, as it is."""
    console().print(printable(text), markup=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """One sentence on standard error."""
    console(stderr=True).print(printable(sentence), markup=False, style="red", soft_wrap=True)


def note(text: str) -> None:
    """One line beside the result, on standard error."""
    console(stderr=True).print(printable(text), markup=False, style="dim", soft_wrap=True)


def show_json(value: object) -> None:
    """The value as JSON on standard output; times as 2026-11-20T06:00:00Z."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    # JSON itself escapes only the first 32.
    sys.stdout.write("".join(char if char.isprintable() or char == "\n" else _as_json(char) for char in text) + "\n")


def _as_json(char: str) -> str:
    return json.dumps(char)[1:-1]


def plain(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A table; a column whose name starts with `#` holds numbers and is set to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    console().print(table)


def moment_in_words(moment: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class Bar:
    """Progress of one piece of work; `_display` is None where there is no terminal, `_lines` when a line was said."""

    _label: str
    _display: "Progress | None"
    _task: "TaskID | None"
    _lines: dict[str, float]

    def update(self, done: int, total: int | None, note: str = "") -> None:
        """Where the work is now. In a log, a line every few seconds."""
        if self._display is not None and self._task is not None:
            self._display.update(self._task, completed=done, total=total, note=printable(note))
            return
        now = time.monotonic()
        if now - self._lines["said"] >= _LINE_SECONDS:
            self._lines["said"] = now
            count = f"{done}" if total is None else f"{done} of {total}"
            self.line(f"{self._label}: {count} {note}".rstrip())

    def line(self, text: str) -> None:
        """A line that stays, above the bar."""
        target = self._display.console if self._display is not None else console(stderr=True)
        target.print(printable(text), markup=False, soft_wrap=True)


@contextmanager
def progress(label: str, *, shown: bool = True) -> Iterator[Bar]:
    """A bar on standard error while the block runs; nothing at all unless `shown`."""
    if not sys.stderr.isatty() or not shown:
        yield Bar(label, None, None, {"said": time.monotonic() if shown else math.inf})
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as display:
        yield Bar(label, display, display.add_task(label, total=None, note=""), {})


class _ConsoleHandler(logging.Handler):
    """Log records as plain lines on standard error, whatever stream that is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        console(stderr=True).print(self.format(record), markup=False, soft_wrap=True)


def set_up_logging(*, verbose: bool) -> None:
    """Warnings to standard error; with `verbose` also what is done."""
    handler = _ConsoleHandler()
    handler.setFormatter(LineFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)


def as_values(value: Any) -> dict[str, Any]:
    """A dataclass as a dict for `show_json`."""
    from dataclasses import asdict

    return asdict(value)
