"""How the command line speaks: results on standard output, progress and complaints on standard error.

On a terminal progress is a bar, in a log it is plain lines. Text from the web is shown without its control characters:
a title must not move the cursor or reverse the line.
"""

import io
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

from pipelines.errors import InputError
from pipelines.log_lines import LineFormatter

if TYPE_CHECKING:  # rich is loaded when something is shown: `--help` need not wait for it
    from _typeshed import ReadableBuffer
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text

_LOG_COLUMNS = 200  # a log has no width; rich would cut tables at 80
_LINE_SECONDS = 5.0
_GAP = "  "
_LONGEST_WORD = 20
_STYLES = {"well": "green", "quiet": "yellow", "ill": "bold red", "off": "dim", "ok": "green", "partial": "yellow"}
_STYLES |= {"failed": "bold red", "killed": "bold red"}


class _Output(io.FileIO):
    """Standard output: what it cannot take is one sentence, unless its reader has gone."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as cause:
            raise InputError(f"Standard output cannot be written: {cause.strerror}.") from cause


def claim_streams() -> None:
    """Makes the three streams usable, whatever the caller has left of them.

    A letter that the locale does not have is escaped. Raises InputError if standard output is closed: results would be
    lost, and what is opened next would take its number.
    """
    closed = [number for number in (0, 1, 2) if not _is_open(number)]
    for number in closed:
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if 2 in closed:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - for as long as the process lives
    if 0 in closed:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if 1 in closed:
        raise InputError("Standard output is closed; send it to a file, to another command or to /dev/null.")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        encoding=sys.stdout.encoding,
        errors="backslashreplace",
        line_buffering=sys.stdout.isatty(),
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


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
    """The value as JSON on standard output, in UTF-8 whatever the locale (RFC 8259); times as 2026-11-20T06:00:00Z."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=plain)
    # JSON itself escapes only the first 32.
    show_text("".join(char if char.isprintable() or char == "\n" else _as_json(char) for char in text))


def show_text(text: str) -> None:
    """A text for another program, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


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


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; a column whose name starts with `#` holds numbers and is set to the right.

    On a terminal too narrow for it each row is a paragraph, so that no word is broken and no line is cut.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    names = [name.removeprefix("#") for name in columns]
    cells = [[cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row] for row in rows]
    narrowest = [_narrowest([name, *(row[at].plain for row in cells)]) for at, name in enumerate(names)]
    here = console()
    if sum(narrowest) + len(_GAP) * (len(names) - 1) > here.width:
        for row in cells:
            first, *rest = row
            said = [
                Text.assemble((f"{name} ", "dim"), cell) for name, cell in zip(names[1:], rest, strict=True) if cell
            ]
            here.print(Text(_GAP).join([first, *said[:1]]))
            here.print(Padding(Text(" · ").join(said[1:]), (0, 0, 0, len(_GAP))))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name, width in zip(columns, names, narrowest, strict=True):
        justify: Literal["right", "left"] = "right" if column.startswith("#") else "left"
        table.add_column(name, justify=justify, overflow="fold", min_width=width)
    for row in cells:
        table.add_row(*row)
    here.print(table)


def _narrowest(texts: Iterable[str]) -> int:
    """The width at which no word of a column is broken, but for an address."""
    longest = max((len(word) for text in texts for word in text.split()), default=1)
    return min(longest, _LONGEST_WORD)


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
