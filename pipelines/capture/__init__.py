"""RawPage ⇄ WARC 1.1 on object storage: the border between crawlers and pipelines.

    captures/date=2026-11-24/source=sky-news/<run>-<n>.warc.gz     warcinfo, then response (or revisit) + request
    captures/date=2026-11-24/source=sky-news/<run>.report.json     what the run did; written last
    late/captures/…                                                empty: that one was stored under a day long past

A WARC file explains itself: its warcinfo record holds the source's facts and the run. Bodies are kept exactly as
transferred (Content-Encoding stays); one gzip member holds one record, so a page is read by key and offset alone.
Source: https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/
"""

from pipelines.capture.body import (
    BodyEncodingError,
    BodyTooLargeError,
    decoded_body,
    decoded_body_and_end,
    decoded_payload,
)
from pipelines.capture.keys import (
    LATE_PREFIX,
    REPORT_SUFFIX,
    WARC_SUFFIX,
    capture_keys,
    capture_prefix,
    day_of_key,
    run_of_key,
    source_of_key,
)
from pipelines.capture.read import read_page, read_page_at, read_pages
from pipelines.capture.report import read_report, read_reports, write_report
from pipelines.capture.retention import RETENTION_KEY, captures_kept_from, note_retention
from pipelines.capture.takedowns import TAKEDOWNS_KEY, Takedowns, add_takedowns, load_takedowns
from pipelines.capture.tombstone import bury_records
from pipelines.capture.write import CaptureWriter, salvage_spool

__all__ = [
    "LATE_PREFIX",
    "REPORT_SUFFIX",
    "RETENTION_KEY",
    "TAKEDOWNS_KEY",
    "WARC_SUFFIX",
    "BodyEncodingError",
    "BodyTooLargeError",
    "CaptureWriter",
    "Takedowns",
    "add_takedowns",
    "bury_records",
    "capture_keys",
    "capture_prefix",
    "captures_kept_from",
    "day_of_key",
    "decoded_body",
    "decoded_body_and_end",
    "decoded_payload",
    "load_takedowns",
    "note_retention",
    "read_page",
    "read_page_at",
    "read_pages",
    "read_report",
    "read_reports",
    "run_of_key",
    "salvage_spool",
    "source_of_key",
    "write_report",
]
