"""Pages that are no article: section pages, bare players, soft 404s, cookie and login walls."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pipelines.extract.reading import Reading
from pipelines.model import DropReason, PageFacts


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page gives no article, in a word for counting and a few for reading."""

    reason: DropReason
    detail: str


def refusal(reading: Reading, facts: PageFacts, url: str) -> Refusal | None:
    """None for a page that seems to be an article."""
    if not any(line.reason is None for line in reading.lines()):
        return Refusal(DropReason.NO_TEXT, "no block of text")
    path = urlsplit(url).path
    if path in ("", "/") and not urlsplit(url).query:
        return Refusal(DropReason.NOT_ARTICLE, "homepage")
    return None
