"""Values as a person reads them, and the templates that show them. Everything that is not ours is escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jinja2

_HEIGHT = 24


def page(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": ago,
        "bars": bars,
        "bytes": size_in_words,
        "counted": lambda counts: dict(sorted(dict(counts).items(), key=lambda item: (-item[1], item[0]))),
        "moment": moment,
        "number": number,
        "percent": percent,
        "segment": lambda text: quote(str(text), safe=""),
        "span": span,
        "web": web_address,
    }
    return environment


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def span(seconds: float | None) -> str:
    """A length of time by its largest unit."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def ago(then: datetime | None, now: datetime | None = None) -> str:
    if then is None:
        return "never"
    return f"{span(max(0.0, ((now or datetime.now(UTC)) - then).total_seconds()))} ago"


def moment(then: datetime | None) -> str:
    return "–" if then is None else f"{then.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def size_in_words(size: int) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def bars(values: Sequence[float], width: int = 6, height: int = _HEIGHT) -> list[dict[str, Any]]:
    """Rectangles of a bar chart, scaled to the largest value; something that is there is never invisible."""
    top = max(values, default=0) or 1
    shapes = []
    for place, value in enumerate(values):
        tall = max(1.0, value / top * height) if value else 0.0
        shapes.append(
            {
                "x": place * width,
                "y": round(height - tall, 1),
                "height": round(tall, 1),
                "width": width - 1,
                "value": value,
            }
        )
    return shapes


def web_address(url: str | None) -> str | None:
    """The address if a browser may follow it: a page's own link could be `javascript:`."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
