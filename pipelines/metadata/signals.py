"""What the publisher says about use and access: opt-outs from archiving and mining, whether it costs money to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.metadata.head import Head

_ROBOT_WORDS = frozenset(("noai", "noimageai", "noindex", "noarchive", "nosnippet", "none", "nocache"))
_ROBOT_METAS = ("robots", "googlebot", "googlebot-news", "googleother", "google-extended", "gptbot", "ccbot")


def find_opt_out(head: Head, headers: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Signals as `place:word`, sorted: `robots:noai`, `x-robots-tag:noarchive`, `tdm-reservation:1`.

    Sources: https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/, and the robots meta tag as search
    engines document it; `noai` as DeviantArt introduced it.
    """
    found = {f"{name}:{word}" for name in _ROBOT_METAS for value in head.every(name) for word in _robot_words(value)}
    for name, value in headers:
        key = name.lower()
        if key == "x-robots-tag":
            found |= {f"x-robots-tag:{word}" for word in _robot_words(value)}
        elif key == "tdm-reservation" and value.strip() == "1":
            found.add("tdm-reservation:1")
    if head.first("tdm-reservation") == "1":
        found.add("tdm-reservation:1")
    return tuple(sorted(found))


def _robot_words(value: str) -> set[str]:
    words = {word.strip().lower().rpartition(":")[2].strip() for word in value.split(",")}
    return words & _ROBOT_WORDS


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
