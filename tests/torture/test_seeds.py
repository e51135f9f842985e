"""What a day's CI runs of the experiments: others every day, and within a week all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.torture import seeds
from tests.torture.seeds import ALL_SEEDS, CI_SEEDS, rotating


def of_day(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    class Day(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(days=number)

    monkeypatch.setattr(seeds, "datetime", Day)
    return rotating(ALL_SEEDS, CI_SEEDS)


def test_every_seed_has_its_turn_within_a_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLDWIRE_TORTURE", raising=False)
    days = [of_day(monkeypatch, number) for number in range(7)]
    assert [len(set(day)) for day in days] == [CI_SEEDS] * 7
    assert set(days[0]).isdisjoint(days[1])
    assert {seed for day in days for seed in day} == set(ALL_SEEDS)


def test_make_torture_runs_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDWIRE_TORTURE", "all")
    assert rotating(ALL_SEEDS, CI_SEEDS) == list(range(200))
