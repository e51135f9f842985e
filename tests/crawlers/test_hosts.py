"""Sources that share a host ask it as one: delay, Crawl-delay and the rest it asks for hold across processes."""

import asyncio
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crawlers import holder as holders
from crawlers.holder import Holder, this_process
from crawlers.launch import Launch, new_run
from crawlers.launch.nursery import Nursery
from crawlers.middlewares import hosts, pace
from crawlers.middlewares.hosts import HostRecord, SharedHost, host_key
from crawlers.middlewares.outcomes import RefusedError
from crawlers.middlewares.pace import HostPace
from pipelines.errors import StorageUnavailableError
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import FolderStore
from tests.crawlers.conftest import source_of
from tests.local_site import NETWORK, Answer, LocalSite, article, feed, text

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOST = "news.example"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (hosts, pace):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(hosts, "SHARE_SECONDS", 0.1)


def crawls_at_once(nursery: Nursery, archive: ArchiveSettings, site: LocalSite, **keys: object) -> list[RunReport]:
    """Two sources of the site, crawled at the same time in processes of their own."""
    reports: list[RunReport] = []

    def one(name: str) -> None:
        paths = [f"/{name}/2026/11/24/the-council-met-again-today-{number}" for number in range(6)]
        site.routes |= {path: Answer(article(path)) for path in paths}
        site.routes[f"/{name}.xml"] = feed([site.url(path) for path in paths])
        source = source_of(site, id=name, feeds=[site.url(f"/{name}.xml")], **keys)
        run = new_run(source, archive, started_at=None, allow_private=NETWORK, dag_run_id=None)
        reports.append(Launch(source, run, print, lambda counts: None, 120).run_to_end(nursery))

    threads = [threading.Thread(target=one, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return reports


@pytest.mark.parametrize(("catalogue", "robots"), [(0.25, ""), (0.0, "User-agent: *\nCrawl-delay: 0.25\n")])
def test_two_sources_of_one_host_ask_it_no_faster_than_one(
    site: LocalSite, nursery: Nursery, archive: ArchiveSettings, catalogue: float, robots: str
) -> None:
    site.routes["/robots.txt"] = text(robots)
    reports = crawls_at_once(nursery, archive, site, delay_seconds=catalogue)
    assert [report.captured for report in reports] == [6, 6]
    assert len(site.asked) >= 16
    assert site.shortest_gap() >= 0.25


def test_a_host_that_asks_for_rest_gets_it_from_all_its_sources(
    site: LocalSite, nursery: Nursery, archive: ArchiveSettings
) -> None:
    site.routes["/robots.txt"] = Answer(b"busy", 429, headers={"Retry-After": "300"})
    reports = crawls_at_once(nursery, archive, site)
    assert site.paths() == ["/robots.txt"]
    assert {report.outcome for report in reports} == {"failed"}
    assert {name for report in reports for name in report.refused} <= {"host_busy", "robots_unreachable"}


def pace_of(store: FolderStore, run_id: str, delay_seconds: float = 0.0) -> HostPace:
    return HostPace(delay_seconds, 4, SharedHost(store, HOST, this_process(run_id, NOW)))


async def ask(one: HostPace, times: list[float], number: int) -> None:
    for _ in range(number):
        async with one.turn(time.monotonic() + 20, lambda: True):
            times.append(time.time())
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("quick")
def test_a_crawl_with_much_to_ask_leaves_the_host_to_one_that_waits(store: FolderStore) -> None:
    async def both() -> tuple[list[float], list[float]]:
        long, short = pace_of(store, "long", 0.02), pace_of(store, "short", 0.02)
        one: list[float] = []
        two: list[float] = []
        asking = asyncio.create_task(ask(long, one, 60))
        while not one:
            await asyncio.sleep(0.001)
        await ask(short, two, 5)
        await short.leave()
        await asking
        await long.leave()
        return one, two

    one, two = asyncio.run(both())
    assert one[0] < two[0] < two[-1] < one[-1]
    assert min(later - earlier for earlier, later in itertools.pairwise(sorted(one + two))) >= 0.02
    record = HostRecord.from_bytes(store.get(host_key(HOST)).body)
    assert record.holder is None
    assert record.answered_at == pytest.approx(one[-1], abs=1.0)


@pytest.mark.usefixtures("quick")
def test_what_a_crawl_before_promised_holds_for_the_next(store: FolderStore) -> None:
    async def twice() -> float:
        first, second = pace_of(store, "first"), pace_of(store, "second", 0.1)
        times: list[float] = []
        await ask(first, times, 1)
        first.pause(0.3)
        await first.leave()
        await ask(second, times, 1)
        return times[1] - times[0]

    assert asyncio.run(twice()) >= 0.3


@pytest.mark.usefixtures("quick")
def test_a_rest_is_believed_for_a_day_at_most(store: FolderStore) -> None:
    async def close() -> None:
        one = pace_of(store, "one")
        await ask(one, [], 1)
        one.pause(10.0**9)
        await one.leave()

    asyncio.run(close())
    record = HostRecord.from_bytes(store.get(host_key(HOST)).body)
    assert record.busy_until - time.time() == pytest.approx(86_400, abs=60)
    with pytest.raises(RefusedError, match="host_busy"):
        asyncio.run(ask(pace_of(store, "two"), [], 1))


@pytest.mark.usefixtures("quick")
def test_a_delay_without_end_holds_for_a_day_at_most(store: FolderStore) -> None:
    async def promise() -> None:
        one = pace_of(store, "one")
        await ask(one, [], 1)
        one.promise(float("inf"))
        await one.leave()

    asyncio.run(promise())
    record = HostRecord.from_bytes(store.get(host_key(HOST)).body)
    assert record.ready_at - time.time() == pytest.approx(86_400, abs=60)


def counted(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What is asked of storage from now on."""
    asked: Counter[str] = Counter()
    for name in ("get", "put_if"):
        monkeypatch.setattr(store, name, counting(getattr(store, name), name, asked))
    return asked


def counting(call: Callable[..., Any], name: str, asked: Counter[str]) -> Callable[..., Any]:
    def count(*given: Any) -> Any:
        asked[name] += 1
        return call(*given)

    return count


@pytest.mark.usefixtures("quick")
def test_a_crawl_that_has_the_host_to_itself_looks_seldom_and_still_leaves_it_to_one_that_comes(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "RENEW_SECONDS", 0.5)
    asked = counted(store, monkeypatch)

    async def run() -> None:
        long, late = pace_of(store, "long", 0.02), pace_of(FolderStore(Path(store.uri)), "late", 0.02)
        asking = asyncio.create_task(ask(long, [], 80))
        await asyncio.sleep(1.0)
        alone = Counter(asked)
        assert alone["get"] <= 12, "50 looks of 0.02 seconds are in a second"
        assert 2 <= alone["put_if"] <= 4, "it renews all the same"
        await asyncio.wait_for(ask(late, [], 1), 1.0)
        await late.leave()
        await asking
        await long.leave()

    asyncio.run(run())


def held_by(store: FolderStore, **changes: object) -> None:
    holder: Holder = replace(this_process("other", NOW), **changes)  # type: ignore[arg-type]
    store.put(host_key(HOST), HostRecord(holder=holder).to_bytes())


@pytest.mark.usefixtures("quick")
def test_a_holder_that_died_here_is_followed_at_once_and_one_elsewhere_when_it_is_silent(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by(store, process_started="1")
    asyncio.run(ask(pace_of(store, "next"), [], 1))
    held_by(store, machine="another")
    with pytest.raises(RefusedError, match="run_time"):
        asyncio.run(ask_until(pace_of(store, "next"), 0.3))
    monkeypatch.setattr(hosts, "LEASE_SECONDS", 0.1)
    asyncio.run(ask(pace_of(store, "next"), [], 1))
    assert holders.this_process("next", NOW).is_dead_here is False


async def ask_until(one: HostPace, seconds: float) -> None:
    async with one.turn(time.monotonic() + seconds, lambda: True):
        pass


@pytest.mark.usefixtures("quick")
def test_storage_that_is_down_and_records_that_nobody_can_read_hold_nobody_up(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in (b"", b"[]", b'{"holder": 3}', b'{"ready_at": "soon"}', b'{"busy_until": null}'):
        store.put(host_key(HOST), body)
        asyncio.run(ask(pace_of(store, "one"), [], 1))
    monkeypatch.setattr(FolderStore, "put_if", lambda *given: (_ for _ in ()).throw(StorageUnavailableError("down")))
    asyncio.run(ask(pace_of(store, "one"), [], 1))
