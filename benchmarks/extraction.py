"""Extractors side by side on pages with gold text: `python -m benchmarks.extraction FOLDER... [--only NAME]...`.

A FOLDER holds pages.jsonl.gz, one JSON object a line: id, url, site, html (the raw bytes as Latin-1), gold, perhaps
gold_optional. ms: CPU time a page, each extractor after a warm-up on the first page. `worldwire` sees each page alone;
`worldwire, site` sees the pages of one site together: the difference is what the site's template gives. With --unnamed
no extractor can use what it knows of class names.
"""

import argparse
import gzip
import json
import logging
import re
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from benchmarks.page_score import TextScore, score_texts

_CLASS = re.compile(r"""\sclass\s*=\s*"([^"]*)\"""")
Page = Mapping[str, str]
SiteExtractor = Callable[[list[tuple[bytes, str]]], Sequence[str | None]]
PageExtractor = Callable[[bytes, str], str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One extractor on one set."""

    name: str
    score: TextScore
    milliseconds: float


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    words.add_argument("--only", action="append", metavar="NAME", help="extractors to run; all if left out")
    words.add_argument("--markdown", action="store_true", help="print tables for docs/extraction.md")
    words.add_argument("--unnamed", action="store_true", help="replace every class name by a number, as if never seen")
    given = words.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for folder in given.folders:
        pages = read_pages(folder)
        if given.unnamed:
            pages = [{**page, "html": without_names(page["html"])} for page in pages]
        sites = len({page["site"] for page in pages})
        print(f"\n{folder.name}: {len(pages)} pages of {sites} sites\n")
        for line in table([run(name, make, pages) for name, make in extractors(given.only)], markdown=given.markdown):
            print(line, flush=True)
    return 0


def read_pages(folder: Path) -> list[Page]:
    """The pages of a set."""
    with gzip.open(folder / "pages.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def without_names(html: str) -> str:
    """The page with each class name replaced by a number: what is left of an extractor that knows no site's names."""
    return _CLASS.sub(lambda found: f' class="{" ".join(map(_number, found[1].split()))}"', html)


def _number(name: str) -> str:
    return f"x{crc32(name.encode()):x}"


def extractors(only: Sequence[str] | None) -> list[tuple[str, Callable[[], SiteExtractor]]]:
    """Names, and what makes the extractor (importing its package only then)."""
    known: dict[str, Callable[[], SiteExtractor]] = {
        "worldwire": lambda: _each(_worldwire()),
        "worldwire, site": _worldwire_site,
        "trafilatura": lambda: _each(_trafilatura()),
        "trafilatura, precision": lambda: _each(_trafilatura(favor_precision=True)),
        "trafilatura, recall": lambda: _each(_trafilatura(favor_recall=True)),
        "trafilatura, fast": lambda: _each(_trafilatura(fast=True)),
        "readability-lxml": lambda: _each(_readability()),
        "newspaper4k": lambda: _each(_newspaper()),
        "resiliparse": lambda: _each(_resiliparse()),
    }
    unknown = set(only or ()) - known.keys()
    if unknown:
        sys.exit(f"no extractor is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [(name, make) for name, make in known.items() if not only or name in only]


def run(name: str, make: Callable[[], SiteExtractor], pages: Sequence[Page]) -> Row:
    """Runs an extractor over the pages, site by site."""
    extract = make()
    extract([(pages[0]["html"].encode("latin-1"), pages[0]["url"])])
    groups: defaultdict[str, list[Page]] = defaultdict(list)
    for page in pages:
        groups[page["site"]].append(page)
    texts: list[tuple[str, str, str]] = []
    spent = 0.0
    for group in groups.values():
        bodies = [(page["html"].encode("latin-1"), page["url"]) for page in group]
        began = time.process_time()
        found = extract(bodies)
        spent += time.process_time() - began
        texts += [
            (page["gold"], page.get("gold_optional", ""), text or "") for page, text in zip(group, found, strict=True)
        ]
    return Row(name, score_texts(texts), 1000 * spent / len(pages))


def table(rows: Sequence[Row], *, markdown: bool) -> list[str]:
    """Lines of a table, best F1 first among the peers; ours on top."""
    head = ("extractor", "P", "R", "F1", "exact", "leak", "ms")
    cells = [(row.name, *(f"{value:.3f}" for value in _figures(row.score)), f"{row.milliseconds:.1f}") for row in rows]
    if markdown:
        return ["| " + " | ".join(line) + " |" for line in (head, ("---", *["---:"] * 6), *cells)]
    widths = [max(len(line[at]) for line in (head, *cells)) for at in range(len(head))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in (head, *cells)
    ]


def _figures(score: TextScore) -> tuple[float, ...]:
    return score.precision, score.recall, score.f1, score.exact, score.leak


def _each(extract: PageExtractor) -> SiteExtractor:
    def run_each(pages: list[tuple[bytes, str]]) -> list[str | None]:
        return [_guarded(extract, body, url) for body, url in pages]

    return run_each


def _guarded(extract: PageExtractor, body: bytes, url: str) -> str | None:
    """A peer that fails on a page gives no text for it."""
    try:
        return extract(body, url)
    except Exception as error:  # noqa: BLE001 - whatever another package raises is its result on that page
        print(f"{url}: {error!r:.100}", file=sys.stderr)
        return None


def _worldwire() -> PageExtractor:
    from pipelines.extract import extract_text

    return extract_text


def _worldwire_site() -> SiteExtractor:
    from pipelines.extract import extract_site

    return extract_site


def _trafilatura(**options: Any) -> PageExtractor:
    from trafilatura import extract

    return lambda body, url: extract(body, url=url, **options)


def _readability() -> PageExtractor:
    import lxml.html
    from readability import Document

    def read(body: bytes, _: str) -> str | None:
        summary = Document(body.decode("utf-8", "replace")).summary()
        blocks = lxml.html.fromstring(summary).iter("p", "h2", "h3", "h4", "li", "blockquote", "pre")
        return "\n".join(" ".join(block.text_content().split()) for block in blocks)

    return read


def _newspaper() -> PageExtractor:
    from newspaper import Article

    def read(body: bytes, url: str) -> str | None:
        article = Article(url)
        article.download(input_html=body.decode("utf-8", "replace"))
        article.parse()
        return str(article.text)

    return read


def _resiliparse() -> PageExtractor:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    return lambda body, _: str(
        extract_plain_text(bytes_to_str(body, detect_encoding(body)), main_content=True, alt_texts=False)
    )


if __name__ == "__main__":
    sys.exit(main())
