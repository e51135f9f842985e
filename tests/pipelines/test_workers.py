"""Page workers: a page costs at most itself, whatever it does and whoever kills its process."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from pipelines.archive import Archive
from pipelines.capture import read_pages
from pipelines.errors import ProcessesError
from pipelines.extract import Draft
from pipelines.model import Dropped, DropReason, RawPage, SourceFacts
from pipelines.pages import (
    PageWorkers,
    Sighting,
    StagedPage,
    StagedRow,
    draft,
    draft_staged,
    finish_rows,
    one_page,
    open_workers,
    workers,
)
from pipelines.publish import PublishProgress, list_held, publish_new_captures, replay
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from pipelines.template import Template
from tests.pipelines.published import publish
from tests.pipelines.small_press import NOON, Press, page_of

_ROOT = Path(__file__).parents[2]
SOURCE = SourceFacts(id="daily", name="Daily", homepage="https://daily.example/")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_TEXT = "".join(f"<p>The council spoke about the harbour for hours on {day}, and found no end.</p>" for day in _DAYS)
BODY = f"<html><body><h1>Harbour</h1>{_TEXT}</body></html>".encode()


def small_page(number: int, query: str = "") -> RawPage:
    url = f"https://daily.example/{number}{query}"
    return RawPage(
        source=SOURCE,
        run_id="run",
        requested_url=url,
        url=url,
        status=200,
        headers=(("Content-Type", "text/html"),),
        body=BODY,
        fetched_at=NOON,
    )


def _finishing_badly(rows: Sequence[StagedRow], template: Template) -> list[Sighting | Dropped]:
    """Hangs at one page, kills its process at another."""
    for row in rows:
        if row.made().url.endswith("/3"):
            time.sleep(600)
        if row.made().url.endswith("/5"):
            os.kill(os.getpid(), signal.SIGKILL)
    return finish_rows(rows, template)


def test_a_page_that_hangs_or_kills_its_process_when_it_is_finished_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pages = [draft_staged(small_page(number)) for number in range(40)]
    rows = [StagedRow(page.reason, page.value) for page in pages]
    template = Template()
    monkeypatch.setattr(workers, "finish_rows", _finishing_badly)
    with open_workers(2, page_seconds=2.0) as pool:
        made = [made for _, made in pool.finish((None, row, template) for row in rows)]
    assert [one.reason if isinstance(one, Dropped) else "" for one in made[:7]] == [
        *("", "", "", DropReason.TIMEOUT, "", DropReason.ERROR, "")
    ]
    assert all(isinstance(one, Sighting) and one.signature is not None for one in made[7:])
    urls = [one.url if isinstance(one, Dropped) else one.page.url for one in made]
    assert urls == [small_page(number).url for number in range(40)]


def drafted(pool: PageWorkers, numbers: range) -> bool:
    return all(isinstance(made, Draft) for _, made in pool.draft((number, small_page(number)) for number in numbers))


def fork_server() -> int:
    """The process from which all workers are forked."""
    return cast("int", forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def take_lock(pool: PageWorkers) -> None:
    """As a worker does that is killed while it fetches a page: nobody gives the lock back."""
    queue = pool._pool._pool_manager.worker_manager.workers_channel
    assert queue is not None
    assert queue.mutex.reader_mutex.acquire(timeout=5)


@pytest.mark.slow
def test_a_fork_server_that_is_killed_is_started_anew() -> None:
    for _ in range(5):
        with open_workers(2) as pool:
            assert drafted(pool, range(4))
            orphans = psutil.Process(fork_server()).children()
            os.kill(fork_server(), signal.SIGKILL)
            assert drafted(pool, range(4, 12))
            assert orphans
            assert not psutil.wait_procs(orphans, timeout=10)[1]


@pytest.mark.slow
def test_workers_whose_queue_is_locked_for_ever_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_START_SECONDS", 1.0)
    with open_workers(2, page_seconds=2.0) as pool:
        assert drafted(pool, range(4))
        take_lock(pool)
        assert drafted(pool, range(4, 24))


def test_a_page_whose_worker_is_killed_is_drafted_by_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workers, "draft", killed_once)
    mark = tmp_path / "killed"
    with open_workers(2) as pool:
        made = list(pool.draft((number, small_page(number, f"?{mark}")) for number in range(6)))
    assert mark.exists()
    assert all(isinstance(one, Draft) for _, one in made)


def killed_once(page: RawPage) -> Draft | Dropped:
    mark = Path(page.url.rpartition("?")[2])
    if page.url.partition("?")[0].endswith("/3") and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return draft(page)


def test_a_page_that_takes_too_long_is_held_back_and_published_by_a_replay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    press = Press(store=FolderStore(tmp_path / "archive"), spool=tmp_path / "spool")
    settings = ArchiveSettings(uri=press.store.uri, spool=press.spool)
    press.capture("daily", [page_of(number) for number in range(1, 5)])
    with monkeypatch.context() as patch:
        patch.setattr(workers, "draft_staged", hanging)
        summary = publish_new_captures(settings, now=NOON, workers=2, page_seconds=3.0)
    assert (summary.new_articles, summary.dropped) == (3, {"extraction_timeout": 1})
    (held,) = list_held(press.store)
    assert (held["reason"], held["detail"]) == ("extraction_timeout", "more than 3 s")
    mended = replay(settings, now=NOON, workers=2)
    assert (mended.published, mended.held) == (1, {})
    assert list_held(press.store) == []
    rows = Archive(press.store).dataset("appearances")
    assert rows is not None
    assert sorted(rows.to_table().column("url").to_pylist()) == [page_of(number).url for number in range(1, 5)]


def hanging(page: RawPage) -> StagedPage:
    if page.url.endswith("/story-2"):
        time.sleep(60)
    return draft_staged(page)


def test_workers_do_without_pandas() -> None:
    with open_workers(1) as pool:
        assert pool.look(small_page(1), _has_pandas) is False


def _has_pandas(_: RawPage) -> bool:
    return "pandas" in sys.modules


def test_ctrl_c_is_for_the_parent_alone() -> None:
    """In a process of its own, where the server of the workers is started anew."""
    script = "from tests.pipelines.test_workers import say_masks; say_masks()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert done.stdout == "worker True, parent False\n"


def say_masks() -> None:
    with open_workers(1) as pool:
        sys.stdout.write(f"worker {pool.look(small_page(1), _is_deaf)}, parent {_is_deaf(small_page(1))}\n")


def _is_deaf(_: RawPage) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_workers_that_cannot_be_started_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_processes(_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(workers._PlainProcess, "_Popen", staticmethod(no_more_processes))
    monkeypatch.setattr(workers, "_PAUSES", (0.0,))
    with (
        open_workers(1) as pool,
        pytest.raises(ProcessesError, match=r"^The processes that extract pages cannot be started: .+\.$"),
    ):
        drafted(pool, range(1))


def test_pages_are_drafted_by_processes_and_progress_is_told(folder_press: Press) -> None:
    told: list[PublishProgress] = []
    folder_press.capture("daily", [page_of(n) for n in range(1, 6)])
    summary = publish(folder_press, workers=2, on_progress=told.append)
    assert summary.new_articles == 5
    assert told[-1] == PublishProgress(
        captures=1, captures_extracted=1, captures_published=1, pages_extracted=5, pages_published=5
    )
    assert not multiprocessing.active_children()


def _misbehaving(page: Any) -> Any:
    if "story-2" in page.url:
        time.sleep(600)
    if "story-3" in page.url:
        os.kill(os.getpid(), signal.SIGKILL)
    return draft(page)


def test_a_page_that_hangs_or_kills_its_process_costs_only_itself(
    folder_press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key,) = folder_press.capture("daily", [page_of(n) for n in range(1, 7)])
    monkeypatch.setattr(workers, "draft", _misbehaving)
    with open_workers(2, page_seconds=6.0) as pool:
        assert isinstance(pool, PageWorkers)
        made = [one for _, one in pool.draft((key, page) for page in read_pages(folder_press.store, key))]
    reasons = [one.reason.value if isinstance(one, Dropped) else "draft" for one in made]
    assert reasons == ["draft", "extraction_timeout", "extraction_error", "draft", "draft", "draft"]
    assert [one.url[-1] for one in made] == list("123456")


@pytest.mark.usefixtures("drafts_inline")
@pytest.mark.parametrize("step", ["draft_page", "finish_page"])
def test_a_page_that_breaks_the_extraction_costs_only_itself(
    folder_press: Press, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    whole = getattr(one_page, step)

    def breaking(page: Any, *template: Any) -> Any:
        if page.url.endswith("story-2"):
            raise RecursionError("too deep")
        return whole(page, *template)

    monkeypatch.setattr(one_page, step, breaking)
    folder_press.capture("daily", [page_of(n) for n in range(1, 4)])
    summary = publish(folder_press)
    assert (summary.new_articles, summary.dropped) == (2, {"extraction_error": 1})


def test_workers_end_when_their_publisher_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import time
        import psutil
        from pipelines.model import RawPage, SourceFacts
        from pipelines.pages import open_workers
        from tests.pipelines.small_press import NOON
        if __name__ == "__main__":
            source = SourceFacts(id="s", name="", homepage="")
            page = RawPage(source=source, run_id="", requested_url="u", url="u", status=200, headers=(), body=b"",
                           fetched_at=NOON)
            with open_workers(2) as pool:
                list(pool.draft([(1, page), (2, page)]))
                print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
                time.sleep(600)
    """)
    child = subprocess.Popen([sys.executable, "-c", script], cwd=Path.cwd(), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pids = [int(pid) for pid in child.stdout.readline().split()]
    assert len(pids) >= 2
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
