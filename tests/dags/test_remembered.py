"""What is dear to find is found once, and renewed while the old answer is given."""

import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import StorageError

PATH = Path(__file__).parents[2] / "dags" / "dashboard" / "remembered.py"


@pytest.fixture(scope="module")
def module() -> Any:
    """The module alone: its package is a plugin, which imports Airflow."""
    spec = importlib.util.spec_from_file_location("remembered_alone", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def remembered(module: Any) -> Any:
    return module.Remembered


class World:
    """Something to find, and the time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.found = 0
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def clock(self) -> float:
        return self.seconds

    def find(self) -> int:
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        self.found += 1
        return self.found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def world() -> World:
    return World()


def test_a_fresh_answer_is_given_again(remembered: Any, world: World) -> None:
    kept = remembered(world.find, fresh_seconds=30, clock=world.clock)

    assert [kept.get(), kept.get()] == [1, 1]


def test_an_old_answer_is_given_while_a_new_one_is_found(remembered: Any, world: World) -> None:
    kept = remembered(world.find, fresh_seconds=30, stale_seconds=900, clock=world.clock)
    kept.get()
    world.seconds = 40
    world.go.clear()

    assert [kept.get() for _ in range(5)] == [1] * 5

    world.go.set()
    wait_until(lambda: kept.get() == 2)
    assert world.found == 2


def test_a_very_old_answer_is_not_given(remembered: Any, world: World) -> None:
    kept = remembered(world.find, fresh_seconds=30, stale_seconds=900, clock=world.clock)
    kept.get()
    world.seconds = 1000

    assert kept.get() == 2


def test_many_who_come_first_wait_for_one_answer(remembered: Any, world: World) -> None:
    kept = remembered(world.find, clock=world.clock)
    world.go.clear()
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(kept.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    world.go.set()
    for thread in threads:
        thread.join()

    assert answers == [1] * 8


def test_an_error_is_told_and_not_kept(remembered: Any, world: World) -> None:
    kept = remembered(world.find, clock=world.clock)
    world.error = StorageError("The archive is away.")
    with pytest.raises(StorageError):
        kept.get()

    world.error = None
    assert kept.get() == 1


def test_an_error_behind_the_readers_back_leaves_the_old_answer(remembered: Any, world: World) -> None:
    kept = remembered(world.find, fresh_seconds=30, clock=world.clock)
    kept.get()
    world.seconds = 40
    world.error = StorageError("The archive is away.")

    assert kept.get() == 1
    time.sleep(0.1)
    assert kept.get() == 1
    world.error = None
    wait_until(lambda: kept.get() == 2)


def test_who_comes_first_is_told_to_come_again_soon(remembered: Any, world: World) -> None:
    kept = remembered(world.find, clock=world.clock)
    world.go.clear()

    assert kept.get_within(0.01) is None

    world.go.set()
    wait_until(lambda: kept.get_within(0.01) == 1)
    assert world.found == 1


def test_who_waits_long_enough_has_the_answer(remembered: Any, world: World) -> None:
    kept = remembered(world.find, fresh_seconds=30, stale_seconds=30, clock=world.clock)

    assert kept.get_within(10) == 1
    world.seconds = 40
    assert kept.get_within(10) == 2


def test_who_is_told_to_come_again_is_told_what_is_wrong(remembered: Any, world: World) -> None:
    kept = remembered(world.find, clock=world.clock)
    world.error = StorageError("The archive is away.")

    with pytest.raises(StorageError):
        kept.get_within(10)


def test_each_name_has_its_own_answer_and_the_oldest_are_forgotten(module: Any) -> None:
    asked: list[str] = []
    kept = module.RememberedBy(
        lambda name: asked.append(name) or name.upper(), fresh_seconds=60, stale_seconds=60, most=2
    )

    assert [kept.get(name) for name in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert asked == ["a", "b", "c", "b"]
