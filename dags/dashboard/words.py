"""Values as a person reads them, and the templates that show them. Everything that is not ours is escaped."""

import re
import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlsplit

import jinja2
from markupsafe import Markup, escape

from dags.dashboard.charts import draw, spark
from pipelines.health import reason_in_words


def page(template: str, **values: object) -> str:
    return _templates().get_template(template).render(**values)


def fragment(template: str, **values: object) -> Markup:
    """A part of a page, to be put into one as it is."""
    return Markup(page(template, **values))  # noqa: S704 - what is not ours was escaped in it


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
        "bytes": size_in_words,
        "commands": commands,
        "counted": lambda counts: dict(sorted(dict(counts).items(), key=lambda item: (-item[1], item[0]))),
        "moment": moment,
        "number": number,
        "path": lambda text: quote(str(text), safe="/="),
        "percent": percent,
        "across": lambda share: f"{100 * share:.2f}%",
        "reason": reason_in_words,
        "shell": lambda text: shlex.quote(str(text)),
        "segment": lambda text: quote(str(text), safe=""),
        "short": short_moment,
        "span": span,
        "spans": spans,
        "spark": spark,
        "web": web_address,
    }
    environment.globals |= {
        "bytes": size_in_words,
        "compact": compact,
        "decimal": lambda value: number(value, 0 if float(value).is_integer() else 1),
        "draw": draw,
        "number": number,
        "percent": percent,
    }
    return environment


def commands(sentence: str) -> Markup:
    """The sentence with what stands in backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped before


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def compact(value: float) -> str:
    """A round number in at most five characters: 900k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def span(seconds: float | None) -> str:
    """A length of time in one unit, of which there are at least two."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def spans(seconds: float | None, others: float | None) -> tuple[str, str]:
    """Two lengths of time; the first without its unit where both have the same."""
    one, other = span(seconds), span(others)
    if " " in one and one.partition(" ")[2] == other.partition(" ")[2]:
        one = one.partition(" ")[0]
    return one, other


def ago(then: datetime | None, now: datetime | None = None) -> str:
    if then is None:
        return "never"
    return f"{span(max(0.0, ((now or datetime.now(UTC)) - then).total_seconds()))} ago"


def moment(then: datetime | None) -> str:
    return "–" if then is None else f"{then.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def short_moment(then: datetime | None) -> str:
    """Without the year and the zone, for tables that say so once."""
    return "–" if then is None else f"{then.astimezone(UTC):%d %b %H:%M}"


def size_in_words(size: float) -> str:
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def web_address(url: str | None) -> str | None:
    """The address if a browser may follow it: a page's own link could be `javascript:`."""
    return url if url and urlsplit(url).scheme in ("http", "https") else None
