"""`worldwire extract` and `worldwire clean`: one page or text, to look at."""

import sys
from collections import Counter
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import terminal
from pipelines.cli.options import JsonOption, utc_now
from pipelines.errors import ConfigurationError, InputError
from pipelines.model import Dropped, ExtractedPage, RawPage, SourceFacts

if TYPE_CHECKING:
    from rich.text import Text

_MAX_FILE_BYTES = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedBlock:
    """A block of the page's text; `reason` says why it is not in the article, None if it is.

    `may_return`: once the site's template is known, the block may turn out to be the article's own.
    """

    tag: str
    text: str
    reason: str | None
    may_return: bool


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
    body = read_input(page)
    raw = _raw_page(body, url or f"https://page.example/{page.name}")
    article = _article_of(raw)
    if explain:
        blocks = explain_blocks(body, raw.url)
        _show_explanation(blocks, article, html=html, as_json=as_json)
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

    sys.stdout.write(clean_text(read_input(text).decode("utf-8", "replace")) + "\n")


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


def explain_blocks(body: bytes, url: str) -> list[ExplainedBlock]:
    """Every block of the page in reading order."""
    from pipelines.extract.parse import parse_html
    from pipelines.extract.reading import read_page

    parsed = parse_html(body)
    if parsed is None:
        return []
    reading = read_page(parsed.root, url)
    reading.judge()
    judgement = reading.judgement
    if judgement is None:
        return []
    return [
        ExplainedBlock(
            tag=block.tag,
            text=block.text,
            reason=judgement.reasons[block.number],
            may_return=block.number in judgement.soft,
        )
        for block in reading.layout.blocks
    ]


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


def _show_explanation(
    blocks: list[ExplainedBlock], article: ExtractedPage | Dropped, *, html: Path | None, as_json: bool
) -> None:
    if as_json:
        terminal.show_json([asdict(block) for block in blocks])
    elif html is not None:
        title = article.facts.title if isinstance(article, ExtractedPage) else None
        try:
            html.write_text(explanation_page(blocks, title or "no article"), encoding="utf-8")
        except OSError as cause:
            raise InputError(f"{html} cannot be written: {cause.strerror}.") from cause
        terminal.note(f"{len(blocks)} blocks in {html}")
    else:
        console = terminal.console()
        for block in blocks:
            console.print(_block_line(block), soft_wrap=True)
        kept = sum(block.reason is None for block in blocks)
        dropped = Counter(block.reason for block in blocks if block.reason is not None)
        words = ", ".join(f"{reason} {count}" for reason, count in dropped.most_common())
        terminal.say(f"{kept} blocks kept; not kept: {words or 'none'}")


def _label(block: ExplainedBlock) -> str:
    if block.reason is None:
        return "kept"
    return f"{block.reason}?" if block.may_return else block.reason


def _block_line(block: ExplainedBlock) -> "Text":
    from rich.text import Text

    style = "green" if block.reason is None else "yellow" if block.may_return else "red"
    line = Text(f"{_label(block):<14} ", style=style)
    line.append(f"{block.tag:<10} ", style="dim")
    line.append(terminal.printable(block.text), style="" if block.reason is None else "dim")
    return line


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
p {{ display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; margin: 0; padding: .25rem .5rem; }}
p {{ border-left: 4px solid; }}
b {{ font-weight: 600; overflow-wrap: anywhere; }} span {{ overflow-wrap: anywhere; }}
.kept {{ border-color: #2a8f4b; }} .open {{ border-color: #b98900; opacity: .8; }}
.gone {{ border-color: #c0392b; opacity: .6; }}
</style></head><body><h1>{title}</h1>
{blocks}
</body></html>
"""


def explanation_page(blocks: list[ExplainedBlock], title: str) -> str:
    """A page that shows the blocks with what became of them; nothing of the original page can run in it."""
    rows = [
        f'<p class="{"kept" if block.reason is None else "open" if block.may_return else "gone"}">'
        f"<b>{escape(_label(block))} <small>{escape(block.tag)}</small></b><span>{escape(block.text)}</span></p>"
        for block in blocks
    ]
    return _PAGE.format(title=escape(title), blocks="\n".join(rows))
