"""Where captures lie, and which there are."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from pipelines.store import Store

LATE_PREFIX = "late/"
LATE_AFTER = timedelta(days=1)
WARC_SUFFIX = ".warc.gz"
REPORT_SUFFIX = ".report.json"


def capture_prefix(day: date, source_id: str) -> str:
    """The key prefix of one source's captures whose run started on that day (UTC)."""
    return f"captures/date={day.isoformat()}/source={source_id}/"


def source_of_key(key: str) -> str:
    """The source id that a capture's or report's key names."""
    return key.split("/")[2].removeprefix("source=")


def day_of_key(key: str) -> date:
    """The day (UTC) that a capture's or report's key names. Raises ValueError if it names none."""
    return date.fromisoformat(key.split("/")[1].removeprefix("date="))


def run_of_key(key: str) -> str:
    """The run id that a capture's or report's key names."""
    name = key.rsplit("/", 1)[-1]
    return name.removesuffix(REPORT_SUFFIX) if name.endswith(REPORT_SUFFIX) else name.rpartition("-")[0]


def announce_late(store: Store, key: str, now: datetime) -> None:
    """To be called before a capture or report is stored: announces one under a day that is past.

    Publishing lists only the last days; what a salvaged or repeated run stores under an older one it finds by this.
    """
    if day_of_key(key) < (now - LATE_AFTER).date():
        store.put(f"{LATE_PREFIX}{key}", b"")


def capture_keys(store: Store, *, since: date | None = None, source_id: str | None = None) -> Iterator[str]:
    """Keys of all WARC files, oldest day first; `since` and `source_id` narrow them."""
    yield from _keys(store, WARC_SUFFIX, since, source_id)


def report_keys(store: Store, *, since: date | None = None, source_id: str | None = None) -> Iterator[str]:
    """Keys of all run reports, oldest day first."""
    yield from _keys(store, REPORT_SUFFIX, since, source_id)


def _keys(store: Store, suffix: str, since: date | None, source_id: str | None) -> Iterator[str]:
    start_after = f"captures/date={since.isoformat()}/" if since else ""
    for found in store.list("captures/", start_after):
        if found.key.endswith(suffix) and source_id in (None, source_of_key(found.key)):
            yield found.key
