"""The archives that this folder keeps: one of each schema version, by the worldwire that wrote it.

python -m tests.archives.make      writes schema-<n>.tar.xz of the present version; run before it is raised
"""

import sys
import tarfile
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.archive import SCHEMA_VERSION
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.pipelines.small_press import NOON, Press, page_of, tell

HERE = Path(__file__).parent


def make(folder: Path) -> None:
    """Two stories, a copy, a page held back, and a correction."""
    where = ArchiveSettings(uri=str(folder / "archive"), spool=folder / "spool")
    press = Press(store=open_store(where.uri), spool=where.spool)
    press.capture("daily", [page_of(1), page_of(2), page_of(3, paragraphs=["Short."])])
    press.capture("echo", [page_of(1, "echo", published=NOON + timedelta(hours=1))])
    publish_new_captures(where, now=NOON + timedelta(hours=1), workers=1)
    corrected = page_of(2, paragraphs=[*tell(2), "This report was corrected on Friday."])
    press.capture("daily", [corrected], run="r2", started_at=NOON + timedelta(hours=3))
    publish_new_captures(where, now=NOON + timedelta(hours=4), workers=1)


if __name__ == "__main__":
    packed = HERE / f"schema-{SCHEMA_VERSION}.tar.xz"
    with TemporaryDirectory() as temporary:
        make(Path(temporary))
        with tarfile.open(packed, "w:xz", preset=9) as file:
            file.add(Path(temporary) / "archive", ".", recursive=True)
    sys.stdout.write(f"{packed.name}: {packed.stat().st_size} bytes\n")
