"""What is said of a source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

State = Literal["well", "quiet", "ill", "off"]


class Sign(StrEnum):
    """What a source ails from."""

    FAILING = "failing"
    BLOCKED = "blocked"
    BARREN = "barren"
    DROPPING = "dropping"
    SILENT = "silent"
    FEW = "few"
    CLUTTERED = "cluttered"
    LENGTH = "length"
    LANGUAGE = "language"
    LATE = "late"
    OVERDUE = "overdue"


ADVICE: Mapping[Sign, str] = {
    Sign.FAILING: "Open its homepage in a browser; if the site has moved, change its addresses in the catalogue.",
    Sign.BLOCKED: "Read its robots.txt, crawl it less often or more slowly, or write to the site.",
    Sign.BARREN: "Look up its feeds and news sitemap and name them in the catalogue (worldwire sources check).",
    Sign.DROPPING: (
        "Look at one of its pages with `worldwire extract --explain`; the site may have been redesigned, or make its"
        " pages by JavaScript now (`browser = true`)."
    ),
    Sign.SILENT: "Compare its homepage with its feeds; a feed that stands still is replaced in the catalogue.",
    Sign.FEW: "Compare its homepage with its feeds and sections; one of them may have stopped.",
    Sign.CLUTTERED: "Look at one of its pages with `worldwire extract --explain`; the site may have been redesigned.",
    Sign.LENGTH: "Look at one of its pages with `worldwire extract --explain`; text is lost, or too much is taken in.",
    Sign.LANGUAGE: "Open its newest articles; the site may show us another edition, or a wall instead of a text.",
    Sign.LATE: "Look at its feeds, cadence and crawl times: one of them may lag, or its crawls wait for a free slot.",
    Sign.OVERDUE: "If it should still be crawled, look whether it is in the catalogue and its DAG is on.",
}
# What helps where a crawl fails for a reason that says more than its sign.
_ADVICE_BY_CAUSE: Mapping[str, str] = {
    "dns": "Look for a typing mistake in its addresses; if the site has moved, change them in the catalogue.",
    "http_404": "Its feeds and sections are no longer where the catalogue says: look them up on its homepage.",
    "http_410": "Its feeds and sections are no longer where the catalogue says: look them up on its homepage.",
    "http_503": "If a browser is let in, crawl it less often or more slowly, or write to the site; else wait.",
    "private_address": "If it is a site of yours, name its network in WORLDWIRE_ALLOW_PRIVATE.",
    "robots": "worldwire obeys. Ask the publisher, or take the source out of the catalogue.",
    "timeout": "If it is quick in a browser, crawl it less often or more slowly, or write to the site; else wait.",
    "tls": "Open its homepage in a browser: nothing is taken from it until its certificate is right.",
    **dict.fromkeys(
        ("http_401", "http_403", "http_429", "http_451", "wall"),
        "If a browser is let in, crawl it less often or more slowly, or write to the site.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """How one source is; `since` is the start of the first run that shows the sign, `usual_today` an expectation.

    `cause`: where its crawls fail, the reason as `runs` names it. `new_today` counts the pages new to the archive since
    midnight UTC, `failed_today` the runs that failed.
    """

    source_id: str
    state: State
    reason: str
    sign: Sign | None = None
    cause: str = ""
    since: datetime | None = None
    last_run_at: datetime | None = None
    last_run_id: str = ""
    last_outcome: str = ""
    dag_run_id: str | None = None
    runs_today: int = 0
    failed_today: int = 0
    new_today: int = 0
    usual_today: float | None = None

    @property
    def advice(self) -> str:
        """One sentence of what to try; empty if there is nothing to do."""
        if self.sign is None or self.state not in ("ill", "off"):
            return ""
        return _ADVICE_BY_CAUSE.get(self.cause, ADVICE[self.sign])
