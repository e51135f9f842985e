"""`worldwire run` and `worldwire crawl`: fetch the sources of a catalogue; other sources go on where one fails."""

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from crawlers.cli.options import SourceOption, SourcesOption, chosen_sources
from pipelines.cli import terminal
from pipelines.cli.entry import stopping_says
from pipelines.cli.options import ArchiveOption, JsonOption, archive_settings
from pipelines.cli.publish import publish_with_progress, show_published
from pipelines.errors import StorageUnavailableError
from pipelines.model import RunReport

if TYPE_CHECKING:
    from crawlers.catalogue import Source
    from pipelines.publish import PublishSummary
    from pipelines.settings import ArchiveSettings

logger = logging.getLogger(__name__)

_STOPPED = "Stopped. What was fetched so far is kept; the next run stores and publishes it."
_FAILED = ("failed", "killed")

DelayOption = Annotated[
    float | None,
    typer.Option(
        "--delay",
        metavar="SECONDS",
        min=0,
        max=600,
        help="Wait so long between requests to one host; if not given, as the catalogue says.",
    ),
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        max=16,
        help="Requests at a time to one host; if not given, as the catalogue says.",
    ),
]
WorkersOption = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=256, help="Sources at a time.")]


def run(
    sources: SourcesOption = None,
    archive: ArchiveOption = None,
    source: SourceOption = None,
    delay: DelayOption = None,
    concurrency: ConcurrencyOption = None,
    workers: WorkersOption = 4,
    as_json: JsonOption = False,
) -> None:
    """Crawl every source once, publish what came, and show what was done.

    Only what is new is fetched; robots.txt and the delay it asks for always hold. A source that fails does not keep the
    others from going on; the exit code is then 1. Run it again as often as you like, or after it was stopped: each
    article is in the archive once.
    """
    chosen = _politely(chosen_sources(sources, source), delay, concurrency)
    settings = archive_settings(archive)
    with stopping_says(_STOPPED):
        reports = crawl_with_progress(chosen, settings, workers, before=lambda: _check_writable(settings))
        summary = publish_with_progress(settings)
    if as_json:
        terminal.show_json(
            {"sources": [terminal.as_values(report) for report in reports], "published": terminal.as_values(summary)}
        )
    else:
        show_reports(reports, summary)
        show_published(summary)
    leave(reports)


def crawl(
    sources: SourcesOption = None,
    archive: ArchiveOption = None,
    source: SourceOption = None,
    delay: DelayOption = None,
    concurrency: ConcurrencyOption = None,
    workers: WorkersOption = 4,
    as_json: JsonOption = False,
) -> None:
    """Fetch only: store what is new as WARC files in the archive, for `worldwire publish` to make articles of."""
    chosen = _politely(chosen_sources(sources, source), delay, concurrency)
    settings = archive_settings(archive)
    with stopping_says(_STOPPED):
        reports = crawl_with_progress(chosen, settings, workers, before=lambda: _check_storable(settings))
    if as_json:
        terminal.show_json([terminal.as_values(report) for report in reports])
    else:
        show_reports(reports, None)
    leave(reports)


def _politely(sources: "Sequence[Source]", delay: float | None, concurrency: int | None) -> "list[Source]":
    """The sources with the command line's politeness in place of the catalogue's."""
    given = {"delay_seconds": delay, "concurrency": concurrency}
    changes = {name: value for name, value in given.items() if value is not None}
    return [source.model_copy(update=changes) for source in sources]


def _check_writable(settings: "ArchiveSettings") -> None:
    """Finds out before an hour's crawl that its result could not be published, and imports what will publish it."""
    from pipelines.archive import Archive
    from pipelines.store import open_store

    _check_spool(settings)
    Archive(open_store(settings.uri)).open_for_publishing()
    import pipelines.publish  # noqa: F401 - now, while the crawl's processes are made ready, and not after it


