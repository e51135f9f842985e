"""Charts as plain geometry for SVG that is made on the server: bars or an area over days, with a scale and dates.

Why not a library: docs/decisions/0006-charts-made-on-the-server.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 400, 132
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 4, 8, 20
_STEPS = 3
_DATES_APART = 90  # units of width


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's bar and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`ticks` are heights with their labels, `dates` places below the axis with theirs; `area` is a path or empty."""

    bars: tuple[Bar, ...]
    area: str
    ticks: tuple[tuple[float, str], ...]
    dates: tuple[tuple[float, str], ...]
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def draw(
    days: Sequence[date],
    values: Sequence[float],
    in_words: Callable[[float], str],
    on_scale: Callable[[float], str],
    *,
    is_area: bool = False,
    is_share: bool = False,
) -> Chart:
    """A chart of one value a day, its scale from 0; what is not 0 is never invisible. `on_scale` are shorter words."""
    scale = steps_to(max(values, default=0), is_share=is_share)
    height = HEIGHT - _TOP - _BOTTOM
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))

    def y(value: float) -> float:
        tall = value / scale[-1] * height
        return round(HEIGHT - _BOTTOM - (max(1.0, tall) if value > 0 else 0.0), 1)

    bars = tuple(
        Bar(
            x=round(_LEFT + place * slot, 1),
            y=_TOP if is_area else y(value),
            width=round(slot if is_area else slot * 0.8, 1),
            height=height if is_area else round(HEIGHT - _BOTTOM - y(value), 1),
            words=f"{day:%a %d %b}: {in_words(value)}",
        )
        for place, (day, value) in enumerate(zip(days, values, strict=True))
        if is_area or value > 0
    )
    points = [(round(_LEFT + (place + 0.5) * slot, 1), y(value)) for place, value in enumerate(values)]
    return Chart(
        bars=bars,
        area=_area(points) if is_area else "",
        ticks=tuple((y(step), on_scale(step)) for step in scale),
        dates=tuple(
            (round(_LEFT + (place + 0.5) * slot, 1), f"{days[place]:%d %b}") for place in _dated(len(days), slot)
        ),
    )


def steps_to(top: float, *, is_share: bool = False) -> list[float]:
    """Round numbers from 0 to at least `top`, at most four; whole ones unless it is a share."""
    least = 0.01 if is_share else 1.0
    rough = max(top / _STEPS, least)
    power = 10.0 ** math.floor(math.log10(rough) + 1e-9)
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))
    count = max(1, math.ceil(top / step - 1e-9))
    return [round(number * step, 10) for number in range(count + 1)]


def spark(values: Sequence[float], width: int, height: int) -> list[tuple[str, str]]:
    """Two paths of a small bar chart: the days before, and the last one, which is not over yet."""
    top = max(values, default=0) or 1
    slot = width / max(1, len(values))
    shapes = []
    for place, value in enumerate(values):
        tall = max(1.0, value / top * height) if value else 0.0
        bar = f"M{place * slot:.4g} {height}v{-tall:.3g}h{slot - 1:.3g}v{tall:.3g}z" if tall else ""
        shapes.append(bar)
    return [("".join(shapes[:-1]), "before"), ("".join(shapes[-1:]), "last")]


def _dated(count: int, slot: float) -> list[int]:
    """Which days carry their date: the last one, and as many before it as have room."""
    apart = max(1, math.ceil(_DATES_APART / slot))
    return [place for place in range(count - 1, -1, -apart) if place * slot > _LEFT / 4][::-1]


def _area(points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return ""
    bottom = HEIGHT - _BOTTOM
    line = "".join(f"L{x} {y}" for x, y in points)
    return f"M{points[0][0]} {bottom}{line}L{points[-1][0]} {bottom}z"
