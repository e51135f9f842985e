"""Processes of a publish that somebody else kills (the system, short of memory): all pages are drafted all the same."""

import os
import signal
from multiprocessing import forkserver
from pathlib import Path
from typing import cast

import pytest

from pipelines.extract import Draft
from pipelines.model import Dropped, RawPage, SourceFacts
from pipelines.publish import workers
from pipelines.publish.one_page import draft
from pipelines.publish.workers import PageWorkers, open_workers
from tests.pipelines.small_press import NOON

SOURCE = SourceFacts(id="daily", name="Daily", homepage="https://daily.example/")
BODY = b"<html><body><h1>Harbour</h1>" + b"<p>The council spoke about the harbour for hours on Monday.</p>" * 9


def page(number: int, query: str = "") -> RawPage:
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


def drafted(pool: PageWorkers, numbers: range) -> bool:
    return all(isinstance(made, Draft) for _, made in pool.draft((number, page(number)) for number in numbers))


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
            os.kill(fork_server(), signal.SIGKILL)
            assert drafted(pool, range(4, 12))


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
        made = list(pool.draft((number, page(number, f"?{mark}")) for number in range(6)))
    assert mark.exists()
    assert all(isinstance(one, Draft) for _, one in made)


def killed_once(page: RawPage) -> Draft | Dropped:
    mark = Path(page.url.rpartition("?")[2])
    if page.url.partition("?")[0].endswith("/3") and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return draft(page)
