"""The snippets of docs/reader.md, which the tests run."""

import re
from pathlib import Path

_DOC = Path(__file__).parents[2] / "docs" / "reader.md"


def snippets(language: str) -> list[str]:
    """All code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", _DOC.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def snippet(language: str, words: str) -> str:
    """The one code block of a language in which the words stand."""
    (found,) = [one for one in snippets(language) if words in one]
    return found
