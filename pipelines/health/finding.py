"""What a rule finds, and the thresholds and words that rules share."""

import math
from dataclasses import dataclass

from pipelines.health.history import Flags, Numbers
from pipelines.health.model import Sign

# *Surprise* is how unlikely what was seen is under the source's own history, as -ln of a probability. e^-12 is 6 in a
# million: at 24 runs a day, far less than one false alarm in a thousand days of a source.
ALARM = 12.0
# Worth a word, not an alarm: 1 in 150.
NOTICE = 5.0
# One run is a hiccup.
FEWEST_RUNS = 2
DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`start`: number of the first run that shows the sign; `words`: what was seen, beside what is usual.

    `cause`: of a crawl that failed, the reason as `runs` names it.
    """

    sign: Sign
    is_alarm: bool
    start: int
    words: str
    cause: str = ""


def shape_surprise(ratio: float, pages: float, variance: float) -> float:
    """How unlikely a mean of so many pages is at `ratio` of the usual; `variance` of a page, over the mean's square.

    Lengths and counts are positive and skewed: large deviations of a gamma distribution above, a lognormal one below.
    """
    variance = max(variance, 0.05)
    if ratio >= 1:
        return pages / variance * (ratio - 1 - math.log(ratio))
    return pages * math.log(max(ratio, 1e-6)) ** 2 / (2 * math.log1p(variance))


def share_surprise(share: float, before: float, count: float) -> float:
    """How unlikely so large a share of `count` is where `before` is usual: the Chernoff bound of a binomial."""
    if share <= before:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - before)) if share < 1 else 0.0
    return count * (share * math.log(share / before) + rest)


def trailing(flags: Flags) -> int:
    """How many of the last flags in a row are true."""
    misses = (~flags).nonzero()[0]
    return int(len(flags) - (misses[-1] + 1 if len(misses) else 0))


def page_variance(values: Numbers, pages: Numbers, mean: float) -> float:
    """The variance of one page over the square of the mean, from sums of runs; runs that differ as such count in it."""
    return float((pages * (values / pages - mean) ** 2).mean()) / max(mean * mean, 1e-9)


def duration(seconds: float) -> str:
    """A stretch of time in words."""
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 3 * DAY else f"{seconds / DAY:.0f} days"
