"""Processes of a publish that somebody else kills (the system, short of memory): all pages are drafted all the same."""

import os
import signal
from multiprocessing import forkserver
from typing import cast

import psutil
import pytest

from pipelines.extract import Draft
from pipelines.model import RawPage, SourceFacts
from pipelines.publish import workers
from pipelines.publish.workers import PageWorkers, open_workers
from tests.pipelines.small_press import NOON

SOURCE = SourceFacts(id="daily", name="Daily", homepage="https://daily.example/")
BODY = b"<html><body><h1>Harbour</h1>" + b"<p>The council spoke about the harbour for hours on Monday.</p>" * 9


def page(number: int) -> RawPage:
    return RawPage(
        source=SOURCE,
        run_id="run",
        requested_url=f"https://daily.example/{number}",
        url=f"https://daily.example/{number}",
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


def idle_workers() -> list[int]:
    return [child.pid for child in psutil.Process(fork_server()).children()]


@pytest.mark.slow
def test_a_fork_server_that_is_killed_is_started_anew() -> None:
    for _ in range(5):
        with open_workers(2) as pool:
            assert drafted(pool, range(4))
            os.kill(fork_server(), signal.SIGKILL)
            assert drafted(pool, range(4, 12))


@pytest.mark.slow
def test_workers_that_are_killed_with_the_lock_of_their_queue_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_START_SECONDS", 1.0)
    with open_workers(2, page_seconds=2.0) as pool:
        assert drafted(pool, range(4))
        for process_id in idle_workers():
            os.kill(process_id, signal.SIGKILL)
        assert drafted(pool, range(4, 24))
