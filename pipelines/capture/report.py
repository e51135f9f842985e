"""Run reports beside the captures: the crawl's own counts, for `runs`. JSON, so that a person can read one."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, date, datetime

from pipelines.capture.keys import REPORT_SUFFIX, announce_late, capture_prefix, report_keys
from pipelines.model import RunReport
from pipelines.store import Store

logger = logging.getLogger(__name__)

_KNOWN = {field.name for field in fields(RunReport)}


def write_report(store: Store, report: RunReport) -> str:
    """Stores the report, written last in a run; gives its key."""
    values = asdict(report) | {"started_at": report.started_at.isoformat(), "ended_at": report.ended_at.isoformat()}
    key = f"{capture_prefix(report.started_at.date(), report.source_id)}{report.run_id}{REPORT_SUFFIX}"
    announce_late(store, key, datetime.now(UTC))
    store.put(key, json.dumps(values, ensure_ascii=False, indent=1).encode())
    return key


def read_report(store: Store, key: str) -> RunReport:
    """The report under that key. Raises ObjectNotFoundError, and ValueError if it is not a report."""
    values = json.loads(store.get(key).body)
    if not isinstance(values, dict):
        raise TypeError(f"{key} is not a run report")
    known = {name: value for name, value in values.items() if name in _KNOWN}
    known |= {name: datetime.fromisoformat(known[name]) for name in ("started_at", "ended_at")}
    return RunReport(**known | {"captures": tuple(known.get("captures", ()))})


def read_reports(store: Store, *, since: date | None = None) -> Iterator[tuple[str, RunReport]]:
    """All reports with their keys, oldest day first; one that cannot be read is logged and passed over."""
    for key in report_keys(store, since=since):
        try:
            yield key, read_report(store, key)
        except (ValueError, TypeError, KeyError) as error:
            logger.warning("the run report %s cannot be read: %s", key, error)
