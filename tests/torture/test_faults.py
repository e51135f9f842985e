"""S3 through a proxy that injects faults: publish ends with the right rows, or with one sentence and a rerun right.

boto3's requests (captures, state, journal) and deltalake's (tables) all go through it.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import StorageError
from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture.checker import same_captures, same_world
from tests.torture.conftest import new_bucket
from tests.torture.fault_proxy import PASSING, Fault, FaultProxy, Faults, S3Request, seeded
from tests.torture.seeds import rotating
from tests.torture.victims import Publish, Victims
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

pytestmark = [pytest.mark.torture, pytest.mark.timeout(280)]
SHARE = 0.08


class OnS3:
    """An archive on S3 with the world's captures in it, reached through a proxy."""

    def __init__(self, world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings) -> None:
        self.world, self.undisturbed, self.victims, self.archive = world, undisturbed, victims, archive
        copy_captures(undisturbed.archive, archive)

    def publish(self, faults: Faults, doom: Mapping[str, Any] | None = None, **how: Any) -> tuple[Publish, list[Fault]]:
        """A publish through the proxy to its end, and the faults that it met."""
        with FaultProxy(os.environ["AWS_ENDPOINT_URL"], faults, **how) as proxy:
            publish = replace(self.victims, environment=proxy.environment).publish(self.archive, doom).end(240)
            return publish, proxy.happened

    def publish_right(self, faults: Faults, doom: Mapping[str, Any] | None = None, **how: Any) -> list[Fault]:
        """Right at once, or after one clear sentence by a rerun without faults."""
        publish, happened = self.publish(faults, doom, **how)
        assert is_clear(publish.outcome), publish.outcome
        if publish.outcome != "done" or Fault.STALE in happened:  # who reads an old list finds the rest next time
            again, _ = self.publish(lambda _: None)
            assert again.outcome == "done"
        assert all_damage(self.world, self.archive) == [], publish.outcome
        assert differences_from(self.undisturbed.tables, same_captures, self.archive) == [], publish.outcome
        return happened


@pytest.fixture
def on_s3(world: SmallWorld, undisturbed: Undisturbed, victims: Victims, s3_archive: ArchiveSettings) -> OnS3:
    return OnS3(world, undisturbed, victims, s3_archive)


def is_clear(outcome: str) -> bool:
    """Whether an outcome is success or one sentence of ours."""
    return outcome == "done" or (outcome.startswith("Storage") and outcome.endswith(".") and outcome.isprintable())


def is_read_of_a_capture(request: S3Request) -> bool:
    return request.method == "GET" and "/captures/" in request.path


@pytest.mark.parametrize("fault", rotating(PASSING, 1), ids=lambda fault: fault.name)
def test_a_fault_of_one_kind_again_and_again(on_s3: OnS3, fault: Fault) -> None:
    assert on_s3.publish_right(seeded(1, SHARE, [fault]))


def test_an_answer_that_is_cut_now_and_then_is_asked_for_again(on_s3: OnS3) -> None:
    faults = seeded(1, 0.1, [Fault.HALF_ANSWER])
    publish, happened = on_s3.publish(lambda request: faults(request) if is_read_of_a_capture(request) else None)
    assert happened
    assert publish.outcome == "done"


@pytest.mark.parametrize("seed", rotating(range(20), 1))
def test_faults_of_all_kinds(on_s3: OnS3, seed: int) -> None:
    assert on_s3.publish_right(seeded(seed, SHARE / 2))


@pytest.mark.parametrize("share", rotating([0.01, 0.02], 1))
def test_silence_is_not_waited_out(on_s3: OnS3, share: float) -> None:
    faults = seeded(3, share, [Fault.SILENCE])
    assert on_s3.publish_right(faults, {"patience_seconds": 1.0}, silence_seconds=4.0)


def test_a_byte_that_changed_on_the_way_is_never_stored(on_s3: OnS3) -> None:
    assert on_s3.publish_right(seeded(5, 0.03, [Fault.CORRUPT]))


@pytest.mark.parametrize("seed", rotating(range(4), 1))
def test_a_crawl_through_faults(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, s3_archive: ArchiveSettings, seed: int
) -> None:
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"], seeded(seed, 0.2)) as proxy:
        faulty = replace(victims, environment=proxy.environment)
        for source in world.sources:
            with suppress(StorageError):
                faulty.crawl(source, s3_archive, world.demo.allow_private)
        assert proxy.happened
    direct = replace(victims, environment={name: os.environ[name] for name in os.environ if name.startswith("AWS_")})
    world.crawl(direct, s3_archive)
    assert direct.publish(s3_archive).end().outcome == "done"
    assert all_damage(world, s3_archive) == []
    assert differences_from(undisturbed.tables, same_world, s3_archive) == []


@pytest.mark.ceph
@pytest.mark.parametrize("seed", rotating(range(4), 1))
def test_faults_before_a_real_server(
    world: SmallWorld,
    undisturbed: Undisturbed,
    victims: Victims,
    ceph: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    bucket = new_bucket(monkeypatch, ceph.endpoint, ceph.environment)
    archive = ArchiveSettings(uri=f"s3://{bucket}/news", spool=tmp_path / "spool")
    assert OnS3(world, undisturbed, victims, archive).publish_right(seeded(seed, SHARE / 2))
    assert list(open_store(archive.uri).list("journal/"))
