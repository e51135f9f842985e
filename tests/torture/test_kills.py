"""kill -9 of crawls and publishes, by seed; then an ordinary rerun: each captured page is published once.

Seeds choose who dies and when: at a call of storage, at a request on its way to S3, or at any moment. What is told of a
failure names the seed: `make torture TESTS="-k seed-017"` does it again (moments, unlike calls, differ a little).
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import psutil
import pytest

from pipelines.settings import ArchiveSettings
from pipelines.store import open_store
from tests.torture.checker import captured_pages, same_captures, same_world, spooled_pages
from tests.torture.fault_proxy import Fault, FaultProxy
from tests.torture.seeds import ALL_SEEDS, CI_SEEDS, rotating
from tests.torture.victims import DoomedCrawl, Publish, Victims, command, when
from tests.torture.world import SmallWorld, Undisturbed, all_damage, copy_captures, differences_from

_REQUESTS = 220  # of an undisturbed publish on S3, about

pytestmark = [pytest.mark.torture, pytest.mark.timeout(240)]


class Experiment:
    """One seed: its dice, its archive, and who may die."""

    def __init__(
        self,
        dice: random.Random,
        world: SmallWorld,
        undisturbed: Undisturbed,
        victims: Victims,
        archive: ArchiveSettings,
    ) -> None:
        self.dice = dice
        self.world = world
        self.undisturbed = undisturbed
        self.victims = victims
        self.archive = archive
        self.deaths: list[str] = []

    # --- victims ---

    def publish_dies_at_a_call(self) -> None:
        most = self.undisturbed.publish_calls // (2 if self.deaths else 1)  # what is done is not done again
        call, after = self.dice.randint(1, most), self.dice.random() < 0.5
        outcome = self.victims.publish(self.archive, {"call": call, "after": after}).end().outcome
        self._note(f"publish {outcome} {'after' if after else 'before'} call {call}", outcome)

    def publish_dies_at_a_moment(self) -> None:
        self._kill_after(self.undisturbed.publish_seconds, self.victims.publish(self.archive))

    def publish_with_workers_dies(self) -> None:
        """At a moment, the publisher, one of its workers or all of them."""
        publish = self.victims.publish(self.archive, {"workers": 2})
        time.sleep(self.dice.uniform(0, 2 * self.undisturbed.publish_seconds))
        who = self.dice.choice(["publisher", "worker", "all"])
        if who == "publisher":
            publish.kill()
        elif who == "all":
            publish.child.send(signal.SIGKILL)
        else:
            _kill_one(publish.process_id, self.dice)
        self._note(f"{who} of publish: {publish.end().outcome}", publish.outcome)

    def command_dies(self, *words: str) -> None:
        """The installed command, at a moment, by kill -9 of its first process."""
        environment = {**os.environ, "WORLDWIRE_ALLOW_PRIVATE": self.world.demo.allow_private}
        environment["WORLDWIRE_SPOOL"] = str(self.archive.spool)
        given = [*command(*words), "--archive", self.archive.uri]
        process = subprocess.Popen(given, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        family = psutil.Process(process.pid)
        time.sleep(self.dice.uniform(0.5, 6.0))
        children = family.children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        when(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
        self.deaths.append(f"{words[0]}: exit code {process.returncode}")

    def crawl_dies(self) -> None:
        """One source's crawl, at a call of storage or at a moment; then the next source's."""
        for source in self.world.sources:
            at_call = self.dice.random() < 0.6
            doom = {"call": self.dice.randint(1, self.undisturbed.crawl_calls), "after": self.dice.random() < 0.5}
            crawl = DoomedCrawl(
                self.victims, source, self.archive, self.world.demo.allow_private, doom if at_call else {}
            )
            if not at_call:
                threading.Thread(target=self._kill_crawl, args=(crawl, self.dice.uniform(0, 3.0)), daemon=True).start()
            report, _ = crawl.run()
            self.deaths.append(f"crawl of {source.id} {report.outcome}, {doom if at_call else 'at a moment'}")

    def publish_dies_at_a_request(self, proxy: FaultProxy) -> None:
        """With its request to S3 before or after it is done: those of deltalake are among them."""
        start, number = len(proxy.done), self.dice.randint(1, _REQUESTS // (2 if self.deaths else 1))
        fault = self.dice.choice([Fault.KILL_BEFORE, Fault.KILL_AFTER])
        proxy.faults = lambda request: fault if request.number == start + number else None
        publish = replace(self.victims, environment=proxy.environment).publish(self.archive)
        proxy.kill = publish.kill
        self._note(f"publish {publish.end().outcome}, {fault}, request {number}", publish.outcome)

    # --- the end ---

    def rerun(self, *, crawl: bool) -> None:
        if crawl:
            in_spool = spooled_pages(self.archive.spool)
            self.world.crawl(self.victims, self.archive)
            lost = in_spool - captured_pages(open_store(self.archive.uri))
            assert not lost, f"{self.deaths}: fetched and lost: {lost}"
        outcome = self.victims.publish(self.archive).end().outcome
        assert outcome == "done", f"{self.deaths}: {outcome}"

    def check(self, view: Callable[[Any], Any]) -> None:
        assert all_damage(self.world, self.archive) == [], self.deaths
        assert differences_from(self.undisturbed.tables, view, self.archive) == [], self.deaths

    def _kill_after(self, longest_seconds: float, publish: Publish) -> None:
        time.sleep(self.dice.uniform(0, longest_seconds))
        publish.kill()
        self._note(f"publish {publish.end().outcome} at a moment", publish.outcome)

    def _kill_crawl(self, crawl: DoomedCrawl, seconds: float) -> None:
        when(lambda: crawl.child is not None)
        time.sleep(seconds)
        if crawl.child is not None:
            crawl.child.send(signal.SIGKILL)

    def _note(self, what: str, outcome: str) -> None:
        assert outcome in ("killed", "done"), outcome
        self.deaths.append(what)


def _kill_one(process_id: int, dice: random.Random) -> None:
    try:
        children = psutil.Process(process_id).children(recursive=True)
        if children:
            dice.choice(children).kill()
    except psutil.NoSuchProcess:
        return  # it was quicker


def publishes_killed(experiment: Experiment) -> None:
    copy_captures(experiment.undisturbed.archive, experiment.archive)
    for _ in range(experiment.dice.randint(1, 3)):
        experiment.publish_dies_at_a_call()
    experiment.rerun(crawl=False)
    experiment.check(same_captures)


def publishes_killed_at_a_request(experiment: Experiment) -> None:
    copy_captures(experiment.undisturbed.archive, experiment.archive)
    with FaultProxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        for _ in range(experiment.dice.randint(1, 3)):
            experiment.publish_dies_at_a_request(proxy)
    experiment.rerun(crawl=False)
    experiment.check(same_captures)


def publishes_killed_at_a_moment(experiment: Experiment) -> None:
    copy_captures(experiment.undisturbed.archive, experiment.archive)
    for _ in range(2):
        experiment.publish_dies_at_a_moment()
    experiment.rerun(crawl=False)
    experiment.check(same_captures)


def publish_with_workers_killed(experiment: Experiment) -> None:
    copy_captures(experiment.undisturbed.archive, experiment.archive)
    experiment.publish_with_workers_dies()
    experiment.rerun(crawl=False)
    experiment.check(same_captures)


def commands_killed(experiment: Experiment) -> None:
    experiment.command_dies("crawl", "--sources", str(experiment.world.catalogue))
    experiment.command_dies("publish")
    experiment.rerun(crawl=True)
    experiment.check(same_world)


def crawls_killed(experiment: Experiment) -> None:
    for _ in range(experiment.dice.randint(1, 2)):
        experiment.crawl_dies()
    experiment.rerun(crawl=True)
    experiment.check(same_world)


def crawls_and_publishes_killed(experiment: Experiment) -> None:
    experiment.crawl_dies()
    experiment.publish_dies_at_a_call()
    experiment.rerun(crawl=True)
    experiment.check(_but_for_texts)


def _but_for_texts(tables: Any) -> Any:
    """What is published before the site's template is known may keep a line of it."""
    seen = same_world(tables)
    unsure = {"text", "word_count", "content_sha256", "removed", "similarity", "kind"}
    rows = {
        name: [{column: value for column, value in row.items() if column not in unsure} for row in seen[name]]
        for name in ("articles", "appearances")
    }
    return {**rows, "stories": seen["stories"]}


PLANS: Mapping[Callable[[Experiment], None], int] = {
    publishes_killed: 30,
    publishes_killed_at_a_request: 20,
    publishes_killed_at_a_moment: 10,
    publish_with_workers_killed: 8,
    commands_killed: 5,
    crawls_killed: 19,
    crawls_and_publishes_killed: 8,
}


@pytest.mark.parametrize("seed", rotating(ALL_SEEDS, CI_SEEDS), ids=lambda seed: f"seed-{seed:03}")
def test_killed_and_run_again(
    seed: int, world: SmallWorld, undisturbed: Undisturbed, victims: Victims, request: pytest.FixtureRequest
) -> None:
    dice = random.Random(seed)
    (plan,) = dice.choices(list(PLANS), list(PLANS.values()))
    where = "s3_archive" if plan is publishes_killed_at_a_request else "archive"
    environment = request.getfixturevalue("bucket_environment") if where == "s3_archive" else {}
    archive = request.getfixturevalue(where)
    plan(Experiment(dice, world, undisturbed, replace(victims, environment=environment), archive))
