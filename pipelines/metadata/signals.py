"""What the publisher says about use and access: opt-outs from archiving and mining, whether it costs money to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.metadata.head import Head
from pipelines.opt_out import RESERVATION, RESERVED_HINT, ROBOT_METAS, header_signals, meta_signals


def find_opt_out(head: Head, headers: Sequence[tuple[str, str]], discovered: Mapping[str, str]) -> tuple[str, ...]:
    """Signals as `place:word`, sorted: `robots:noai`, `x-robots-tag:noarchive`, `tdm-reservation:1`, `tdmrep:1`."""
    found = header_signals(headers)
    for name in (*ROBOT_METAS, RESERVATION):
        for value in head.every(name):
            found |= meta_signals(name, value)
    if discovered.get(RESERVED_HINT) == "1":
        found.add("tdmrep:1")
    return tuple(sorted(found))


def is_paywalled(head: Head, objects: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether the page says that its article is not free to read; None if it says nothing."""
    free = [value for item in objects if (value := _truth(item.get("isAccessibleForFree"))) is not None]
    if free:
        return not all(free)
    tier = (head.first("article:content_tier", "content_tier", "cxenseparse:content-tier") or "").lower()
    if tier in ("locked", "metered", "premium", "paid", "subscriber"):
        return True
    return False if tier == "free" else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False, "yes": True, "no": False}.get(value.strip().lower().rpartition("/")[2])
    return None
