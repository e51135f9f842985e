"""`worldwire sources`: what is in the catalogue, whether it answers, and how a source gets into it."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crawlers.cli.options import SourceOption, SourcesOption, chosen_sources
from pipelines.cli import terminal
from pipelines.cli.options import JsonOption, utc_now
from pipelines.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from crawlers.catalogue import Source
    from crawlers.cli.newcomer import Index
    from crawlers.cli.trial import Trial

logger = logging.getLogger(__name__)


def list_sources(sources: SourcesOption = None, source: SourceOption = None, as_json: JsonOption = False) -> None:
    """Show the sources of a catalogue, and whether the catalogue is free of mistakes."""
    found = chosen_sources(sources, source)
    if as_json:
        terminal.show_json([one.model_dump() for one in found])
        return
    rows = [
        (
            one.id,
            one.name,
            one.country or "",
            " ".join(one.languages),
            one.cadence,
            "found" if one.feeds is None else len(one.feeds),
            "found" if one.sitemaps is None else len(one.sitemaps),
            len(one.sections),
            one.homepage,
        )
        for one in found
    ]
    columns = ("id", "name", "country", "languages", "cadence", "#feeds", "#sitemaps", "#sections", "homepage")
    terminal.show_table(columns, rows)
    terminal.say(f"{len(found)} sources")


def check(
    sources: SourcesOption = None,
    source: SourceOption = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=256, help="Sources at a time.")] = 4,
    as_json: JsonOption = False,
) -> None:
    """Try every source: five pages each, as politely as ever, into an archive that is thrown away.

    Shows which answer, what they link to, and what extraction makes of their pages. Exit code 1 if a source gives
    nothing.
    """
    from crawlers.cli.trial import try_sources

    chosen = chosen_sources(sources, source)
    done: list[str] = []
    with terminal.progress("checking") as bar:

        def on_report(report: object) -> None:
            done.append("")
            bar.update(len(done), len(chosen), "sources")

        with try_sources(chosen, workers=workers, now=utc_now(), on_report=on_report, on_line=_log_line) as trials:
            results = [_as_values(trial) for trial in trials]
            rows = [_check_row(trial) for trial in trials]
            bad = [trial.source.id for trial in trials if not trial.is_good]
    if as_json:
        terminal.show_json(results)
    else:
        columns = ("source", "state", "#links", "#pages", "#articles", "#clutter", "what")
        terminal.show_table(columns, rows)
    if bad:
        terminal.complain(f"{len(bad)} of {len(chosen)} sources give no articles: {', '.join(bad[:20])}.")
        raise typer.Exit(1)


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="The site's homepage.")],
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Append the block to this catalogue.")
    ] = None,
    id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Instead of the id made from the host.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a site, find its feeds, news sitemaps, sections, language and country, and write its TOML block.

    Fetches five articles and shows title and first line of each: what the archive would get.
    """
    from crawlers.catalogue import checked_source, source_block
    from crawlers.cli.newcomer import homepage_of, source_id_of

    homepage = homepage_of(url)
    source_id = id or source_id_of(homepage)
    candidate = checked_source({"id": source_id, "name": homepage[:200], "homepage": homepage}, url)
    if write is not None:
        _check_writable(write)
    if source_id in _known_ids(write):
        raise ConfigurationError(f"{write} has a source {source_id!r} already; give another id with --id.")
    terminal.note(f"looking at {homepage} …")
    indexes, trial, source = _look_at(candidate)
    if not trial.answers:
        hint = "" if "://" in url else f"; if it has no https, give http://{url}"
        raise _NoSourceError(f"{homepage} {_reason(trial)}{hint}.")
    if not trial.pages:
        raise _NoSourceError(f"No article was found from {homepage}: it names no feed or sitemap with articles.")
    if as_json:
        terminal.show_json({"source": source.model_dump(), "trial": _as_values(trial)})
    else:
        _show_found(indexes, trial)
    if write is not None:
        _append(write, source_block(source))
        terminal.note(f"added {source.id} to {write}")
    elif not as_json:
        typer.echo("\n" + source_block(source))


