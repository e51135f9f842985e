"""Full disks, lost rights, wrong clocks, damaged input: one clear sentence, nothing lost, and the next run goes on."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawlers.frontier import frontier_key
from pipelines.capture import TAKEDOWNS_KEY, read_pages
from pipelines.errors import StorageError
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from pipelines.template import template_key
from tests.torture.checker import damage, keys_of, lost_pages, read_tables, same_captures, same_world, spooled_pages
from tests.torture.fault_proxy import Fault, FaultProxy, Faults, always
from tests.torture.seeds import rotating
from tests.torture.victims import Doom, Victims
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]
TROUBLES = {
    Fault.FORBIDDEN: r"have no right to .*AccessDenied",
    Fault.EXPIRED: r"refused the AWS credentials \(ExpiredToken\); set valid ones",
    Fault.SKEWED: r"clock of this machine differs too much from that of s3://.*; set it",
    Fault.FULL: r"takes no more: QuotaExceeded",
}


def writes(fault: Fault) -> Faults:
    return always(fault, lambda request: request.is_write and not request.path.endswith("/.worldwire-check"))


def assert_right(world: SmallWorld, undisturbed: Undisturbed, archive: ArchiveSettings) -> None:
    assert all_damage(world, archive) == []
    assert differences_from(undisturbed.tables, same_captures, archive) == []


@pytest.mark.parametrize("fault", rotating(list(TROUBLES), 1), ids=lambda fault: fault.name)
def test_publishing_without_the_right_to_write_says_so_and_goes_on_later(
    world: SmallWorld,
    undisturbed: Undisturbed,
    victims: Victims,
    s3_archive: ArchiveSettings,
    fault: Fault,
) -> None:
    copy_captures(undisturbed.archive, s3_archive)
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], always(fault, lambda request: request.is_write)) as proxy:
        through = replace(victims, environment=proxy.environment)
        refused = through.publish(s3_archive).end()
        assert re.search(TROUBLES[fault], refused.outcome), refused.outcome
        proxy.faults = lambda _: None
        proxy.faults = _after(len(proxy.done) + 150, fault)  # in the middle: tables are half done
        middle = through.publish(s3_archive).end()
        assert middle.outcome.startswith("Storage"), middle.outcome
        proxy.faults = lambda _: None
        assert through.publish(s3_archive).end().outcome == "done"
    assert_right(world, undisturbed, s3_archive)


def _after(number: int, fault: Fault) -> Faults:
    return always(fault, lambda request: request.number > number and request.is_write)


@pytest.mark.parametrize("fault", rotating([Fault.FORBIDDEN, Fault.EXPIRED], 1), ids=lambda fault: fault.name)
def test_a_crawl_that_may_not_write_says_so_and_its_pages_are_stored_later(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, s3_archive: ArchiveSettings, fault: Fault
) -> None:
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], writes(fault)) as proxy:
        through = replace(victims, environment=proxy.environment)
        with pytest.raises(StorageError, match=r"no right to|set valid ones"):
            through.crawl(world.sources[0], s3_archive, world.demo.allow_private)
        assert spooled_pages(s3_archive.spool)
        proxy.faults = lambda _: None
        world.crawl(through, s3_archive)
        assert through.publish(s3_archive).end().outcome == "done"
    assert all_damage(world, s3_archive) == []
    assert differences_from(undisturbed.tables, same_world, s3_archive) == []


@pytest.mark.parametrize("file_bytes", rotating([2_000, 6_000, 20_000], 1))
def test_a_full_disk_stops_a_publish_and_more_room_lets_it_go_on(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, file_bytes: int
) -> None:
    publish_on_a_full_disk(world, undisturbed, victims, archive, {"file_bytes": file_bytes})


def test_a_full_disk_in_the_page_workers_costs_no_page(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
) -> None:
    publish_on_a_full_disk(world, undisturbed, victims, archive, {"file_bytes": 2_000_000, "workers": 2})


def publish_on_a_full_disk(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, doom: Doom
) -> None:
    copy_captures(undisturbed.archive, archive)
    full = victims.publish(archive, doom).end()
    assert full.outcome.startswith("Storage"), full.outcome
    assert "cannot be" in full.outcome
    assert victims.publish(archive).end().outcome == "done"
    assert_right(world, undisturbed, archive)


@pytest.mark.parametrize("file_bytes", rotating([300, 3_000, 9_000], 1))
def test_a_full_disk_stops_a_crawl_and_more_room_lets_it_go_on(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, file_bytes: int
) -> None:
    with pytest.raises(StorageError, match=r"cannot be written: File too large\.$"):
        victims.crawl(world.sources[0], archive, world.demo.allow_private, {"file_bytes": file_bytes})
    world.crawl(victims, archive)
    assert victims.publish(archive).end().outcome == "done"
    assert all_damage(world, archive) == []
    assert differences_from(undisturbed.tables, same_world, archive) == []


def cut_in_the_middle(body: bytes) -> bytes:
    return body[: len(body) * 2 // 3]


def with_a_corrupt_record(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes(byte ^ 0xFF for byte in body[middle : middle + 40]) + body[middle + 40 :]


@pytest.mark.parametrize("harm", rotating([cut_in_the_middle, with_a_corrupt_record], 1))
def test_a_damaged_capture_costs_only_what_is_damaged(
    undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, harm: Callable[[bytes], bytes]
) -> None:
    copy_captures(undisturbed.archive, archive)
    store = open_store(archive.uri)
    key = keys_of(store, ".warc.gz")[0]
    whole = {page.url for page in read_pages(store, key)}
    store.put(key, harm(store.get(key).body))
    publish = victims.publish(archive).end()
    assert publish.outcome == "done"
    tables = read_tables(store)
    receipt = next(row for row in tables["receipts"] if row["capture_key"] == key)
    assert receipt["complete"]
    assert 1 <= receipt["dropped"] < 3
    assert sum(row["dropped"].get("bad_record", 0) for row in tables["runs"]) == receipt["dropped"]
    missing = {row["url"] for row in undisturbed.tables["appearances"]} - {row["url"] for row in tables["appearances"]}
    assert missing < whole
    assert [one for one in damage(store) if "is damaged" not in one] == []
    assert victims.publish(archive).end().told["published"] == [0, 0, 0]


def newer_parquet(key: str) -> tuple[str, bytes]:
    target = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({"worldwire_version": "99"}), target)
    return key, target.getvalue().to_pybytes()


def test_a_newer_frontier_stops_the_crawl_of_its_source_alone(
    world: SmallWorld, victims: Victims, archive: ArchiveSettings
) -> None:
    source, other = world.sources
    key, body = newer_parquet(frontier_key(source.id))
    store = open_store(archive.uri)
    store.put(key, body)
    with pytest.raises(StorageError, match="was written by a newer worldwire"):
        victims.crawl(source, archive, world.demo.allow_private)
    assert store.get(key).body == body, "it stays as it was"
    assert victims.crawl(other, archive, world.demo.allow_private)[0].outcome == "ok"
    store.delete(key)
    world.crawl(victims, archive)
    assert lost_pages(store, world.urls) == []


@pytest.mark.parametrize("name", rotating(["takedowns", "journal", "template"], 1))
def test_newer_state_stops_a_publish_with_one_sentence(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, name: str
) -> None:
    copy_captures(undisturbed.archive, archive)
    store = open_store(archive.uri)
    key, body = {
        "takedowns": (TAKEDOWNS_KEY, json.dumps({"format": 99}).encode()),
        "journal": ("journal/000000000001.json", json.dumps({"format": 99}).encode()),
        "template": newer_parquet(template_key(world.sources[0].id)),
    }[name]
    store.put(key, body)
    publish = victims.publish(archive).end()
    assert publish.outcome.startswith(("StorageError", "SchemaTooNewError")), publish.outcome
    assert "newer worldwire" in publish.outcome
    assert store.get(key).body == body
    store.delete(key)
    assert victims.publish(archive).end().outcome == "done"
    assert_right(world, undisturbed, archive)


@pytest.mark.parametrize("days", rotating([-1, 1], 1))
def test_a_clock_that_is_wrong_by_a_day_loses_and_doubles_nothing(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings, days: int
) -> None:
    wrong: Doom = {"clock_days": days}
    victims.crawl(world.sources[0], archive, world.demo.allow_private, wrong)
    assert victims.publish(archive, wrong).end().outcome == "done"
    world.crawl(victims, archive)
    assert victims.publish(archive).end().outcome == "done"
    assert damage(open_store(archive.uri), archive.spool) == []
    assert lost_pages(open_store(archive.uri), world.urls) == []
    published = {row["url"]: row["published_at"] for row in read_tables(open_store(archive.uri))["appearances"]}
    assert published == {row["url"]: row["published_at"] for row in undisturbed.tables["appearances"]}
