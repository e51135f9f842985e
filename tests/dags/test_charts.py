"""Charts: round scales, nothing that is there is invisible, dates that do not run into one another."""

import importlib.util
import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

PATH = Path(__file__).parents[2] / "dags" / "dashboard" / "charts.py"
DAYS = [date(2026, 8, 28) + timedelta(days=number) for number in range(90)]


def load() -> Any:
    """The module alone: its package is a plugin, which imports Airflow."""
    spec = importlib.util.spec_from_file_location("charts_alone", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


charts = load()


@pytest.mark.parametrize(
    ("top", "steps"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (24, [0, 10, 20, 30]),
        (122, [0, 50, 100, 150]),
        (7e6, [0, 5e6, 1e7]),
    ],
)
def test_a_scale_has_few_round_steps(top: float, steps: list[float]) -> None:
    assert charts.steps_to(top) == steps


def test_a_scale_of_shares_has_fractions() -> None:
    assert charts.steps_to(0.26, is_share=True) == [0, 0.1, 0.2, 0.3]


@given(st.lists(st.floats(0, 1e12), min_size=90, max_size=90), st.booleans())
def test_every_value_lies_on_the_scale_and_none_is_invisible(values: list[float], is_area: bool) -> None:
    chart = charts.draw(DAYS, values, str, str, is_area=is_area)

    assert 2 <= len(chart.ticks) <= 4
    if not is_area:
        assert len(chart.bars) == sum(value > 0 for value in values)
    for bar in chart.bars:
        assert bar.height >= 1
        assert chart.left <= bar.x <= bar.x + bar.width <= chart.right + 1
        assert 0 <= bar.y <= bar.y + bar.height <= chart.bottom + 0.2


def test_a_bar_says_its_day_and_value() -> None:
    chart = charts.draw(DAYS, [0] * 89 + [7], lambda value: f"{value} pages", str)

    assert [bar.words for bar in chart.bars] == ["Wed 25 Nov: 7 pages"]
    assert chart.dates[-1][1] == "25 Nov"
    places = [place for place, _ in chart.dates]
    assert all(after - before >= 80 for before, after in pairwise(places))


def test_no_days_are_no_error() -> None:
    assert charts.draw([], [], str, str).bars == ()
    assert charts.draw([], [], str, str, is_area=True).area == ""


def test_a_sparkline_marks_the_day_that_is_not_over() -> None:
    (before, _), (last, kind) = charts.spark([1, 0, 2], 30, 20)

    assert (before.count("M"), last.count("M"), kind) == (1, 1, "last")
    assert "v-20" in last
