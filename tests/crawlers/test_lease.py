"""One crawl of a source at a time; a holder that is gone keeps nobody waiting for long."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crawlers import holder
from crawlers.holder import Holder
from crawlers.launch import Launch, lease, new_run
from crawlers.launch.lease import Lease, lease_key, take_lease
from crawlers.launch.nursery import Nursery
from pipelines.errors import StorageUnavailableError
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from tests.crawlers.conftest import Crawl, captured_paths, source_of
from tests.local_site import NETWORK, Answer, LocalSite, article

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


@pytest.fixture
def running() -> Iterator[subprocess.Popen[bytes]]:
    """Some process of this machine."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def taken(store: FolderStore, run_id: str) -> Lease:
    found = take_lease(store, "a", run_id, NOW)
    assert isinstance(found, Lease)
    return found


def held_by(store: FolderStore, **changes: object) -> None:
    """The lease is held by a crawl elsewhere."""
    elsewhere = Holder(
        run_id="elsewhere", since=NOW, machine="another machine", process_id=os.getpid(), process_started="1"
    )
    store.put(lease_key("a"), replace(elsewhere, **changes).to_bytes())  # type: ignore[arg-type]


def grown_old(store: FolderStore, seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "archive" / lease_key("a")
    before = path.stat().st_mtime - seconds
    os.utime(path, (before, before))


def test_a_second_crawl_of_a_source_asks_nothing_and_says_why(
    site: LocalSite, nursery: Nursery, archive: ArchiveSettings
) -> None:
    for path in site.add_articles(4):
        site.routes[path] = Answer(article(path), delay_seconds=0.3)
    reports: list[RunReport] = []

    def run() -> None:
        source = source_of(site, concurrency=1)
        run = new_run(source, archive, started_at=None, allow_private=NETWORK, dag_run_id=None)
        reports.append(Launch(source, run, print, lambda counts: None, 60).run_to_end(nursery))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.outcome for report in reports] == ["ok"] * 3
    assert [report.captured for report in reports] == [0, 0, 4]
    assert all(report.reason.startswith("another crawl of it is running since 20") for report in reports[:2])
    assert len(site.paths()) == 7
    assert captured_paths(archive) == sorted(site.links)


def test_a_lease_is_free_again_after_its_crawl(site: LocalSite, crawl: Crawl) -> None:
    site.add_article()
    assert crawl().captured == 1
    site.add_article()
    assert crawl().captured == 1


def test_other_sources_are_not_held_up(store: FolderStore) -> None:
    taken(store, "one")
    assert isinstance(take_lease(store, "b", "two", NOW), Lease)


def test_a_holder_that_died_on_this_machine_is_followed_at_once(
    store: FolderStore, running: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: running.pid)
    taken(store, "one")
    assert isinstance(take_lease(store, "a", "two", NOW), Holder)
    running.kill()
    deadline = time.monotonic() + 20
    while holder._process_started(running.pid) != "":  # dead, and nobody has asked for its exit code yet
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert isinstance(take_lease(store, "a", "three", NOW), Lease)


def test_a_later_process_of_the_same_number_is_not_the_holder(store: FolderStore) -> None:
    held_by(store, machine=holder._machine(), process_started="1")
    assert isinstance(take_lease(store, "a", "two", NOW), Lease)


def test_a_holder_elsewhere_is_waited_for_until_it_stops_renewing(store: FolderStore, tmp_path: Path) -> None:
    held_by(store)
    grown_old(store, lease.LEASE_SECONDS - 20, tmp_path)
    found = take_lease(store, "a", "two", NOW)
    assert isinstance(found, Holder)
    assert found.run_id == "elsewhere"
    grown_old(store, 40, tmp_path)
    assert isinstance(take_lease(store, "a", "two", NOW), Lease)
    assert sorted(found.key for found in store.list("state/")) == [lease_key("a")]


@pytest.mark.parametrize("hours", [-30, 30])
def test_what_the_machines_clocks_say_does_not_matter(store: FolderStore, tmp_path: Path, hours: int) -> None:
    held_by(store, since=NOW + timedelta(hours=hours))
    assert isinstance(take_lease(store, "a", "two", NOW), Holder)
    grown_old(store, lease.LEASE_SECONDS + 5, tmp_path)
    assert isinstance(take_lease(store, "a", "two", NOW), Lease)


def test_a_lease_is_renewed_while_it_is_held(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    with taken(store, "one") as held:
        grown_old(store, 1000, tmp_path)
        time.sleep(0.5)
        assert isinstance(take_lease(store, "a", "two", NOW), Holder)
        assert not held.is_lost
    assert store.get(lease_key("a")).body == b"{}"


def test_a_sleeper_learns_that_it_was_followed_and_leaves_the_lease_alone(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = taken(store, "one")
    grown_old(store, 1000, tmp_path)
    taken(store, "two")
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    with sleeper:
        deadline = time.monotonic() + 20
        while not sleeper.is_lost:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    holder = Holder.from_bytes(store.get(lease_key("a")).body)
    assert holder is not None
    assert holder.run_id == "two"


def test_storage_that_is_down_for_a_while_ends_no_crawl(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_if = FolderStore.put_if
    answers = iter(["down", "lost", "well"])
    done: list[str] = []

    def shaky(self: FolderStore, key: str, body: bytes, etag: str | None) -> str:
        answer = next(answers, "well")
        done.append(answer)
        if answer == "down":
            raise StorageUnavailableError("It cannot be reached.")
        written = put_if(self, key, body, etag)
        if answer == "lost":
            raise StorageUnavailableError("The answer was lost.")
        return written

    with taken(store, "one") as held:
        monkeypatch.setattr(FolderStore, "put_if", shaky)
        held._write(held._holder.to_bytes())
        held._write(replace(held._holder, renewals=1).to_bytes())
        held._write(replace(held._holder, renewals=2).to_bytes())
        assert not held.is_lost
    assert store.get(lease_key("a")).body == b"{}"


def test_a_crawl_whose_lease_was_taken_over_ends(
    site: LocalSite, crawl: Crawl, archive: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    for path in site.add_articles(40):
        site.routes[path] = Answer(article(path), delay_seconds=0.3)

    def take_over() -> None:
        while len(site.paths()) < 4:
            time.sleep(0.02)
        FolderStore(Path(archive.uri)).put(
            lease_key("local"),
            Holder(run_id="x", since=NOW, machine="another", process_id=1, process_started="1").to_bytes(),
        )

    threading.Thread(target=take_over).start()
    report = crawl(concurrency=1)
    assert (report.outcome, report.reason) == ("killed", "it was told to stop")
    assert len(site.paths()) < 40


def test_a_lease_that_nobody_can_read_is_nobodys(store: FolderStore) -> None:
    for body in (b"", b"{", b"[1]", b'{"run_id": 3}', b'{"since": "yesterday"}'):
        store.put(lease_key("a"), body)
        assert isinstance(take_lease(store, "a", "one", NOW), Lease)
