"""Log lines: what the web sends can neither begin one nor speak to the terminal that shows it."""

import io
import logging

from hypothesis import given
from hypothesis import strategies as st

from pipelines.log_lines import LineFormatter, visible


def logged(message: str, *arguments: object, error: Exception | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("web")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.error(message, *arguments, exc_info=error)
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def test_what_cannot_be_seen_is_shown_as_what_it_is() -> None:
    assert logged("%s", "a\r\nERROR web: forged\x1b[2J\u202ez\u2028\x9b") == (
        "ERROR web: a\\r\\nERROR web: forged\\x1b[2J\\u202ez\\u2028\\x9b\n"
    )
    assert logged("%s", "Über Ψ 東京 🚢") == "ERROR web: Über Ψ 東京 🚢\n"


@given(st.text(max_size=200))
def test_whatever_is_logged_is_one_line_of_printable_characters(text: str) -> None:
    line = logged("%s", text)
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert visible(visible(text)) == visible(text)


def test_a_traceback_stands_set_in_whatever_its_error_says() -> None:
    lines = logged("it broke", error=ValueError("x\nERROR web: forged\x1b[1m")).splitlines()
    assert lines[0] == "ERROR web: it broke"
    assert lines[-1] == "    ERROR web: forged\\x1b[1m"
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])
