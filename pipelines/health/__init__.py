"""The state of every source, from the rows of `runs` alone: well, quiet, ill or off, with the reason in words.

    well     nothing a person must look at
    quiet    less than usual, or the last run failed; the next runs will show
    ill      a person must do something: failing, blocked, silent, few, dropping, cluttered, barren
    off      not crawled any longer

A source is measured against its own history of five weeks, by hour and weekday; nothing is configured.
"""

from pipelines.health.health import judge_sources, source_health
from pipelines.health.model import ADVICE, Sign, SourceHealth, State
from pipelines.health.words import counts_in_words, failure_in_words, reason_in_words

__all__ = [
    "ADVICE",
    "Sign",
    "SourceHealth",
    "State",
    "counts_in_words",
    "failure_in_words",
    "judge_sources",
    "reason_in_words",
    "source_health",
]
