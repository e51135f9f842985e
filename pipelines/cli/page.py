"""`worldwire extract` and `worldwire clean`: one page or text, to look at."""

import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import terminal
from pipelines.cli.options import JsonOption, check_address, utc_now
from pipelines.errors import ConfigurationError, InputError
from pipelines.model import Dropped, ExtractedPage, RawPage, SourceFacts

if TYPE_CHECKING:
    from rich.text import Text

    from pipelines.extract import ExplainedBlock

_MAX_FILE_BYTES = 100_000_000


def extract(
    page: Annotated[Path, typer.Argument(metavar="PAGE.html", help="A saved page; - is standard input.")],
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Where the page came from; helps to read links and dates."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show every block of the page: kept, or why not.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="With --explain: write a page to look at instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the article on a saved page, as the archive would have it but for what only its site's other pages tell.

    Exit code 1 if there is none.
    """
    if html is not None and not explain:
        raise ConfigurationError("--html goes with --explain.")
    check_address(url, "--url")
    body = read_input(page)
    raw = _raw_page(body, url or f"https://page.example/{page.name}")
    article = _article_of(raw)
    if explain:
        from pipelines.extract import explain_page

        _show_explanation(explain_page(body, raw.url), raw.url, html=html, as_json=as_json)
    elif isinstance(article, ExtractedPage):
        _show_article(article, as_json=as_json)
    if isinstance(article, Dropped):
        from pipelines.health import reason_in_words

        detail = f" ({article.detail})" if article.detail else ""
        terminal.complain(f"{page} gives no article: {reason_in_words(article.reason)}{detail}.")
        raise typer.Exit(1)


def clean(
    text: Annotated[Path, typer.Argument(metavar="TEXT.txt", help="A text scraped by others; - is standard input.")],
) -> None:
    """Print a text without its clutter lines: related links, comment forms, player notices, sign-up boxes.

    A sentence is never cut: a line goes as a whole or stays. Cleaning twice is cleaning once.
    """
    from pipelines.clutter import clean_text

    body = read_input(text)
    if b"\0" in body:
        raise InputError(f"{text} is no UTF-8 text.")
    terminal.show_text(clean_text(body.decode("utf-8", "replace")))


def read_input(path: Path) -> bytes:
    """The bytes of a file, or of standard input for `-`. Raises InputError."""
    try:
        if str(path) == "-":
            body = sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
        else:
            with path.open("rb") as file:
                body = file.read(_MAX_FILE_BYTES + 1)
    except OSError as cause:
        raise InputError(f"{path} cannot be read: {cause.strerror}.") from cause
    if len(body) > _MAX_FILE_BYTES:
        raise InputError(f"{path} is larger than {_MAX_FILE_BYTES // 1_000_000} MB.")
    return body


def _raw_page(body: bytes, url: str) -> RawPage:
    return RawPage(
        source=SourceFacts(id="page", name="", homepage=url),
        run_id="",
        requested_url=url,
        url=url,
        status=200,
        headers=(),
        body=body,
        fetched_at=utc_now(),
    )


def _article_of(page: RawPage) -> ExtractedPage | Dropped:
    from pipelines.extract import draft_page, finish_page
    from pipelines.template import Template

    draft = draft_page(page)
    return draft if isinstance(draft, Dropped) else finish_page(draft, Template())


def _show_article(article: ExtractedPage, *, as_json: bool) -> None:
    facts = article.facts
    if as_json:
        values = asdict(facts) | {"text": article.text, "removed": dict(article.removed)}
        terminal.show_json(values | {"extractor": article.extractor})
        return
    precision = f" (to the {facts.published_precision}, {facts.published_found_in})" if facts.published_at else ""
    shown = {
        "title": facts.title,
        "authors": ", ".join(facts.authors),
        "published": f"{terminal.moment_in_words(facts.published_at)}{precision}",
        "modified": terminal.moment_in_words(facts.modified_at),
        "language": facts.language,
        "section": facts.section,
        "tags": ", ".join(facts.tags),
        "agency": facts.credited_agency,
        "paywalled": "yes" if facts.paywalled else "",
        "opt-out": ", ".join(facts.opt_out),
        "url": facts.canonical_url,
        "removed": ", ".join(f"{kind} {count}" for kind, count in article.removed.items()),
    }
    for name, value in shown.items():
        if value:
            terminal.say(f"{name + ':':<11}{value}")
    terminal.say("")
    for paragraph in article.text.split("\n"):
        terminal.say(paragraph)


def _show_explanation(blocks: "list[ExplainedBlock]", url: str, *, html: Path | None, as_json: bool) -> None:
    from pipelines.extract import explanation_html

    if as_json:
        terminal.show_json([asdict(block) | {"why": block.why} for block in blocks])
    elif html is not None:
        try:
            html.write_text(explanation_html(blocks, url), encoding="utf-8")
        except OSError as cause:
            raise InputError(f"{html} cannot be written: {cause.strerror}.") from cause
        terminal.note(f"{len(blocks)} blocks in {html}")
    else:
        console = terminal.console()
        for block in blocks:
            console.print(_block_line(block), soft_wrap=True)
        dropped = Counter(block.why for block in blocks if not block.is_kept)
        terminal.say(f"{len(blocks) - dropped.total()} blocks kept; not kept: {dropped.total()}")
        for why, count in dropped.most_common():
            terminal.say(f"  {count:>4}  {why}")


def _block_line(block: "ExplainedBlock") -> "Text":
    from rich.text import Text

    line = Text(f"{block.reason or 'kept':<12} ", style="green" if block.is_kept else "red")
    line.append(terminal.printable(block.text), style="" if block.is_kept else "dim")
    line.append(f"  {terminal.printable(block.path)}", style="blue")
    return line
