"""Two at once, and sleepers that wake up when others have done their work: still each page once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipelines.archive import Archive
from pipelines.model import RunReport
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture.checker import objects_of, rewritten, same_captures, same_world
from tests.torture.seeds import rotating
from tests.torture.victims import DoomedCrawl, Publish, Victims, is_stopped, when
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]
ASLEEP_AT = (0.13, 0.29, 0.45, 0.61, 0.77, 0.93)  # of the requests that a publish makes


def assert_right(world: SmallWorld, undisturbed: Undisturbed, archive: ArchiveSettings) -> None:
    assert all_damage(world, archive) == []
    assert differences_from(undisturbed.tables, same_captures, archive) == []


@contextmanager
def sleeping(victims: Victims, archive: ArchiveSettings, call: int) -> Iterator[Publish]:
    """A publish that has gone to sleep at that call of storage; it is woken at the end."""
    publish = victims.publish(archive, {"call": call, "signal": signal.SIGSTOP})
    when(lambda: publish.is_stopped)
    try:
        yield publish
    finally:
        publish.kill(signal.SIGCONT)
        publish.end()


@pytest.mark.parametrize("where", ["archive", "s3_archive"])
def test_two_publishes_at_once(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, where: str, request: pytest.FixtureRequest
) -> None:
    archive = request.getfixturevalue(where)
    if where == "s3_archive":
        victims = replace(victims, environment=request.getfixturevalue("bucket_environment"))
    copy_captures(undisturbed.archive, archive)
    both = [victims.publish(archive), victims.publish(archive)]
    assert [publish.end().outcome for publish in both] == ["done", "done"]
    published = [publish.told["published"] for publish in both]
    assert sum(appearances for _, appearances, _ in published) == len(world.urls)
    assert_right(world, undisturbed, archive)


@pytest.mark.parametrize("share", rotating(ASLEEP_AT, 2))
def test_a_publish_that_slept_while_another_ran_changes_nothing(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, share: float
) -> None:
    copy_captures(undisturbed.archive, archive)
    store = open_store(archive.uri)
    with sleeping(victims, archive, int(share * undisturbed.publish_calls)) as zombie:
        assert victims.publish(archive).end().outcome == "done"
        assert_right(world, undisturbed, archive)
        before = objects_of(store)
    assert zombie.outcome == "done", zombie.outcome
    assert rewritten(before, objects_of(store)) == []
    assert_right(world, undisturbed, archive)


@pytest.mark.parametrize("share", rotating(ASLEEP_AT[2:5], 1))
def test_a_sleeper_whose_leftovers_were_cleared_away_commits_nothing(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, share: float
) -> None:
    copy_captures(undisturbed.archive, archive)
    with sleeping(victims, archive, int(share * undisturbed.publish_calls)) as zombie:
        assert victims.publish(archive).end().outcome == "done"
        Archive(open_store(archive.uri)).remove_leftovers(now=datetime.now(UTC))
    assert zombie.outcome == "done", zombie.outcome
    assert_right(world, undisturbed, archive)


def test_two_crawls_of_one_source_at_once(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
) -> None:
    reports: list[RunReport] = []
    for source in world.sources:
        crawls = [DoomedCrawl(victims, source, archive, world.demo.allow_private, {}) for _ in range(2)]
        threads = [threading.Thread(target=lambda one=one: reports.append(one.run()[0])) for one in crawls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [report.outcome for report in reports] == ["ok"] * 4
    assert victims.publish(archive).end().outcome == "done"
    assert all_damage(world, archive) == []
    assert differences_from(undisturbed.tables, same_world, archive) == []


@pytest.mark.parametrize("call", rotating([2, 4, 6], 1))
def test_a_crawl_that_slept_while_another_ran_loses_and_doubles_nothing(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, call: int
) -> None:
    reports: list[RunReport] = []
    source, other = world.sources
    sleeper = DoomedCrawl(
        victims, source, archive, world.demo.allow_private, {"call": call, "signal": int(signal.SIGSTOP)}
    )
    thread = threading.Thread(target=lambda: reports.append(sleeper.run()[0]))
    thread.start()
    when(lambda: sleeper.child is not None and sleeper.child.process_id)
    assert sleeper.child is not None
    process_id = sleeper.child.process_id
    when(lambda: is_stopped(process_id))
    for one in (source, other):
        assert victims.crawl(one, archive, world.demo.allow_private)[0].outcome == "ok"
    assert victims.publish(archive).end().outcome == "done"
    os.kill(process_id, signal.SIGCONT)
    thread.join()
    assert [report.outcome for report in reports] == ["ok"]
    assert victims.publish(archive).end().outcome == "done"
    assert all_damage(world, archive) == []
    assert differences_from(undisturbed.tables, same_world, archive) == []