def _check_storable(settings: "ArchiveSettings") -> None:
    from pipelines.archive import read_entry
    from pipelines.store import open_store

    _check_spool(settings)
    store = open_store(settings.uri)
    read_entry(store, 1)
    store.check_writing()


def _check_spool(settings: "ArchiveSettings") -> None:
    """Makes the folder in which WARC files grow. Raises StorageUnavailableError."""
    try:
        settings.spool.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise StorageUnavailableError(f"The spool {settings.spool} cannot be made: {cause.strerror}.") from cause
    if not os.access(settings.spool, os.W_OK | os.X_OK):
        raise StorageUnavailableError(f"The spool {settings.spool} may not be written.")


def crawl_with_progress(
    sources: "Sequence[Source]",
    settings: "ArchiveSettings",
    workers: int,
    *,
    days: tuple[date, date] | None = None,
    before: Callable[[], None] | None = None,
) -> list[RunReport]:
    """Crawls the sources, `workers` at a time, with a bar and a line for each.

    `days`: as `crawlers.launch.crawl`; `before`: as `crawlers.launch.crawl_all`.
    """
    from crawlers.launch import crawl_all

    told: dict[str, Counter[str]] = {}
    done: list[str] = []
    lock = threading.Lock()  # crawl_all calls from its workers' threads

    with terminal.progress("crawling") as bar:

        def show() -> None:
            total = sum(told.values(), Counter())
            note = f"sources; {total['asked']} requests, {total['captured']} pages captured"
            bar.update(len(done), len(sources), note)

        def on_progress(source_id: str, counts: Mapping[str, int]) -> None:
            with lock:
                told[source_id] = Counter(counts)
                show()

        def on_report(report: RunReport) -> None:
            with lock:
                done.append(report.source_id)
                told[report.source_id] = Counter({"asked": report.asked, "captured": report.captured})
                bar.line(_report_in_words(report))
                show()

        return crawl_all(
            sources,
            settings,
            workers=workers,
            days=days,
            on_line=lambda source_id, line: logger.info("%s: %s", source_id, line),
            on_progress=on_progress,
            on_report=on_report,
            before=before,
        )


def _report_in_words(report: RunReport) -> str:
    seconds = (report.ended_at - report.started_at).total_seconds()
    why = f" ({_why(report)})" if _why(report) else ""
    return (
        f"{report.source_id}: {report.outcome}{why}, {report.captured} captured, {report.unchanged} unchanged,"
        f" {seconds:.0f} s"
    )


def _why(report: RunReport) -> str:
    from pipelines.health import counts_in_words, failure_in_words, reason_in_words

    if report.outcome == "failed":
        return failure_in_words(report.reason)
    return reason_in_words(report.reason) or counts_in_words({**report.failed, **report.refused}, 2)


def show_reports(reports: Sequence[RunReport], summary: "PublishSummary | None") -> None:
    """A table of what each crawl did, with what publishing made of it."""
    columns = ["source", "outcome", "#links", "#requests", "#captured", "#unchanged", "#refused", "#failed"]
    rows = []
    for report in reports:
        row: list[object] = [report.source_id, terminal.styled(report.outcome), report.discovered, report.asked]
        row += [report.captured, report.unchanged, sum(report.refused.values()), sum(report.failed.values())]
        rows.append([*row, *_published(report.source_id, summary), _why(report)])
    terminal.show_table([*columns, *(["#articles", "#dropped"] if summary else []), "why"], rows)


def _published(source_id: str, summary: "PublishSummary | None") -> list[object]:
    if summary is None:
        return []
    counts = summary.sources.get(source_id)
    return ["", ""] if counts is None else [counts.new_appearances, sum(counts.dropped.values())]


def leave(reports: Sequence[RunReport]) -> None:
    """Ends the command with exit code 1 if a source failed."""
    failed = [report.source_id for report in reports if report.outcome in _FAILED]
    if failed:
        terminal.complain(f"{len(failed)} of {len(reports)} sources failed: {', '.join(failed[:20])}.")
        raise typer.Exit(1)
