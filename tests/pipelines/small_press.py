"""A made-up press for tests of publishing: stories, pages of them, and captures of the pages."""

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.capture import CaptureWriter, write_report
from pipelines.model import RawPage, RunReport, SourceFacts
from pipelines.store import Store

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

_PEOPLE = [
    "Arvel_Bonsky",
    "Carin_Dreyholt",
    "Esra_Faldin",
    "Gorm_Hallbek",
    "Ines_Jarovic",
    "Kofi_Lamptey",
    "Mira_Novotel",
    "Oskar_Pelling",
    "Quira_Rastan",
    "Selma_Tveit",
    "Ulf_Vankov",
    "Wera_Yelland",
]
_PLACES = [
    "Astmore",
    "Belgrim",
    "Corvane",
    "Dunhallow",
    "Eastfold",
    "Farnmouth",
    "Greyport",
    "Hollin",
    "Iverness",
    "Jarrowby",
    "Kelmark",
    "Lorrin",
    "Marstead",
    "Norwick",
]
_THINGS = [
    "harbour",
    "bridge",
    "reservoir",
    "tramway",
    "hospital",
    "granary",
    "quarry",
    "ferry",
    "archive",
    "orchard",
    "turbine",
    "lighthouse",
    "foundry",
    "market",
    "aqueduct",
    "library",
]
_VERBS = [
    "repair",
    "close",
    "reopen",
    "inspect",
    "extend",
    "abandon",
    "finance",
    "flood",
    "rebuild",
    "auction",
    "insure",
    "relocate",
    "photograph",
    "defend",
]
_WHY = (
    "after the winter storms",
    "because of rising costs",
    "despite two court rulings",
    "following a long dispute",
    "before the spring vote",
    "under a plan from the ministry",
    "with money from abroad",
    "against the advice of engineers",
)


def tell(story: int, paragraphs: int = 7) -> list[str]:
    """The paragraphs of a story; different numbers give stories that have nothing in common."""
    chance = random.Random(story)
    people = [person.replace("_", " ") for person in chance.sample(_PEOPLE, 3)]
    places, things, verbs = chance.sample(_PLACES, 3), chance.sample(_THINGS, 8), chance.sample(_VERBS, 8)
    told = []
    for at in range(paragraphs):
        thing, verb = things[at % 8], verbs[(at * 3 + story) % 8]
        told.append(
            f"{chance.choice(people)} told the council of {chance.choice(places)} on day {chance.randrange(2, 990)}"
            f" that the {thing} number {chance.randrange(100, 99999)} would {verb} {chance.choice(_WHY)}, and that"
            f" {chance.randrange(11, 9999)} residents had signed a letter about the {chance.choice(things)}. "
            f"{chance.choice(people)} answered that {chance.choice(places)} had waited {chance.randrange(3, 90)} years"
            f" and would {chance.choice(verbs)} the {chance.choice(things)} for {chance.randrange(100, 9999)} crowns."
        )
    return told


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page as a site serves it."""

    url: str
    title: str
    paragraphs: Sequence[str]
    published: datetime | str | None = NOON
    canonical: str | None = None
    fetched_at: datetime | None = None
    status: int = 200
    content_type: str = "text/html; charset=utf-8"

    @property
    def html(self) -> bytes:
        told = "".join(f"<p>{paragraph}</p>" for paragraph in self.paragraphs)
        published = self.published.isoformat() if isinstance(self.published, datetime) else self.published
        date = f'<meta property="article:published_time" content="{published}">' if published else ""
        canonical = f'<link rel="canonical" href="{self.canonical}">' if self.canonical else ""
        return (
            f"<!doctype html><html lang='en'><head><title>{self.title} | The Daily</title>{date}{canonical}"
            f"<meta property='og:type' content='article'></head><body><nav><a href='/'>Home</a></nav><main><article>"
            f"<h1>{self.title}</h1>{told}</article></main><footer>The Daily of Astmore</footer></body></html>"
        ).encode()


@dataclass(frozen=True, kw_only=True)
class Press:
    """Captures pages into a store as a crawl does."""

    store: Store
    spool: Path

    def capture(
        self,
        source_id: str,
        pages: Sequence[Page],
        *,
        run: str = "r1",
        started_at: datetime = NOON,
        agency: bool = False,
        report: bool = True,
    ) -> tuple[str, ...]:
        """The keys of the WARC files of a run of the source."""
        source = SourceFacts(id=source_id, name="The Daily", homepage=f"https://{source_id}.example/", agency=agency)
        writer = CaptureWriter(self.store, self.spool, source, run, started_at, user_agent="worldwire/0")
        for number, page in enumerate(pages):
            writer.write(
                RawPage(
                    source=source,
                    run_id=run,
                    requested_url=page.url,
                    url=page.url,
                    status=page.status,
                    headers=(("Content-Type", page.content_type), ("Content-Encoding", "gzip")),
                    body=gzip.compress(page.html, mtime=0),
                    fetched_at=page.fetched_at or started_at + timedelta(seconds=number),
                )
            )
        keys = writer.close()
        if report:
            self.report(source_id, run=run, started_at=started_at, captures=keys)
        return keys

    def report(
        self, source_id: str, *, run: str = "r1", started_at: datetime = NOON, captures: tuple[str, ...] = ()
    ) -> str:
        """The key of a run's report."""
        return write_report(
            self.store,
            RunReport(
                run_id=run,
                source_id=source_id,
                started_at=started_at,
                ended_at=started_at + timedelta(minutes=1),
                outcome="ok",
                asked=7,
                captures=captures,
                refused={"robots": 2},
            ),
        )


def page_of(story: int, source_id: str = "daily", *, path: str = "", title: str = "", **changes: object) -> Page:
    """A page of a source that tells the story."""
    values: dict[str, object] = {
        "url": f"https://{source_id}.example/world/story-{story}{path}",
        "title": title or f"Council of Astmore hears about case {story}",
        "paragraphs": tell(story),
    }
    return Page(**{**values, **changes})  # type: ignore[arg-type]
