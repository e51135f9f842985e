"""The small world of the experiments: demo sites, captures of them, and what an undisturbed run makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawlers.catalogue import Source, load_catalogue
from crawlers.demo.serve import DemoWorld
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture.checker import damage, lost_pages, read_tables
from tests.torture.victims import Doom, Victims

SITES = 2


@dataclass(frozen=True)
class SmallWorld:
    """Two sites, of which one has copies of the other's stories."""

    demo: DemoWorld
    sources: list[Source]
    catalogue: Path

    @property
    def urls(self) -> list[str]:
        """The addresses of all pages that are out."""
        return [page["url"] for page in self.demo.truth[: self.demo.shown()]]

    def crawl(self, victims: Victims, archive: ArchiveSettings, doom: Doom | None = None) -> list[int]:
        """Crawls all sources one after the other; gives how often each called storage."""
        return [victims.crawl(source, archive, self.demo.allow_private, doom)[1] for source in self.sources]


@dataclass(frozen=True)
class Undisturbed:
    """An archive that nothing happened to."""

    archive: ArchiveSettings
    captures: Path
    tables: Any
    crawl_calls: int
    publish_calls: int
    publish_seconds: float


def make_world(folder: Path) -> SmallWorld:
    demo = DemoWorld(port=0, sites=SITES)
    catalogue = folder / "sources.toml"
    catalogue.write_text(demo.catalogue)
    return SmallWorld(demo=demo, sources=list(load_catalogue(catalogue)), catalogue=catalogue)


def new_archive(folder: Path) -> ArchiveSettings:
    """An empty folder archive with its spool."""
    return ArchiveSettings(uri=str(folder / "archive"), spool=folder / "spool")


def copy_captures(source: ArchiveSettings, target: ArchiveSettings) -> None:
    """Puts all captures and frontiers of one archive into another one."""
    ours, theirs = open_store(source.uri), open_store(target.uri)
    for prefix in ("captures/", "state/"):
        for found in ours.list(prefix):
            if not found.key.endswith("template.parquet"):
                theirs.put(found.key, ours.get(found.key).body)


def all_damage(world: SmallWorld, archive: ArchiveSettings) -> list[str]:
    """What is wrong with a whole archive of the world."""
    store = open_store(archive.uri)
    return [*damage(store, archive.spool), *lost_pages(store, world.urls)]


def differences_from(expected: Any, view: Callable[[Any], Any], archive: ArchiveSettings) -> list[str]:
    """Where the archive's rows differ from the expected ones, seen in that way."""
    from tests.torture.checker import differences

    return differences(view(expected), view(read_tables(open_store(archive.uri))))