def _look_at(candidate: "Source") -> "tuple[list[Index], Trial, Source]":
    """First the homepage, for the feeds and sitemaps it leads to; then those alone, as the catalogue will name them."""
    from crawlers.cli.newcomer import describe_source, found_indexes, with_indexes
    from crawlers.cli.trial import try_sources

    now = utc_now()
    with try_sources([candidate], workers=1, now=now, on_line=_log_line) as (trial,):
        indexes = found_indexes(trial.frontier, trial.pages, now)
    if indexes:
        named = with_indexes(candidate, indexes)
        with try_sources([named], workers=1, now=now, on_line=_log_line) as (second,):
            indexes = found_indexes(second.frontier, second.pages, now)
            trial = second if second.pages else trial
    languages = [article.facts.language for article in trial.articles]
    return indexes, trial, describe_source(candidate, indexes, trial.pages, languages)


class _NoSourceError(InputError):
    """The address gives nothing to crawl."""

    exit_code = 1


def _log_line(source_id: str, line: str) -> None:
    logger.info("%s: %s", source_id, line)


def _reason(trial: "Trial") -> str:
    from pipelines.health import failure_in_words

    return failure_in_words(trial.report.reason)


def _check_row(trial: "Trial") -> tuple[object, ...]:
    state = "well" if trial.is_good and not trial.dead_addresses() else "quiet" if trial.is_good else "ill"
    return (
        trial.source.id,
        terminal.styled(state),
        trial.report.discovered,
        len(trial.pages),
        len(trial.articles),
        sum(trial.removed().values()),
        _what(trial),
    )


def _what(trial: "Trial") -> str:
    from collections import Counter

    from pipelines.health import counts_in_words

    if not trial.answers:
        return _reason(trial)
    if dead := trial.dead_addresses():
        return f"gives nothing: {' '.join(dead)}"
    if trial.dropped:
        return "no article: " + counts_in_words(Counter(str(drop.reason) for drop in trial.dropped))
    if not trial.pages:
        return counts_in_words({**trial.report.refused, **trial.report.failed}) or "no link to an article was found"
    return trial.articles[0].facts.title or trial.articles[0].text[:80] if trial.articles else ""


def _as_values(trial: "Trial") -> dict[str, object]:
    return {
        "id": trial.source.id,
        "answers": trial.answers,
        "good": trial.is_good,
        "what": _what(trial),
        "report": terminal.as_values(trial.report),
        "dead_addresses": trial.dead_addresses(),
        "removed": dict(trial.removed()),
        "articles": [
            {"url": article.url, "title": article.facts.title, "published_at": article.facts.published_at}
            for article in trial.articles
        ],
        "dropped": [{"url": drop.url, "reason": drop.reason, "detail": drop.detail} for drop in trial.dropped],
    }


def _show_found(indexes: "list[Index]", trial: "Trial") -> None:
    rows = [(index.role, index.links, index.fresh, index.url) for index in indexes]
    terminal.show_table(("found", "#articles", "#of two days", "address"), rows)
    terminal.say("")
    for article in trial.articles:
        terminal.say(f"{terminal.moment_in_words(article.facts.published_at)}  {article.facts.title or '(no title)'}")
        terminal.say(f"    {article.text.partition(chr(10))[0][:150]}")
    for drop in trial.dropped:
        terminal.say(f"no article ({drop.reason}): {drop.url}")


def _known_ids(catalogue: Path | None) -> set[str]:
    from crawlers.catalogue import load_catalogue

    return {source.id for source in load_catalogue(catalogue)} if catalogue and catalogue.exists() else set()


def _check_writable(catalogue: Path) -> None:
    """Finds out before a site is asked that its block could not be written."""
    if catalogue.is_dir():
        raise ConfigurationError(f"{catalogue} is a folder; name a file in it with --write.")
    if not catalogue.parent.is_dir():
        raise ConfigurationError(f"{catalogue} cannot be written: there is no folder {catalogue.parent}.")
    if not os.access(catalogue.parent, os.W_OK):
        raise ConfigurationError(f"{catalogue} cannot be written: the folder {catalogue.parent} may not be changed.")


def _append(catalogue: Path, block: str) -> None:
    """The catalogue with the block at its end: the whole new file or the old one."""
    temporary = catalogue.with_name(f".{catalogue.name}.{os.getpid()}")
    try:
        before = catalogue.read_text(encoding="utf-8") if catalogue.exists() else ""
        temporary.write_text(f"{before.rstrip()}\n\n{block}".lstrip(), encoding="utf-8")
        temporary.replace(catalogue)
    except OSError as cause:
        raise InputError(f"{catalogue} cannot be written: {cause.strerror}.") from cause
    finally:
        temporary.unlink(missing_ok=True)
