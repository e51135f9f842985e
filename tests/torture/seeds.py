"""How much of the experiments a run does: with WORLDWIRE_TORTURE=all (`make torture`) all, else a rotating share."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

ALL_SEEDS = range(200)
CI_SEEDS = 30
Value = TypeVar("Value")


def rotating(values: Sequence[Value], count: int) -> list[Value]:
    """`count` of the values, tomorrow the next ones; all of them where all are wanted."""
    if os.environ.get("WORLDWIRE_TORTURE") == "all":
        return list(values)
    first = datetime.now(UTC).date().toordinal() * count
    return [values[(first + number) % len(values)] for number in range(count)]
