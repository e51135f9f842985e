"""The test of the tests: archives that are broken on purpose, each of which the experiments must find out."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture import broken
from tests.torture.checker import objects_of, rewritten, same_captures
from tests.torture.fault_proxy import Fault, FaultProxy, S3Request
from tests.torture.victims import DoomedCrawl, Victims, when
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

pytestmark = [pytest.mark.torture, pytest.mark.timeout(280)]


def faults_found(world: SmallWorld, undisturbed: Undisturbed, archive: ArchiveSettings) -> list[str]:
    return all_damage(world, archive) or differences_from(undisturbed.tables, same_captures, archive)


def test_a_plain_put_in_place_of_a_conditional_one_is_found_out(
    undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
) -> None:
    copy_captures(undisturbed.archive, archive)
    doom = {"broken": broken.PLAIN_PUT}
    stopped = victims.publish(archive, doom | {"call": _entry_call(victims, archive), "signal": int(signal.SIGSTOP)})
    when(lambda: stopped.is_stopped)
    assert victims.publish(archive, doom).end().outcome == "done"
    before = objects_of(open_store(archive.uri))
    stopped.kill(signal.SIGCONT)
    stopped.end()
    assert any(one.startswith("journal/") for one in rewritten(before, objects_of(open_store(archive.uri))))


def _entry_call(victims: Victims, archive: ArchiveSettings) -> int:
    """The number of the call that puts the first journal entry, found on a copy of the archive."""
    copy = ArchiveSettings(uri=f"{archive.uri}-copy", spool=archive.spool)
    copy_captures(archive, copy)
    return int(victims.publish(copy).end().told["first_entry"])


def test_a_commit_that_anyone_may_repeat_is_found_out(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
) -> None:
    copy_captures(undisturbed.archive, archive)
    found: list[str] = []
    doom = {"broken": broken.COMMIT_AGAIN}
    for call in range(30, undisturbed.publish_calls, 12):
        victims.publish(archive, doom | {"call": call, "after": True}).end()
        found = faults_found(world, undisturbed, archive) if victims.publish(archive, doom).end() else []
        if any("times" in one for one in found):
            return
    pytest.fail(f"not found out: {found}")


def test_acknowledged_before_it_is_put_is_found_out(
    world: SmallWorld, victims: Victims, archive: ArchiveSettings
) -> None:
    for call in range(4, 12):
        fresh = replace(archive, uri=f"{archive.uri}-{call}")
        doom = {"broken": broken.EARLY_ACKNOWLEDGEMENT, "call": call}
        DoomedCrawl(victims, world.sources[0], fresh, world.demo.allow_private, doom).run()
        world.crawl(victims, fresh)
        if any("was never captured" in one for one in all_damage(world, fresh)):
            return
    pytest.fail("not found out")


def test_objects_that_are_written_where_they_are_read_are_found_out(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
) -> None:
    doom = {"broken": broken.HALF_OBJECTS}
    DoomedCrawl(victims, world.sources[0], archive, world.demo.allow_private, doom).run()
    assert any("is damaged" in one for one in all_damage(world, archive))


@pytest.mark.parametrize("checked", [False, True], ids=["without checksums", "with them"])
def test_puts_without_a_checksum_are_found_out(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, s3_archive: ArchiveSettings, checked: bool
) -> None:
    def changed(request: S3Request) -> Fault | None:
        is_entry = request.method == "PUT" and "/captures/" in request.path and request.path.endswith(".gz")
        return Fault.CORRUPT if is_entry else None

    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], changed) as proxy:
        doom = {} if checked else {"broken": broken.NO_CHECKSUM}
        through = replace(victims, environment=proxy.environment)
        crawl = DoomedCrawl(through, world.sources[0], s3_archive, world.demo.allow_private, doom)
        if checked:
            with pytest.raises(Exception, match="BadDigest"):
                crawl.run()
        else:
            crawl.run()
        assert Fault.CORRUPT in proxy.happened
    found = [one for one in all_damage(world, s3_archive) if "is damaged" in one]
    assert bool(found) != checked, found


def test_the_checker_sees_what_is_taken_away_and_what_is_added(
    world: SmallWorld, undisturbed: Undisturbed, archive: ArchiveSettings
) -> None:
    import shutil

    shutil.copytree(undisturbed.archive.uri, archive.uri)
    store = open_store(archive.uri)
    (first, *_) = [found.key for found in store.list("captures/") if found.key.endswith(".gz")]
    body = store.get(first).body
    store.delete(first)
    assert any("was never captured" in one for one in all_damage(world, archive))
    store.put(first, body[:-20])
    assert any("is damaged" in one for one in all_damage(world, archive))
    store.put(first, body)
    assert all_damage(world, archive) == []
    store.put(first.replace("-1.warc", "-99.warc"), body)
    assert any("has no receipt" in one for one in all_damage(world, archive))
    (Path(archive.spool) / "x").mkdir(parents=True)
    (Path(archive.spool) / "x" / "left.warc.gz").write_bytes(b"x")
    assert any("still in the spool" in one for one in all_damage(world, archive))
