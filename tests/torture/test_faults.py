"""S3 through a proxy that injects faults: publish ends with the right rows, or with one sentence and a rerun right.

boto3's requests (captures, state, journal) and deltalake's (tables) all go through it.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipelines.settings import ArchiveSettings
from tests.torture.checker import same_captures
from tests.torture.fault_proxy import PASSING, Fault, FaultProxy, Faults, S3Request, always, once, seeded
from tests.torture.victims import Publish, Victims
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]


class OnS3:
    """An archive on S3 with the world's captures in it, reached through a proxy."""

    def __init__(
        self, world: SmallWorld, undisturbed: Undisturbed, victims: Victims, archive: ArchiveSettings
    ) -> None:
        self.world, self.undisturbed, self.victims, self.archive = world, undisturbed, victims, archive
        copy_captures(undisturbed.archive, archive)

    def publish(self, faults: Faults, doom: Mapping[str, Any] | None = None, **how: Any) -> tuple[Publish, list[Fault]]:
        """A publish through the proxy to its end, and the faults that it met."""
        with FaultProxy(os.environ["AWS_ENDPOINT_URL"], faults, **how) as proxy:
            publish = replace(self.victims, environment=proxy.environment).publish(self.archive, doom).end()
            return publish, proxy.happened

    def rerun(self) -> None:
        """Without faults, to its end."""
        publish, _ = self.publish(lambda _: None)
        assert publish.outcome == "done"

    def check(self) -> None:
        assert all_damage(self.world, self.archive) == []
        assert differences_from(self.undisturbed.tables, same_captures, self.archive) == []


@pytest.fixture
def on_s3(
    world: SmallWorld, undisturbed: Undisturbed, victims: Victims, s3_archive: ArchiveSettings
) -> OnS3:
    return OnS3(world, undisturbed, victims, s3_archive)


def is_clear(outcome: str) -> bool:
    """Whether an outcome is success or one sentence of ours."""
    return outcome == "done" or (outcome.startswith("Storage") and outcome.endswith(".") and "\n" not in outcome)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_of_one_kind_again_and_again(on_s3: OnS3, fault: Fault) -> None:
    publish, happened = on_s3.publish(seeded(len(fault), 0.25, [fault]))
    assert happened
    assert is_clear(publish.outcome), publish.outcome
    print(fault, len(happened), publish.outcome)
    if publish.outcome != "done" or fault == Fault.STALE:
        on_s3.rerun()
    on_s3.check()
