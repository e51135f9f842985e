"""The words with which publishers opt out: one reading of them for the crawl, which may obey, and for the archive.

Sources: https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/, and the robots meta tag as search
engines document it; `noai` as DeviantArt introduced it.
"""

from collections.abc import Sequence

ROBOT_METAS = ("robots", "googlebot", "googlebot-news", "googleother", "google-extended", "gptbot", "ccbot")
RESERVATION = "tdm-reservation"
RESERVED_HINT = "tdm_reservation"  # in what travels with a page: the site's /.well-known/tdmrep.json reserves it
_ROBOT_WORDS = frozenset(("noai", "noimageai", "noindex", "noarchive", "nosnippet", "none", "nocache"))


def robot_words(value: str) -> set[str]:
    """The words of a robots meta tag or an X-Robots-Tag that opt out of something."""
    words = {word.strip().lower().rpartition(":")[2].strip() for word in value.split(",")}
    return words & _ROBOT_WORDS


def header_signals(headers: Sequence[tuple[str, str]]) -> set[str]:
    """`x-robots-tag:<word>` and `tdm-reservation:1`, as the headers of an answer have them."""
    found = set()
    for name, value in headers:
        key = name.lower()
        if key == "x-robots-tag":
            found |= {f"x-robots-tag:{word}" for word in robot_words(value)}
        elif key == RESERVATION and value.strip() == "1":
            found.add(f"{RESERVATION}:1")
    return found


def meta_signals(name: str, value: str) -> set[str]:
    """`<name>:<word>` of one meta tag; `tdm-reservation:1`."""
    name = name.strip().lower()
    if name == RESERVATION:
        return {f"{RESERVATION}:1"} if value.strip() == "1" else set()
    return {f"{name}:{word}" for word in robot_words(value)} if name in ROBOT_METAS else set()
