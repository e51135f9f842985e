"""kill -9 of a backfill from a WARC file, again and again, at its puts: nothing is lost, and nothing is taken twice."""

import itertools
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipelines.archive import Archive
from pipelines.capture import capture_keys, read_pages
from pipelines.model import RawPage
from pipelines.publish import publish_new_captures
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.pipelines.small_press import tell
from tests.pipelines.test_backfill import write_warc
from tests.torture.checker import damage

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]

PAGES, SITES = 14, 2
# Takes pages out of a file, and is killed at its n-th put, before or after it is done.
DOOMED = """
import os, signal, sys
from pipelines import backfill
from pipelines.store import FolderStore, open_store
archive, file, call, after = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "after"
backfill.PORTION_BYTES = 5_000
calls = 0
def doomed(put):
    def at_call(*given):
        global calls
        calls += 1
        if calls == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = put(*given)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return at_call
for name in ("put", "put_if", "put_file"):
    setattr(FolderStore, name, doomed(getattr(FolderStore, name)))
backfill.backfill_files(open_store(archive), backfill.find_warc_files(file), None, user_agent="worldwire/test (+x)")
"""


def page_of(number: int) -> tuple[str, dict[str, str], bytes]:
    said = "".join(f"<p>{paragraph}</p>" for paragraph in tell(number))
    body = f"<html><head><title>Case {number}</title></head><body><h1>Case {number}</h1>{said}</body></html>"
    return f"https://news.example.{('com', 'org')[number % SITES]}/2026/11/story-{number}", {}, body.encode()


def run(archive: ArchiveSettings, file: Path, call: int, when: str) -> int:
    command = [sys.executable, "-c", DOOMED, archive.uri, str(file), str(call), when]
    return subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode


def captured(archive: ArchiveSettings) -> Counter[str]:
    store = open_store(archive.uri)
    pages = [page for key in capture_keys(store) for page in read_pages(store, key)]
    assert all(isinstance(page, RawPage) for page in pages)
    return Counter(page.url for page in pages)


@pytest.mark.parametrize("publishes_between", [False, True], ids=["published at last", "published after every kill"])
def test_a_backfill_killed_again_and_again_takes_every_page_once(
    archive: ArchiveSettings, tmp_path: Path, publishes_between: bool
) -> None:
    pages = [page_of(number) for number in range(PAGES)]
    file = write_warc(tmp_path / "others.warc.gz", pages)
    kills = 0
    for call, when in itertools.cycle([(1, "after"), (2, "before"), (3, "before"), (2, "after"), (3, "after")]):
        code = run(archive, file, call, when)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        assert kills < 40, "it does not come to its end"
        assert max(captured(archive).values(), default=1) == 1
        if publishes_between:
            publish_new_captures(archive, workers=1)
    assert kills >= 5
    assert captured(archive) == Counter(url for url, _, _ in pages)
    publish_new_captures(archive, workers=1)
    rows = Archive(open_store(archive.uri)).dataset("appearances")
    assert rows is not None
    assert sorted(rows.to_table().column("url").to_pylist()) == sorted(url for url, _, _ in pages)
    assert damage(open_store(archive.uri)) == []
