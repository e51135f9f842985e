"""The table of sources as it is shown."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from dags.dashboard.words import fragment
from pipelines.newsroom import SourceFigures

STATES = ("ill", "off", "quiet", "well")


class FoundSources:
    """The table of sources. What is shown is as of when it was found, so it is made once and not for every reader."""

    def __init__(self, sources: Sequence[SourceFigures], found_at: datetime) -> None:
        self._sources = sources
        self.found_at = found_at
        self._mains = {"": self._make("")}

    def main(self, chosen: str) -> Markup:
        """All of the page below its head, with the sources in that state; all of them for ""."""
        if chosen not in self._mains:
            self._mains[chosen] = self._make(chosen)
        return self._mains[chosen]

    def _make(self, chosen: str) -> Markup:
        return fragment(
            "sources_main.html",
            sources=self._sources,
            shown=[one for one in self._sources if chosen in ("", one.health.state)],
            counts={name: sum(one.health.state == name for one in self._sources) for name in STATES},
            chosen=chosen,
            now=self.found_at,
        )
