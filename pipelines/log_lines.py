"""Log lines that the web cannot forge: an event is one line, and no character of it moves a cursor.

Addresses, titles, headers and error messages come from strangers. A newline in one of them would begin a line of our
log, an escape sequence would speak to the terminal that shows it.
"""

import logging
import traceback
from copy import copy
from types import TracebackType

_INDENT = "    "


def visible(text: str) -> str:
    r"""The text on one line; what cannot be seen (control, direction, odd spaces) as `\n`, `\x1b`, `\u202e`."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def indented(text: str) -> str:
    """The text's lines, each made visible and set in: what looks like a line of the log stands visibly inside one."""
    return "\n".join(_INDENT + visible(line) for line in text.rstrip("\n").split("\n"))


class LineFormatter(logging.Formatter):
    """A record is one line; its traceback follows, set in."""

    def format(self, record: logging.LogRecord) -> str:
        own = copy(record)
        own.exc_text = None  # which another handler's formatter has left there
        return super().format(own)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return visible(super().formatMessage(record))

    def formatException(  # noqa: N802 - logging's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return indented("".join(traceback.format_exception(*ei)))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        return indented(stack_info)


def log_to_stderr(level: int) -> None:
    """What a process that we start does with its log."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
